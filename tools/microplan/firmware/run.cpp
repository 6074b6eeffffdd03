// SPDX-License-Identifier: Apache-2.0
// Serves a model's inferences, see serve.h. The link is two files of the host, whose names are the command line:
// requests to read, replies to write.
#include <string.h>

#include "boards/board.h"
#include "buffers.h"
#include "serve.h"

namespace {

microplan::Model model;

#if FIRMWARE_TAKES_ROWS
uint8_t input[firmware_model::kInputRows * firmware_model::kInputRowBytes];
#else
constexpr uint8_t* input = nullptr;
#endif

struct Files {
  int32_t requests;
  int32_t replies;
};

uint32_t read_requests(void* user, void* data, uint32_t bytes) {
  return board::read_file(static_cast<Files*>(user)->requests, data, bytes);
}

bool write_replies(void* user, const void* data, uint32_t bytes) {
  return bytes == 0 || board::write_file(static_cast<Files*>(user)->replies, data, bytes);
}

[[noreturn]] void fail(const char* what) {
  board::print("error ");
  board::print(what);
  board::exit(1);
}

}  // namespace

int main() {
  const microplan::Status status = firmware::init_model(model);
  if (status != microplan::Status::kOk) {
    board::print("error init");
    board::print_hex(static_cast<uint32_t>(status));
    board::print_hex(model.needed());
    board::print("\n");
    return 1;
  }

  char line[128];
  if (!board::command_line(line, sizeof line)) fail("no command line, or one of 128 bytes or more\n");
  char* space = strchr(line, ' ');
  if (space == nullptr) fail("the command line must name two files\n");
  *space = 0;

  Files files = {board::open_file(line, board::FileMode::kRead), board::open_file(space + 1, board::FileMode::kWrite)};
  if (files.requests < 0 || files.replies < 0) fail("cannot open the files of the command line\n");
  const firmware::Link link = {&files, read_requests, write_replies};
  return firmware::serve(link, model, input) ? 0 : 1;
}
