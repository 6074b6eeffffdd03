// SPDX-License-Identifier: Apache-2.0
#include "microplan/status.h"

namespace microplan {

const char* status_text(Status status) {
  if constexpr (kHasText) {
#define MICROPLAN_STATUS_TEXT(name, text) text,
    static constexpr const char* kTexts[] = {MICROPLAN_STATUS_LIST(MICROPLAN_STATUS_TEXT)};
#undef MICROPLAN_STATUS_TEXT
    const uint32_t index = static_cast<uint32_t>(status);
    if (index < sizeof kTexts / sizeof kTexts[0]) return kTexts[index];
  }
  static_cast<void>(status);
  return "";
}

}  // namespace microplan
