// SPDX-License-Identifier: Apache-2.0
#include "serve.h"

#include <string.h>

namespace firmware {

namespace {

using microplan::Model;
using microplan::PlanHeader;
using microplan::PlanStep;
using microplan::Rows;
using microplan::Status;
using microplan::StepPhase;
using microplan::View;

class Server {
 public:
  Server(const Link& link, Model& model, uint8_t* input) : link_(link), model_(model), input_(input) {}

  // Answers one frame. False when the link refused a reply.
  bool answer(const uint8_t* payload, uint32_t bytes) {
    Error error = Error::kBadLength;
    Status status = Status::kOk;
    uint8_t request = 0;
    if (bytes != 0) {
      request = payload[0];
      error = run(static_cast<Request>(request), payload + 1, bytes - 1, &status);
    }
    return send_status(request, error, status);
  }

  bool send_status(uint8_t request, Error error, Status status) {
    writer_.append_u8(static_cast<uint8_t>(Reply::kStatus));
    writer_.append_u8(request);
    writer_.append_u8(static_cast<uint8_t>(error));
    writer_.append_u8(static_cast<uint8_t>(status));
    return writer_.send(link_) && link_ok_;
  }

 private:
  Error run(Request request, const uint8_t* arguments, uint32_t bytes, Status* status) {
    switch (request) {
      case Request::kInfo:
        if (bytes != 0) return Error::kBadLength;
        send_info();
        return Error::kNone;
      case Request::kReset:
        if (bytes != 0) return Error::kBadLength;
        model_.reset();
        return Error::kNone;
      case Request::kWrite: return write(arguments, bytes);
      case Request::kInvoke:
        if (bytes != 1 || arguments[0] > 1) return Error::kBadLength;
        *status = invoke(arguments[0] == 1);
        return *status == Status::kOk ? Error::kNone : Error::kModel;
      case Request::kRead:
        if (bytes != 1) return Error::kBadLength;
        if (arguments[0] >= model_.output_count()) return Error::kBadIndex;
        send_data(Source::kOutput, arguments[0], 0, 0, model_.output(arguments[0]).raw(),
                  model_.output(arguments[0]).bytes());
        return Error::kNone;
      case Request::kPlan:
        if (bytes != 0) return Error::kBadLength;
        send_data(Source::kPlan, 0, 0, 0, &model_.plan(), model_.plan().plan_bytes);
        return Error::kNone;
    }
    return Error::kUnknownRequest;
  }

  Error write(const uint8_t* arguments, uint32_t bytes) {
    uint32_t offset;
    constexpr uint32_t kFixed = 1 + sizeof offset;
    if (bytes < kFixed) return Error::kBadLength;
    memcpy(&offset, arguments + 1, sizeof offset);
    bytes -= kFixed;
    if (arguments[0] >= model_.input_count()) return Error::kBadIndex;
    const uint32_t all = input_bytes(arguments[0]);
    if (offset > all || bytes > all - offset) return Error::kOutOfRange;
    memcpy((is_pushed(arguments[0]) ? input_ : model_.input(arguments[0]).raw()) + offset, arguments + kFixed, bytes);
    return Error::kNone;
  }

  Status invoke(bool dump) {
    if (dump) model_.on_step(on_step, this);
    const Status status = is_pushed(0) ? push() : model_.invoke();
    model_.on_step(nullptr, nullptr);
    return status;
  }

  bool is_pushed(uint32_t input) const { return input == 0 && input_ != nullptr && model_.input_rows() != 0; }
  uint32_t input_bytes(uint32_t input) const {
    return is_pushed(input) ? model_.input_rows() * model_.input_row_bytes() : model_.input(input).bytes();
  }

  // In pieces of one row, two rows and so on.
  Status push() {
    Status status = Status::kNotReady;
    const uint32_t rows = model_.input_rows();
    uint32_t first = 0;
    for (uint32_t count = 1; first != rows && status == Status::kNotReady; ++count) {
      if (count > rows - first) count = rows - first;
      status = model_.push_rows(input_ + first * model_.input_row_bytes(), count);
      first += count;
    }
    return status;
  }

  static void on_step(void* user, uint32_t step, Rows rows, StepPhase phase) {
    if (phase == StepPhase::kEnd) static_cast<Server*>(user)->send_step(step, rows);
  }

  // Rows of a step's output, which is its last view; as many at once as lie together in a ring.
  void send_step(uint32_t step, Rows rows) {
    const uint8_t* plan = reinterpret_cast<const uint8_t*>(&model_.plan());
    const uint32_t views = reinterpret_cast<const PlanStep*>(plan + model_.plan().steps)[step].view_count;
    if (views == 0) return;
    const View view = model_.step_view(step, views - 1);
    while (rows.first != rows.last) {
      const uint32_t left = rows.last - rows.first;
      const uint32_t together = view.ring_rows - rows.first % view.ring_rows;
      const uint32_t count = left < together ? left : together;
      send_data(Source::kStep, static_cast<uint16_t>(views - 1), step, rows.first * view.row_stride,
                view.row(rows.first), count * view.row_stride);
      rows.first += count;
    }
  }

  void send_info() {
    const PlanHeader& plan = model_.plan();
    const Info info = {kProtocol,       plan.plan_bytes, plan.arena_bytes, plan.state_bytes, plan.model_bytes,
                       plan.model_hash, plan.step_count, plan.input_count, plan.output_count};
    send_data(Source::kInfo, 0, 0, 0, &info, sizeof info);
    const uint32_t count = model_.input_count() + model_.output_count();
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t bytes = i < model_.input_count() ? input_bytes(i)
                                                      : model_.output(i - model_.input_count()).bytes();
      send_data(Source::kInfo, 0, 0, sizeof info + 4 * i, &bytes, sizeof bytes);
    }
  }

  // In as many frames as it takes, at least one.
  void send_data(Source source, uint16_t index, uint32_t step, uint32_t offset, const void* data, uint32_t bytes) {
    const uint8_t* next = static_cast<const uint8_t*>(data);
    do {
      writer_.append_u8(static_cast<uint8_t>(Reply::kData));
      writer_.append_u8(static_cast<uint8_t>(source));
      writer_.append_u16(index);
      writer_.append_u32(step);
      writer_.append_u32(offset);
      const uint32_t part = bytes < writer_.room() ? bytes : writer_.room();
      writer_.append(next, part);
      link_ok_ = writer_.send(link_) && link_ok_;
      next += part;
      offset += part;
      bytes -= part;
    } while (bytes != 0);
  }

  const Link& link_;
  Model& model_;
  uint8_t* const input_;
  FrameWriter writer_;
  bool link_ok_ = true;
};

}  // namespace

bool serve(const Link& link, Model& model, uint8_t* input) {
  Server server(link, model, input);
  FrameReader reader;
  uint8_t chunk[64];
  for (;;) {
    const uint32_t count = link.read(link.user, chunk, sizeof chunk);
    if (count == 0) return true;
    for (uint32_t i = 0; i < count; ++i) {
      bool ok = true;
      switch (reader.feed(chunk[i])) {
        case FrameReader::Event::kNone: break;
        case FrameReader::Event::kFrame: ok = server.answer(reader.payload(), reader.payload_bytes()); break;
        case FrameReader::Event::kBad: ok = server.send_status(0, Error::kBadFrame, Status::kOk); break;
      }
      if (!ok) return false;
    }
  }
}

}  // namespace firmware
