// SPDX-License-Identifier: Apache-2.0
// Status: what every function that can fail returns.
#ifndef MICROPLAN_STATUS_H_
#define MICROPLAN_STATUS_H_

#include <stdint.h>

#include "microplan/config.h"

// One row per status: name, text. The texts are what status_text() returns; C++ and Python both read this list.
#define MICROPLAN_STATUS_LIST(X)                                                                       \
  X(kOk, "ok")                                                                                         \
  X(kMore, "the inference has more steps to run: call step() again")                                   \
  X(kPending, "a kernel waits for hardware: call step() again")                                        \
  X(kNotInitialized, "init() was not called or did not succeed")                                       \
  X(kBudgetSpent, "the inference ran more steps than the budget allows")                               \
  X(kNotReady, "the inference needs more rows of its input: call push_rows() again")                   \
  X(kTooManyRows, "more rows were given than the inference still takes")                               \
  X(kTakesRows, "the plan takes its input by rows: call push_rows()")                                  \
  X(kTakesNoRows, "the plan does not take rows: call invoke(), or plan the model with push_rows")      \
  X(kBadPlan, "not a plan, or a damaged one")                                                          \
  X(kPlanVersion, "the plan was made for another version of the plan format: plan the model again")    \
  X(kPlanMisaligned, "the plan does not lie on a 16-byte boundary")                                    \
  X(kKernelMissing, "the plan needs a kernel that the firmware's kernel table does not have")          \
  X(kKernelAbi, "the plan was made for another version of a kernel: plan the model again")             \
  X(kArenaTooSmall, "the arena is smaller than the plan's arena_bytes")                                \
  X(kArenaMisaligned, "the arena does not lie on a 16-byte boundary")                                  \
  X(kStateTooSmall, "the state buffer is smaller than the plan's state_bytes")                         \
  X(kStateMisaligned, "the state buffer does not lie on a 16-byte boundary")                           \
  X(kModelMismatch, "the plan was made from another model file")                                       \
  X(kModelMisaligned, "the model file does not lie on a 16-byte boundary")                             \
  X(kSegmentMissing, "the plan refers to a buffer that was not given")                                 \
  X(kModelTruncated, "the model file ends before the data it refers to")                               \
  X(kModelMalformed, "not a .tflite model, or a damaged one")                                          \
  X(kModelVersion, "the model's schema version is not 3")                                              \
  X(kUnsupportedOperator, "no kernel for an operator of the model")                                    \
  X(kUnsupportedType, "no kernel for this combination of tensor types")                                \
  X(kUnsupportedShape, "a tensor's shape is not what the operator needs")                              \
  X(kUnsupportedQuantization, "a tensor's quantization is not what the operator needs")                \
  X(kUnsupportedOption, "an option of the operator is not supported")                                  \
  X(kDynamicShape, "a tensor's shape is not known before the inference")                               \
  X(kNotConstant, "an operand that must be a constant of the model is computed")                       \
  X(kTooLarge, "the model exceeds a limit of the planner")                                             \
  X(kPlanTooSmall, "the plan buffer is smaller than plan_bytes")                                       \
  X(kWorkspaceTooSmall, "the workspace is smaller than workspace_bytes")                               \
  X(kWriteFailed, "the plan's writer refused the data")                                                \
  X(kVendorRefused, "the vendor's kernel library refused its arguments or needs more scratch than was planned")

namespace microplan {

enum class [[nodiscard]] Status : uint8_t {
#define MICROPLAN_STATUS_NAME(name, text) name,
  MICROPLAN_STATUS_LIST(MICROPLAN_STATUS_NAME)
#undef MICROPLAN_STATUS_NAME
};

// One English sentence without a full stop; "" when MICROPLAN_TEXT is 0.
const char* status_text(Status status);

}  // namespace microplan

#endif  // MICROPLAN_STATUS_H_
