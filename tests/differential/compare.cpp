// SPDX-License-Identifier: Apache-2.0
// One case: the reference kernel once, every kernel of its operator in every manner that its contract allows.
#include <string.h>

#include "differential.h"
#include "microplan/kernels.h"
#include "print.h"
#include "subject.h"

namespace differential {

namespace {

using microplan::Target;
using microplan::kAllVariants;
using microplan::kAllVariantsCount;

constexpr uint32_t kMaxParamsBytes = 128;  // of the planner

bool compare_kernel(Subject& subject, const Variant& variant, const void* params, const Expected& expected,
                    Finding* finding) {
  if (!subject.run_whole(expected, false, finding)) return false;
  if (!variant.whole_only && !subject.run_whole(expected, true, finding)) return false;
  const bool cut = !variant.whole_only;
  if (cut && !subject.run_slices(expected, finding)) return false;
  if (microplan::overlap_bytes(variant, params) == microplan::kNoOverlap) return true;
  return subject.run_overlap(expected, Subject::Walk::kAtOnce, finding) &&
         (!cut || subject.run_overlap(expected, Subject::Walk::kRows, finding)) &&
         (!cut || !subject.overlaps_backwards() ||
          subject.run_overlap(expected, Subject::Walk::kRowsBackwards, finding));
}

// As the planner matches a row with an operator.
bool takes(const Variant& variant, const Variant& reference, const FakeOperator& op) {
  const DataType input = op.input(0).type;
  return variant.operator_code == reference.operator_code &&
         (variant.input_type == DataType::kNone || variant.input_type == input) &&
         (variant.filter_type == DataType::kNone || variant.filter_type == op.input(1).type) &&
         (variant.output_type == DataType::kNone ? input : variant.output_type) == op.output(0).type;
}

void print_finding(const Generator& generator, const Identity& identity, const Variant& variant, const void* params,
                   const FakeOperator& op, const Finding& finding) {
  // What matters most comes last: of a board's output a failed test shows the end.
  op.print();
  print("  params");
  for (uint32_t i = 0; i + 4 <= variant.params_bytes; i += 4) {
    uint32_t word;
    memcpy(&word, static_cast<const uint8_t*>(params) + i, sizeof word);
    print_hex(word);
  }
  print("\n");
  print(variant.name);
  print(": ");
  print(finding.what);
  print("\n  ");
  print(finding.manner);
  print(", rows [");
  print_number(finding.rows.first);
  print_number(finding.rows.last);
  print(" ), view");
  print_number(finding.view);
  print(", byte");
  print_number(finding.at);
  print(": expected");
  print_number(finding.expected);
  print(", found");
  print_number(finding.found);
  print("\n  to repeat: differential");
  print_number(identity.seed);
  print(" 1 ");
  print(variant.name);
  print_number(identity.number);
  print(" (cases of ");
  print(generator.name);
  print(")\n");
}

uint32_t hash_of(const char* text) {
  uint32_t hash = 0;
  for (; *text != 0; ++text) hash = hash * 31 + static_cast<uint8_t>(*text);
  return hash;
}

}  // namespace

Outcome compare(const Generator& generator, const Identity& identity) {
  Random random(Random(Random(identity.seed).next() ^ hash_of(generator.name)).next() + identity.number);
  Pool pool;
  FakeOperator op(pool, random);
  generator.make(op);
  const Variant* reference = nullptr;
  for (uint32_t i = 0; i < kAllVariantsCount && reference == nullptr; ++i) {
    if (strcmp(kAllVariants[i]->name, generator.name) == 0) reference = kAllVariants[i];
  }
  alignas(8) uint8_t params[kMaxParamsBytes] = {};
  Finding finding;
  if (!op.complete()) {
    finding.what = "the pool is too small for the operator";
  } else if (!takes(*reference, *reference, op)) {
    finding.what = "the generator makes other types";
  } else if (reference->params_bytes > kMaxParamsBytes) {
    finding.what = "Params are larger than the planner's";
  } else if (reference->prepare(op, params) != Status::kOk) {
    return Outcome::kRefused;
  }
  if (finding.what != nullptr) {
    print_finding(generator, identity, *reference, params, op, finding);
    return Outcome::kDiffers;
  }

  Expected expected;
  Subject reference_subject(*reference, op, params, pool, random);
  if (!reference_subject.prepare(&finding) || !reference_subject.run_reference(&expected, &finding)) {
    print_finding(generator, identity, *reference, params, op, finding);
    return Outcome::kDiffers;
  }
  const Target target = {microplan::kKernelFeatures};
  for (uint32_t i = 0; i < kAllVariantsCount; ++i) {
    const Variant& variant = *kAllVariants[i];
    if (!takes(variant, *reference, op) || variant.kernel.run == nullptr ||
        !is_asked_for(variant.name, identity.kernel) ||
        (variant.supports != nullptr && !variant.supports(params, target))) {
      continue;
    }
    const PoolScope scope(pool);
    // Of the kernel's own, so that a case is the same when it is compared alone.
    Random own(hash_of(variant.name) + identity.number);
    Subject subject(variant, op, params, pool, own);
    finding = Finding();
    if (variant.params_bytes != reference->params_bytes) {
      finding.what = "its Params are not those of the reference kernel";
    } else {
      (void)variant.cost(params, target);
    }
    if (finding.what != nullptr || !subject.prepare(&finding) ||
        !compare_kernel(subject, variant, params, expected, &finding)) {
      print_finding(generator, identity, variant, params, op, finding);
      return Outcome::kDiffers;
    }
    ++compared[i];
  }
  return Outcome::kCompared;
}

}  // namespace differential
