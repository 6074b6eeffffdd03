// SPDX-License-Identifier: Apache-2.0
// Runs a model for whoever sends requests over a link. Every frame from the host gets data frames, where there is data,
// and then exactly one status frame. Numbers are little-endian; the laptop's side is session.py.
//
//   request                              data frames that answer it
//   kInfo                                source kInfo: the words of Info, then the bytes of each input and output
//   kReset
//   kWrite  u8 input, u32 offset, bytes
//   kInvoke u8 dump                      dump 1: after each step its output, source kStep
//   kRead   u8 output                    source kOutput
//   kPlan                                source kPlan
//
//   kData   u8 source, u16 view or output, u32 step, u32 offset, bytes
//   kStatus u8 request, u8 error, u8 model status
#ifndef MICROPLAN_FIRMWARE_SERVE_H_
#define MICROPLAN_FIRMWARE_SERVE_H_

#include <stdint.h>

#include "frame.h"
#include "microplan/model.h"

namespace firmware {

constexpr uint32_t kProtocol = 1;

enum class Request : uint8_t { kInfo = 1, kReset = 2, kWrite = 3, kInvoke = 4, kRead = 5, kPlan = 6 };
enum class Reply : uint8_t { kData = 0x81, kStatus = 0x82 };
enum class Source : uint8_t { kInfo = 1, kStep = 2, kOutput = 3, kPlan = 4 };

enum class Error : uint8_t {
  kNone = 0,
  kBadFrame = 1,        // damaged or too long
  kUnknownRequest = 2,
  kBadLength = 3,       // of the request's arguments
  kBadIndex = 4,        // no such input or output
  kOutOfRange = 5,      // bytes beyond the end of the input
  kModel = 6,           // see the model status
};

struct Info {
  uint32_t protocol;
  uint32_t plan_bytes, arena_bytes, state_bytes;
  uint32_t model_bytes, model_hash;
  uint32_t step_count;
  uint32_t input_count, output_count;
};

// Serves until the link ends. False when the link refused a reply. A plan that takes rows needs `input`, memory for the
// whole of the first input: its rows are pushed when an inference is asked for.
bool serve(const Link& link, microplan::Model& model, uint8_t* input = nullptr);

}  // namespace firmware

#endif  // MICROPLAN_FIRMWARE_SERVE_H_
