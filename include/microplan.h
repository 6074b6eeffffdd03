// SPDX-License-Identifier: Apache-2.0
// Microplan: neural networks on microcontrollers. What a firmware includes:
//
//   model.h    Model (init, invoke, step, reset), Tensor (typed inputs and outputs)
//   kernels.h  the kernels to choose from
//   planner.h  plan_model, verify_plan: for models and plans that arrive at run time; linked only if called
#ifndef MICROPLAN_H_
#define MICROPLAN_H_

#include "microplan/kernels.h"
#include "microplan/model.h"
#include "microplan/planner.h"
#include "microplan/version.h"

#endif  // MICROPLAN_H_
