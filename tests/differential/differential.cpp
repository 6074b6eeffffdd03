// SPDX-License-Identifier: Apache-2.0
#include "differential.h"

#include <string.h>

#include "microplan/kernels.h"
#include "print.h"

namespace differential {

uint32_t compared[kMaxVariants];

bool is_asked_for(const char* name, const char* kernel) {
  const size_t length = strlen(kernel);
  const size_t all = strlen(name);
  if (length > all) return false;
  return kernel[0] == '_' ? strcmp(name + all - length, kernel) == 0 : strncmp(name, kernel, length) == 0;
}

namespace {

const Generators* const kFamilies[] = {
    &kConvCases,    &kDepthwiseCases, &kFullyConnectedCases, &kTransposeConvCases, &kPoolCases,
    &kSoftmaxCases, &kRecurrentCases, &kElementwiseCases,    &kShapeCases};

// False unless the whole text is a number.
bool parse(const char* text, uint32_t* number) {
  *number = 0;
  if (*text == 0) return false;
  for (; *text != 0; ++text) {
    if (*text < '0' || *text > '9') return false;
    *number = *number * 10 + static_cast<uint32_t>(*text - '0');
  }
  return true;
}

const microplan::Variant* reference_named(const char* name) {
  for (uint32_t i = 0; i < microplan::kAllVariantsCount; ++i) {
    if (strcmp(microplan::kAllVariants[i]->name, name) == 0) return microplan::kAllVariants[i];
  }
  return nullptr;
}

// Whether a kernel of the operator and types of `reference` is one that is asked for.
bool has_asked_for(const microplan::Variant& reference, const char* kernel) {
  for (uint32_t i = 0; i < microplan::kAllVariantsCount; ++i) {
    const microplan::Variant& variant = *microplan::kAllVariants[i];
    if (variant.operator_code == reference.operator_code && variant.input_type == reference.input_type &&
        variant.filter_type == reference.filter_type && variant.output_type == reference.output_type &&
        is_asked_for(variant.name, kernel)) {
      return true;
    }
  }
  return false;
}

bool run_generator(const Generator& generator, Identity identity, uint32_t count, uint32_t* cases) {
  const microplan::Variant* const reference = reference_named(generator.name);
  if (reference == nullptr) {
    print("there is no kernel ");
    print(generator.name);
    print("\n");
    return false;
  }
  if (!has_asked_for(*reference, identity.kernel)) return true;
  uint32_t refused = 0;
  for (uint32_t i = 0; i < count; ++i, ++identity.number) {
    const Outcome outcome = compare(generator, identity);
    if (outcome == Outcome::kDiffers) return false;
    (outcome == Outcome::kRefused ? refused : *cases) += 1;
  }
  // Some scales are beyond what the reference defines; a generator that prepare seldom takes tests nothing.
  if (refused * 2 <= count) return true;
  print("most cases are refused: ");
  print(generator.name);
  print("\n");
  return false;
}

// How often each kernel was compared. False when one was not that should have been.
bool print_kernels(const char* asked, uint32_t count) {
  // Kernels that support few of the cases need many.
  constexpr uint32_t kManyCases = 50;
  for (uint32_t i = 0; i < microplan::kAllVariantsCount; ++i) {
    const microplan::Variant& variant = *microplan::kAllVariants[i];
    const bool wanted = variant.kernel.run != nullptr && is_asked_for(variant.name, asked);
    if (compared[i] == 0 && !(wanted && count >= kManyCases)) continue;
    print(variant.name);
    print_number(compared[i]);
    print("\n");
    if (compared[i] == 0) {
      print("no case has reached this kernel: its operator needs a generator, or the generator other cases\n");
      return false;
    }
  }
  return true;
}

}  // namespace

int run(int argument_count, char** arguments) {
  Identity identity = {0, 0, ""};
  uint32_t count = 0;
  if (argument_count < 2 || argument_count > 4 || !parse(arguments[0], &identity.seed) || !parse(arguments[1], &count) ||
      (argument_count == 4 && !parse(arguments[3], &identity.number))) {
    print("usage: differential SEED COUNT [KERNEL [FIRST]]\n");
    return 2;
  }
  if (argument_count > 2) identity.kernel = arguments[2];
  if (microplan::kAllVariantsCount > kMaxVariants) {
    print("kMaxVariants is too small\n");
    return 2;
  }
  uint32_t cases = 0;
  for (const Generators* const family : kFamilies) {
    for (uint32_t i = 0; i < family->count; ++i) {
      if (!run_generator(family->first[i], identity, count, &cases)) return 1;
    }
  }
  if (!print_kernels(identity.kernel, count)) return 1;
  print("differential done");
  print_number(cases);
  print("\n");
  return 0;
}

}  // namespace differential
