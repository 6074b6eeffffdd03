// SPDX-License-Identifier: Apache-2.0
// A main() for a fuzz target without libFuzzer: runs every seed file as it is, then mutations of them.
//
//   fuzz_model_driver [--seconds N] [--iterations N] [--seed N] [--timeout N] [--crash FILE] SEED...
//
// A SEED is a file or a folder. Without --seconds and --iterations the seeds alone are run. Each input is written to
// the crash file before it runs and the file is removed at the end, so that it remains when the process dies.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "fuzz.h"
#include "mutate.h"

namespace microplan {
namespace fuzz {
namespace {

constexpr size_t kMaxBytes = 1u << 20;
constexpr size_t kMaxSurvivors = 512;

struct Arguments {
  uint64_t seconds = 0;
  uint64_t iterations = 0;
  uint64_t seed = 1;
  uint64_t timeout = 10;
  std::string crash = "crash.bin";
  std::vector<std::string> seeds;
};

[[noreturn]] void stop(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(2);
}

uint64_t number(const std::string& text) {
  char* end = nullptr;
  const uint64_t value = std::strtoull(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0') stop("not a number: " + text);
  return value;
}

Arguments parse(int count, char** values) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string name = values[i];
    if (name.rfind("--", 0) != 0) {
      arguments.seeds.push_back(name);
      continue;
    }
    if (++i == count) stop("no value for " + name);
    if (name == "--crash") {
      arguments.crash = values[i];
    } else if (name == "--seconds") {
      arguments.seconds = number(values[i]);
    } else if (name == "--iterations") {
      arguments.iterations = number(values[i]);
    } else if (name == "--seed") {
      arguments.seed = number(values[i]);
    } else if (name == "--timeout") {
      arguments.timeout = number(values[i]);
    } else {
      stop("unknown option " + name);
    }
  }
  return arguments;
}

// All seed files in the order of their names, so that a run can be repeated.
std::vector<std::string> list_files(const std::vector<std::string>& seeds) {
  std::vector<std::string> files;
  for (const std::string& seed : seeds) {
    if (!std::filesystem::is_directory(seed)) {
      files.push_back(seed);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(seed)) {
      if (entry.is_regular_file()) files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

Bytes read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) stop("cannot read " + path);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

extern "C" void on_alarm(int) {
  static const char message[] = "the input takes too long\n";
  (void)!write(STDERR_FILENO, message, sizeof message - 1);
  std::abort();
}

class Runner {
 public:
  explicit Runner(const Arguments& arguments)
      : timeout_(static_cast<unsigned>(arguments.timeout)),
        crash_(arguments.crash),
        file_(open(crash_.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0644)) {
    if (file_ < 0) stop("cannot write " + crash_);
    signal(SIGALRM, on_alarm);
  }

  // Whether the target accepted the input.
  bool run(const Bytes& input) {
    const ssize_t bytes = static_cast<ssize_t>(input.size());
    if (pwrite(file_, input.data(), input.size(), 0) != bytes || ftruncate(file_, bytes) != 0) {
      stop("cannot write " + crash_);
    }
    const uint64_t accepted = stats.accepted;
    alarm(timeout_);
    LLVMFuzzerTestOneInput(input.data(), input.size());
    alarm(0);
    ++count_;
    return stats.accepted != accepted;
  }
  void finish() {
    close(file_);
    unlink(crash_.c_str());
  }
  uint64_t count() const { return count_; }

 private:
  const unsigned timeout_;
  const std::string crash_;
  const int file_;
  uint64_t count_ = 0;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void fuzz(const Arguments& arguments) {
  const auto start = std::chrono::steady_clock::now();
  const std::vector<std::string> files = list_files(arguments.seeds);
  if (files.empty()) stop("no seed files");
  Runner runner(arguments);
  std::vector<Bytes> seeds;
  for (const std::string& file : files) {
    seeds.push_back(read_file(file));
    runner.run(seeds.back());
  }
  std::printf("%zu seeds: %" PRIu64 " accepted, %" PRIu64 " executed\n", seeds.size(), stats.accepted, stats.executed);

  Mutator mutator(arguments.seed);
  // Small seeds more often than large ones: they run faster, and more of a change hits their structure.
  const auto pick = [&]() -> const Bytes& {
    const Bytes& a = seeds[mutator.below(seeds.size())];
    const Bytes& b = seeds[mutator.below(seeds.size())];
    return a.size() < b.size() ? a : b;
  };
  // Mutants that were accepted are mutated again: in place of coverage, they lead away from the seeds.
  std::vector<Bytes> survivors;
  for (uint64_t i = 0; arguments.iterations == 0 || i < arguments.iterations; ++i) {
    if (arguments.seconds == 0 ? arguments.iterations == 0 : seconds_since(start) >= double(arguments.seconds)) break;
    const bool again = !survivors.empty() && mutator.below(3) == 0;
    Bytes input = again ? survivors[mutator.below(survivors.size())] : pick();
    mutator.mutate(&input, pick(), kMaxBytes);
    if (!runner.run(input)) continue;
    if (survivors.size() < kMaxSurvivors) {
      survivors.push_back(std::move(input));
    } else {
      survivors[mutator.below(kMaxSurvivors)] = std::move(input);
    }
  }
  runner.finish();
  const double seconds = seconds_since(start);
  std::printf("%" PRIu64 " inputs in %.1f s (%.0f a second): %" PRIu64 " accepted, %" PRIu64 " executed\n",
              runner.count(), seconds, double(runner.count()) / seconds, stats.accepted, stats.executed);
}

}  // namespace
}  // namespace fuzz
}  // namespace microplan

int main(int count, char** values) {
  microplan::fuzz::fuzz(microplan::fuzz::parse(count, values));
  return 0;
}
