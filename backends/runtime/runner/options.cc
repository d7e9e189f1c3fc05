#include "runner/options.h"

#include <cerrno>
#include <cstdlib>

namespace fastc::runner {

const char* const kUsage =
    "fastc-runner MODEL.fastc [options]\n"
    "  --input NAME=FILE.npy    an input (NAME as in the model, or input_0, input_1 …); those missing are random\n"
    "  --output NAME=FILE.npy   where to write an output (NAME as in the model, or output_0 …)\n"
    "  --batch N                size of the symbols on axis 0 (1)     --size SYMBOL=N   of any other symbol\n"
    "  --threads N              threads of the session (1)\n"
    "  --bench                  time it: --warmup N (3) runs, then --runs N (50); p50, p95, load, first run, peak memory\n"
    "  --profile                seconds of each op                    --json            results as one line of JSON\n"
    "  --rounds                 answer each line \"run N\" on stdin with one line of JSON: N timings\n"
    "  --verify DIR             run on DIR/input_NAME.npy, compare with DIR/output_NAME.npy; --tolerance X (1e-4)\n"
    "FASTC_CPU_ISA=generic|avx2|avx512|avx512_vnni|amx|neon forces an instruction set.\n"
    "Exit codes: 0 done, 2 wrong command line, 3 unusable model or data, 5 outputs differ from the recorded ones.\n";

namespace {

bool to_number(const std::string& text, int64_t low, int64_t& value) {
  char* end = nullptr;
  errno = 0;
  value = std::strtoll(text.c_str(), &end, 10);
  return errno == 0 && !text.empty() && *end == '\0' && value >= low && value <= int64_t{1} << 40;
}

bool split(const std::string& text, std::string& name, std::string& value) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return false;
  name = text.substr(0, equals), value = text.substr(equals + 1);
  return !value.empty();
}

bool take_value(Options& o, const std::string& flag, const std::string& value, std::string& error) {
  std::string name, rest;
  if (flag == "--input" || flag == "--output") {
    if (!split(value, name, rest)) error = flag + " expects NAME=FILE.npy, found \"" + value + "\"";
    (flag == "--input" ? o.inputs : o.outputs).emplace_back(name, rest);
  } else if (flag == "--size") {
    int64_t size = 0;
    if (!split(value, name, rest) || !to_number(rest, 0, size)) error = "--size expects SYMBOL=N, found \"" + value + "\"";
    o.sizes[name] = size;
  } else if (flag == "--verify") {
    o.verify = value;
  } else if (flag == "--tolerance") {
    char* end = nullptr;
    o.tolerance = std::strtod(value.c_str(), &end);
    o.tolerance_given = true;
    if (value.empty() || *end != '\0' || !(o.tolerance >= 0)) error = "--tolerance expects a number, found \"" + value + "\"";
  } else {
    int64_t* target = flag == "--batch" ? &o.batch : flag == "--threads" ? &o.threads : flag == "--warmup" ? &o.warmup : &o.runs;
    if (!to_number(value, flag == "--warmup" ? 0 : 1, *target)) error = flag + " expects a number, found \"" + value + "\"";
  }
  return error.empty();
}

}  // namespace

bool parse_options(int count, char** arguments, Options& o, std::string& error) {
  const std::map<std::string, bool*> switches = {{"--bench", &o.bench}, {"--rounds", &o.rounds}, {"--profile", &o.profile}, {"--json", &o.json}};
  const std::map<std::string, int> valued = {{"--input", 0}, {"--output", 0}, {"--size", 0}, {"--verify", 0}, {"--tolerance", 0},
                                             {"--batch", 0}, {"--threads", 0}, {"--warmup", 0}, {"--runs", 0}};
  for (int i = 1; i < count; ++i) {
    const std::string flag = arguments[i];
    if (flag == "--help" || flag == "-h") {
      o.model.clear();
      return false;
    }
    if (const auto found = switches.find(flag); found != switches.end()) {
      *found->second = true;
    } else if (valued.count(flag) > 0) {
      if (i + 1 == count) error = flag + " expects a value";
      else if (take_value(o, flag, arguments[i + 1], error)) ++i;
    } else if (flag.rfind("-", 0) == 0) {
      error = "unknown option " + flag;
    } else if (!o.model.empty()) {
      error = "one model at a time: found \"" + o.model + "\" and \"" + flag + "\"";
    } else {
      o.model = flag;
    }
    if (!error.empty()) return false;
  }
  if (o.model.empty()) error = "expected the path of a .fastc artifact";
  return error.empty();
}

}  // namespace fastc::runner
