// The runner's command line.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace fastc::runner {

struct Options {
  std::string model;
  std::vector<std::pair<std::string, std::string>> inputs, outputs;  // NAME, file
  std::map<std::string, int64_t> sizes;                              // symbol name → size
  int64_t batch = 1, threads = 1, warmup = 3, runs = 50;
  bool bench = false, rounds = false, profile = false, json = false;
  std::string verify;        // folder with input_NAME.npy and output_NAME.npy
  double tolerance = 1e-4;   // of the largest recorded output, for floats; integers must be equal
  bool tolerance_given = false;
};

extern const char* const kUsage;

// False with a sentence in `error`. An empty model with an empty error means --help.
bool parse_options(int count, char** arguments, Options& options, std::string& error);

}  // namespace fastc::runner
