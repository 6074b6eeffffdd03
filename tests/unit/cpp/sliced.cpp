// SPDX-License-Identifier: Apache-2.0
// Runs a model twice: once by the executor, whole tensors in the arena, and once by slices of random height, where every
// tensor between two operators exists only as a ring of the rows that its readers still need. Both must give equal bytes.
//
//   sliced MODEL.tflite SEED
//
// Prints "N steps, M calls, R of W rows in rings" and exits with 0 when all outputs are equal.
#include <map>
#include <random>
#include <vector>

#include "planned_model.h"

using namespace microplan;

namespace {

// A tensor that one step writes and others read, as whole rows.
struct Stream {
  PlanView whole = {};       // as the plan has it
  uint32_t rows = 0;
  int32_t producer = -1;     // step; -1: an input or a constant, whole from the start
  const std::vector<uint8_t>* given = nullptr;  // the bytes of an input or a constant
  bool ring = true;          // false: some reader sees other rows (a reshape) or it is an output: kept whole
  uint32_t capacity = 0;     // rows of the ring
  uint32_t produced = 0;     // rows [0, produced) have been written
  std::vector<uint32_t> reader_needs;  // first row that each reader still needs
  std::vector<uint8_t> memory;
};

struct SlicedStep {
  uint32_t index;
  const Variant* variant;
  const void* params;
  Footprint footprint;
  std::vector<uint32_t> streams;  // of each view
  std::vector<uint32_t> reader;   // which of the stream's readers this view is
};

class SlicedRun {
 public:
  SlicedRun(const PlannedModel& model, uint32_t seed) : model_(model), random_(seed) { collect(); }

  // First finds out how many rows each ring must hold, then runs with rings of exactly that size.
  void run() {
    const std::mt19937 start = random_;
    schedule(false);
    for (Stream& stream : streams_) {
      stream.memory.assign(static_cast<size_t>(stream.capacity) * stream.whole.row_stride, 0xA5);
      if (stream.producer < 0) stream.memory = *stream.given;
      total_rows_ += stream.rows;
      ring_rows_ += stream.capacity;
    }
    random_ = start;
    schedule(true);
  }

  // The bytes of the tensor that step `step` has written.
  const std::vector<uint8_t>& output_of(uint32_t step) const { return streams_[steps_[step].streams.back()].memory; }
  void print() const {
    printf("%zu steps, %u calls, %u of %u rows in rings\n", steps_.size(), calls_, ring_rows_, total_rows_);
  }

 private:
  void collect() {
    std::map<uint32_t, uint32_t> current;  // memory reference -> the stream that lies there at this step
    for (uint32_t i = 0; i < model_.head().step_count; ++i) {
      SlicedStep sliced = {i, &model_.variant(i), model_.at<void>(model_.step(i).params), {}, {}, {}};
      if (!sliced.variant->footprint(sliced.params, &sliced.footprint)) die("bad step");
      const uint32_t view_count = model_.step(i).view_count;
      for (uint32_t v = 0; v < view_count; ++v) {
        const PlanView view = model_.view(i, v);
        const bool is_output = v + 1 == view_count;
        if (is_output || current.count(view.ref.bits) == 0) {
          Stream stream;
          stream.whole = view;
          stream.rows = view.ring_rows;
          stream.producer = is_output ? static_cast<int32_t>(i) : -1;
          stream.given = is_output ? nullptr : &model_.inputs[i][v];
          current[view.ref.bits] = static_cast<uint32_t>(streams_.size());
          streams_.push_back(stream);
        }
        const uint32_t index = current[view.ref.bits];
        Stream& stream = streams_[index];
        if (stream.rows != view.ring_rows || stream.whole.row_stride != view.row_stride) stream.ring = false;
        sliced.streams.push_back(index);
        sliced.reader.push_back(static_cast<uint32_t>(stream.reader_needs.size()));
        if (!is_output) stream.reader_needs.push_back(0);
      }
      steps_.push_back(sliced);
    }
    for (Stream& stream : streams_) {
      if (stream.producer < 0 || stream.reader_needs.empty()) stream.ring = false;
    }
  }

  void schedule(bool execute) {
    for (Stream& stream : streams_) {
      stream.produced = stream.producer < 0 ? stream.rows : 0;
      if (!execute) stream.capacity = stream.ring ? 0 : stream.rows;
      for (uint32_t& needs : stream.reader_needs) needs = 0;
    }
    for (uint32_t i = 0; i < steps_.size(); ++i) {
      const Stream& output = streams_[steps_[i].streams.back()];
      if (output.reader_needs.empty()) produce(i, output.rows, execute);
    }
  }

  // Runs step `index` until its output has `rows` rows.
  void produce(uint32_t index, uint32_t rows, bool execute) {
    const SlicedStep& sliced = steps_[index];
    const uint32_t output = sliced.streams.back();
    while (streams_[output].produced < rows) {
      const Rows slice = next_slice(sliced, streams_[output]);
      for (uint32_t v = 0; v + 1 < sliced.streams.size(); ++v) {
        Stream& input = streams_[sliced.streams[v]];
        const Rows needed = sliced.variant->input_rows(sliced.params, v, slice);
        // A reader that sees the tensor in rows of its own (a reshape) waits for all of it.
        const bool same_rows = input.ring || sliced.footprint.view[v].rows == input.rows;
        input.reader_needs[sliced.reader[v]] = same_rows ? needed.first : 0;
        if (input.producer >= 0) produce(static_cast<uint32_t>(input.producer), same_rows ? needed.last : input.rows, execute);
      }
      grow(streams_[output], slice.last, execute);
      if (execute) call(sliced, slice);
      streams_[output].produced = slice.last;
    }
  }

  Rows next_slice(const SlicedStep& sliced, const Stream& output) {
    const uint32_t rows = output.rows;
    const uint32_t height = sliced.variant->whole_only ? rows : 1 + random_() % 4;
    return {output.produced, output.produced + height < rows ? output.produced + height : rows};
  }

  // The rows from the first one that some reader still needs to the newest must fit the ring.
  void grow(Stream& stream, uint32_t last, bool execute) {
    if (!stream.ring) return;
    uint32_t first = last;
    for (const uint32_t needs : stream.reader_needs) first = needs < first ? needs : first;
    if (execute) {
      if (last - first > stream.capacity) die("the second schedule differs from the first");
    } else if (last - first > stream.capacity) {
      stream.capacity = last - first;
    }
  }

  void call(const SlicedStep& sliced, Rows slice) {
    ++calls_;
    std::vector<uint8_t*> memory;
    std::vector<uint32_t> ring_rows;
    for (uint32_t v = 0; v < sliced.streams.size(); ++v) {
      Stream& stream = streams_[sliced.streams[v]];
      memory.push_back(stream.memory.data());
      ring_rows.push_back(stream.ring ? stream.capacity : model_.view(sliced.index, v).ring_rows);
    }
    model_.call(sliced.index, slice, memory, ring_rows);
  }

  const PlannedModel& model_;
  std::mt19937 random_;
  std::vector<Stream> streams_;
  std::vector<SlicedStep> steps_;
  uint32_t calls_ = 0, ring_rows_ = 0, total_rows_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) die("usage: sliced MODEL.tflite SEED");
  std::mt19937 random(static_cast<uint32_t>(strtoul(argv[2], nullptr, 10)));
  PlannedModel model(argv[1]);
  model.run(random);
  SlicedRun sliced(model, static_cast<uint32_t>(random()));
  sliced.run();
  for (uint32_t step = 0; step < model.head().step_count; ++step) {
    const std::vector<uint8_t>& bytes = sliced.output_of(step);
    // A ring holds only the newest rows; what is whole is compared.
    if (bytes.size() == model.outputs[step].size() && bytes != model.outputs[step]) {
      fprintf(stderr, "step %u differs\n", step);
      return 1;
    }
  }
  sliced.print();
  return 0;
}
