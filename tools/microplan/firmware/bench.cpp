// SPDX-License-Identifier: Apache-2.0
// Measures a model on a board and prints raw figures, one line each: a key and hexadecimal numbers. The laptop computes
// with them (device.py), so that this program stays small: all that it links beside the model counts as the runtime's.
//
//   <region> <index> <delay> <ticks>    one run of a region, see board.h for what the pair means. Regions: empty; marks
//                                       (two calls of empty functions); loop (index: rounds); init; invoke; step
//                                       (index: step of the plan, ffffffff: none)
//   output_crc32 <crc>                  of all outputs of the first invocation
//   stack_bytes <bytes>                 of one invocation
//   error <what> <status> <needed>      the end of a failed run
//   microplan-bench done <lines>        the end of a good one; `lines` before this one
#include "boards/board.h"
#include "buffers.h"
#include "crc32.h"
#include "microplan/model.h"

// An outside observer finds the second invocation between these two.
extern "C" __attribute__((noipa)) void microplan_bench_begin() { asm volatile(""); }
extern "C" __attribute__((noipa)) void microplan_bench_end() { asm volatile(""); }

namespace {

using microplan::Model;
using microplan::Rows;
using microplan::Status;
using microplan::StepPhase;

constexpr uint32_t kTick = BOARD_INSTRUCTIONS_PER_TICK;
// Regions up to this long are run again with other delays until their length is exact, six times or so; longer ones
// once. Below 2^24 ticks no wrap of the counter adds instructions of its handler.
constexpr uint32_t kExactTicks = 400000000 / kTick;
// Steps are all measured in one invocation, so exact figures for them take kTick invocations.
constexpr uint32_t kExactStepsTicks = 30000000 / kTick;

// Loops that prove the counter.
constexpr uint32_t kLoopRounds[] = {1, 100, 10000};

Model model;

// On the stack of main(): static memory is the runtime's.
struct Bench {
  uint32_t lines = 0;
  uint32_t delay = 0;
};

void end_line(Bench& bench) {
  board::print("\n");
  ++bench.lines;
}

void print_figure(Bench& bench, const char* key, uint32_t value) {
  board::print(key);
  board::print_hex(value);
  end_line(bench);
}

void print_sample(Bench& bench, const char* region, uint32_t index, uint32_t delay, uint32_t ticks) {
  board::print(region);
  board::print_hex(index);
  board::print_hex(delay);
  board::print_hex(ticks);
  end_line(bench);
}

void require_ok(uint32_t status, const char* what) {
  if (status == static_cast<uint32_t>(Status::kOk)) return;
  board::print("error ");
  board::print(what);
  board::print_hex(status);
  board::print_hex(model.needed());
  board::print("\n");
  board::exit(1);
}

// Everything that is measured has this type, so that calling it costs the same. Returns a Status.
using Region = uint32_t (*)(uint32_t argument);

__attribute__((noipa)) uint32_t empty(uint32_t) { return 0; }

__attribute__((noipa)) uint32_t init(uint32_t) { return static_cast<uint32_t>(firmware::init_model(model)); }

__attribute__((noipa)) void no_mark() { asm volatile(""); }

#if FIRMWARE_TAKES_ROWS
// What fill_inputs() writes into other inputs, which repeats itself after 256 bytes: any row begins somewhere in it.
struct Pattern {
  static constexpr uint32_t kPeriod = 256;
  uint8_t bytes[kPeriod + firmware_model::kInputRowBytes];

  constexpr Pattern() : bytes() {
    for (uint32_t i = 0; i < sizeof bytes; ++i) bytes[i] = static_cast<uint8_t>(i * 37 + 11);
  }
};
constexpr Pattern kPattern;

[[gnu::always_inline]] inline Status infer() {
  Status status = Status::kNotReady;
  for (uint32_t row = 0; status == Status::kNotReady; ++row) {
    status = model.push_rows(kPattern.bytes + row * firmware_model::kInputRowBytes % Pattern::kPeriod, 1);
  }
  return status;
}
#else
[[gnu::always_inline]] inline Status infer() { return model.invoke(); }
#endif

template <void (*kBegin)(), void (*kEnd)()>
__attribute__((noipa)) uint32_t invoke(uint32_t) {
  kBegin();
  const Status status = infer();
  kEnd();
  return static_cast<uint32_t>(status);
}

// The same without the inference, which is what an observer between the marks does not see.
__attribute__((noipa)) uint32_t marks(uint32_t) {
  no_mark();
  no_mark();
  return 0;
}

// Inputs are consumed by an invocation, so they are written before each.
void fill_inputs() {
  for (uint32_t i = 0; i < model.input_count(); ++i) {
    uint8_t* data = model.input(i).raw();
    for (uint32_t byte = 0; byte < model.input(i).bytes(); ++byte) data[byte] = static_cast<uint8_t>(byte * 37 + 11);
  }
}

// Makes the next invocation the second one after a reset, in which instruction counts may differ from the first one's.
void prepare_second() {
  if (firmware_model::kStateBytes != 0) {
    model.reset();
    fill_inputs();
    require_ok(static_cast<uint32_t>(infer()), "invoke");
  }
  fill_inputs();
}

__attribute__((noipa)) uint32_t sample(Bench& bench, const char* key, Region region, uint32_t argument,
                                       uint32_t delay) {
  board::counter_start(delay);
  const uint32_t status = region(argument);
  const uint32_t ticks = board::counter_ticks();
  require_ok(status, key);
  print_sample(bench, key, argument, delay, ticks);
  return ticks;
}

// Finds the delay at which the region takes one tick more than `ticks`, what it took without delay.
void search(Bench& bench, const char* key, Region region, uint32_t argument, uint32_t ticks) {
  if (ticks > kExactTicks) return;
  uint32_t low = 1, high = kTick;
  while (low < high) {
    const uint32_t delay = (low + high) / 2;
    if (region == invoke<no_mark, no_mark>) prepare_second();
    if (sample(bench, key, region, argument, delay) > ticks) {
      high = delay;
    } else {
      low = delay + 1;
    }
  }
}

void measure(Bench& bench, const char* key, Region region, uint32_t argument) {
  search(bench, key, region, argument, sample(bench, key, region, argument, 0));
}

__attribute__((noipa)) void on_step(void* user, uint32_t step, Rows, StepPhase phase) {
  Bench& bench = *static_cast<Bench*>(user);
  if (phase == StepPhase::kBegin) {
    board::counter_start(bench.delay);
    return;
  }
  print_sample(bench, "step", step, bench.delay, board::counter_ticks());
}

void measure_steps(Bench& bench, uint32_t invoke_ticks) {
  constexpr uint32_t kNoStep = UINT32_MAX;
  const uint32_t delays = invoke_ticks > kExactStepsTicks ? 1 : kTick;
  for (bench.delay = 0; bench.delay < kTick; ++bench.delay) {
    on_step(&bench, kNoStep, Rows{}, StepPhase::kBegin);
    on_step(&bench, kNoStep, Rows{}, StepPhase::kEnd);
  }
  for (bench.delay = 0; bench.delay < delays; ++bench.delay) {
    prepare_second();
    model.on_step(on_step, &bench);
    require_ok(static_cast<uint32_t>(infer()), "step");
    model.on_step(nullptr, nullptr);
  }
}

// Paints the free stack, invokes, and looks how far down the paint is gone. The stores are volatile so that they do not
// become a call of memset, which would stand on the very stack.
__attribute__((noipa)) uint32_t invoke_stack_bytes() {
  volatile uint32_t* top;
  asm volatile("add %0, sp, %1" : "=r"(top) : "i"(0));  // an instruction that Arm and RISC-V have in common
  for (volatile uint32_t* word = board::board_stack_limit; word != top; ++word) *word = board::kStackPaint;
  require_ok(static_cast<uint32_t>(infer()), "invoke");
  const volatile uint32_t* word = board::board_stack_limit;
  while (*word == board::kStackPaint) ++word;
  return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(top) - reinterpret_cast<uintptr_t>(word));
}

}  // namespace

int main() {
  Bench bench;
  board::counter_init();
  measure(bench, "empty", empty, 0);
  measure(bench, "marks", marks, 0);
  for (uint32_t rounds : kLoopRounds) measure(bench, "loop", board::counter_loop, rounds);
  measure(bench, "init", init, 0);

  fill_inputs();
  print_figure(bench, "stack_bytes", invoke_stack_bytes());
  uint32_t crc = 0;
  for (uint32_t i = 0; i < model.output_count(); ++i) {
    crc = firmware::crc32(crc, model.output(i).raw(), model.output(i).bytes());
  }
  print_figure(bench, "output_crc32", crc);

  fill_inputs();
  const uint32_t ticks = sample(bench, "invoke", invoke<microplan_bench_begin, microplan_bench_end>, 0, 0);
  search(bench, "invoke", invoke<no_mark, no_mark>, 0, ticks);
  measure_steps(bench, ticks);

  board::print("microplan-bench done");
  board::print_hex(bench.lines);
  board::print("\n");
  return 0;
}
