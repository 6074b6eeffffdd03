// SPDX-License-Identifier: Apache-2.0
// Every build option and every compiler feature that the library looks at, each defaulted once.
#ifndef MICROPLAN_CONFIG_H_
#define MICROPLAN_CONFIG_H_

#include <stdint.h>

// 1: status_text() and the planner's diagnostics carry English text. 0: they return "" and the strings leave the flash.
#ifndef MICROPLAN_TEXT
#define MICROPLAN_TEXT 1
#endif

// 1: the build brings CMSIS-NN (headers on the include path, library linked), and the kernels that call it exist.
#ifndef MICROPLAN_CMSIS_NN
#define MICROPLAN_CMSIS_NN 0
#endif

// 1: kernels for the DSP extension and for scalar floating-point units are built from portable code, so that a laptop can
// run a plan that was made for another target. Only simulators of targets want this: the portable code is slow.
#ifndef MICROPLAN_EMULATE_DSP
#define MICROPLAN_EMULATE_DSP 0
#endif

// 1: the planner can do what only a laptop has the memory for: graph passes (planner/passes), and the order of rows
// (planner/layout). This code uses the C++ standard library.
#ifndef MICROPLAN_PASSES
#define MICROPLAN_PASSES 0
#endif

// 1: this build has the kernels for scalar single-precision units.
#if (defined(__arm__) && defined(__ARM_FP) && (__ARM_FP & 4)) || MICROPLAN_EMULATE_DSP
#define MICROPLAN_HAS_FPU 1
#else
#define MICROPLAN_HAS_FPU 0
#endif

#if defined(__BYTE_ORDER__) && (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
#error "microplan: plans are little-endian; big-endian targets are not supported"
#endif

namespace microplan {

// What a target's instruction set offers; the bits of Target::features.
enum TargetFeature : uint32_t {
  kFeatureDsp = 1u << 0,    // Armv7E-M or Armv8-M DSP extension
  kFeatureMve = 1u << 1,    // Helium, integer
  kFeatureMveF = 1u << 2,   // Helium, floating point
  kFeatureFpu = 1u << 3,    // single-precision floating point in hardware
  kFeatureCmsisNn = 1u << 4,  // CMSIS-NN is part of the build: MICROPLAN_CMSIS_NN
};

// The features of the target that this translation unit is compiled for.
constexpr uint32_t kCompiledFeatures = 0
#if defined(__ARM_FEATURE_DSP)
                                       | kFeatureDsp
#endif
#if defined(__ARM_FEATURE_MVE)
                                       | kFeatureMve
#if (__ARM_FEATURE_MVE & 2)
                                       | kFeatureMveF
#endif
#endif
#if defined(__arm__) && defined(__ARM_FP) && (__ARM_FP & 4)
                                       | kFeatureFpu
#endif
#if MICROPLAN_CMSIS_NN
                                       | kFeatureCmsisNn
#endif
    ;

// The features whose kernels exist in this translation unit's build.
constexpr uint32_t kKernelFeatures =
    MICROPLAN_EMULATE_DSP != 0 ? kCompiledFeatures | kFeatureDsp | kFeatureFpu : kCompiledFeatures;

constexpr bool kHasText = MICROPLAN_TEXT != 0;

}  // namespace microplan

#endif  // MICROPLAN_CONFIG_H_
