// SPDX-License-Identifier: Apache-2.0
// Emission: writes the plan of a built and placed graph.
#ifndef MICROPLAN_PLANNER_EMIT_H_
#define MICROPLAN_PLANNER_EMIT_H_

#include "microplan/planner/graph.h"

namespace microplan {

// Lays the plan out and, when `writer.write` is not nullptr, writes it. Fills in the result's sizes; without a writer the
// observer hears nothing.
Status emit_plan(Graph& graph, const PlanWriter& writer, PlanResult& result);

}  // namespace microplan

#endif  // MICROPLAN_PLANNER_EMIT_H_
