// SPDX-License-Identifier: Apache-2.0
// Classifies handwritten digits and says what it sees. Exit code 0: it recognised all of them.
#include <microplan.h>
#include <stdio.h>

#include "digits.h"   // made by: microplan embed examples/digits/digits.tflite --out .
#include "samples.h"  // made by: python examples/digits/make_samples.py

static microplan::Arena<digits::kArenaBytes> arena;
static microplan::Model model;

// puts() is all it needs of the C library: a board without stdout brings its own.
static void say(uint8_t label, uint32_t seen) {
  char line[] = "? seen as ?";
  line[0] = static_cast<char>('0' + label);
  line[sizeof line - 2] = static_cast<char>('0' + seen);
  puts(line);
}

int main() {
  if (digits::init(model, arena) != microplan::Status::kOk) return 1;
  bool all = true;
  for (const Sample& sample : kSamples) {
    model.input().quantize(sample.pixels, 1 / 16.0f);
    if (model.invoke() != microplan::Status::kOk) return 1;
    const uint32_t seen = model.output().argmax();
    say(sample.label, seen);
    all = all && seen == sample.label;
  }
  puts(all ? "all right" : "not all right");
  return all ? 0 : 1;
}
