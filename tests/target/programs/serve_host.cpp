// SPDX-License-Identifier: Apache-2.0
// The run application on the host: requests from stdin, replies to stdout.
#include <stdio.h>

#include "buffers.h"
#include "serve.h"

int main() {
  static microplan::Model model;
  if (firmware::init_model(model) != microplan::Status::kOk) return 1;
  const firmware::Link link = {
      nullptr,
      [](void*, void* data, uint32_t bytes) { return static_cast<uint32_t>(fread(data, 1, bytes, stdin)); },
      [](void*, const void* data, uint32_t bytes) { return fwrite(data, 1, bytes, stdout) == bytes; }};
  return firmware::serve(link, model) ? 0 : 1;
}
