// SPDX-License-Identifier: Apache-2.0
// Compares every variant of every operator with the operator's reference kernel, on random cases, without a model: what the
// planner asks of a kernel is asked here, and run() gets memory of exactly the sizes and alignments that it was promised.
// The program is the same on hosts and on boards: no heap, no library beyond memcpy().
//
//   differential SEED COUNT [KERNEL [FIRST]]
//
// runs cases FIRST (0) to FIRST + COUNT of each operator and compares the kernels whose names begin with
// KERNEL, or end with it when it is an underscore and a variant.
#ifndef MICROPLAN_TESTS_DIFFERENTIAL_DIFFERENTIAL_H_
#define MICROPLAN_TESTS_DIFFERENTIAL_DIFFERENTIAL_H_

#include <stdint.h>

#include "fake_operator.h"

namespace differential {

// Makes the cases of one kernel and its variants.
struct Generator {
  const char* name;  // the reference kernel's
  void (*make)(FakeOperator& op);
};
struct Generators {
  const Generator* first;
  uint32_t count;

  template <uint32_t kCount>
  constexpr Generators(const Generator (&list)[kCount]) : first(list), count(kCount) {}
};

extern const Generators kConvCases, kDepthwiseCases, kFullyConnectedCases, kTransposeConvCases, kPoolCases, kSoftmaxCases,
    kRecurrentCases, kElementwiseCases, kShapeCases;

// Which case this is.
struct Identity {
  uint32_t seed, number;
  const char* kernel;  // the names of kernels to compare begin with it, or end when it begins with an underscore
};
bool is_asked_for(const char* name, const char* kernel);

// How often a kernel was compared, by its place in kAllVariants.
constexpr uint32_t kMaxVariants = 512;
extern uint32_t compared[kMaxVariants];

enum class Outcome : uint8_t { kCompared, kRefused, kDiffers };

// Compares one case. kRefused: prepare does not take it.
Outcome compare(const Generator& generator, const Identity& identity);

// The program; returns its exit code.
int run(int argument_count, char** arguments);

}  // namespace differential

#endif  // MICROPLAN_TESTS_DIFFERENTIAL_DIFFERENTIAL_H_
