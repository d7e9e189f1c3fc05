// A model with a session and arrays for its inputs and outputs: what every mode of the runner works on.
#pragma once

#include <string>
#include <vector>

#include "fastc_rt.hpp"
#include "runner/npy.h"
#include "runner/options.h"

namespace fastc::runner {

struct Job {
  Model model;
  Session session;
  std::vector<Array> inputs, outputs;
  std::vector<fastc_rt_tensor> in, out;
  double load_ms = 0, first_ms = 0;  // file to ready session; first run
  std::string error;

  // Opens everything: inputs from files where given, else random numbers of the shapes the options ask for.
  bool open(const Options& options);
  bool run();          // once more
  bool first_run();    // timed; falls back from random indices to zeros, which every table has

  int find(const std::string& name, bool input) const;  // by name or input_0, output_0 …; −1
  std::string name(int index, bool input) const;

 private:
  bool fill_input(const Options& options, int index);
  bool open_session(const Options& options);
};

double now_ms();
uint64_t peak_memory_bytes();
std::string json_string(const std::string& text);

}  // namespace fastc::runner
