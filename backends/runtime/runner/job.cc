#include "runner/job.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>

namespace fastc::runner {
namespace {

// Uniform in [-1, 1), the same on every machine (splitmix64, Steele et al. 2014).
float uniform(uint64_t& state) {
  uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return static_cast<float>((z ^ (z >> 31)) >> 40) * 0x1p-23f - 1.0f;
}

void randomize(Array& array, uint64_t seed) {
  const int64_t count = array.elements();
  for (int64_t i = 0; i < count; ++i) {
    const float value = uniform(seed);
    switch (array.dtype) {
      case FASTC_RT_F32: std::memcpy(array.data.data() + i * 4, &value, 4); break;
      case FASTC_RT_F64: {
        const double wide = value;
        std::memcpy(array.data.data() + i * 8, &wide, 8);
        break;
      }
      case FASTC_RT_I64: {
        const int64_t index = i % 97;
        std::memcpy(array.data.data() + i * 8, &index, 8);
        break;
      }
      case FASTC_RT_I32: {
        const int32_t index = static_cast<int32_t>(i % 97);
        std::memcpy(array.data.data() + i * 4, &index, 4);
        break;
      }
      case FASTC_RT_BOOL: array.data[static_cast<size_t>(i)] = 1; break;
      case FASTC_RT_U8: case FASTC_RT_S8: array.data[static_cast<size_t>(i)] = static_cast<unsigned char>(i * 37); break;
      default: break;  // 16-bit floats stay zero
    }
  }
}

}  // namespace

double now_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The largest resident set since exec, shared pages included. Not getrusage: Linux lets a child start with the peak of the
// process it was forked from, and the parent here may hold LibTorch.
uint64_t peak_memory_bytes() {
  std::FILE* status = std::fopen("/proc/self/status", "r");
  if (!status) return 0;
  unsigned long long kib = 0;
  for (char line[256]; std::fgets(line, sizeof line, status);)
    if (std::sscanf(line, "VmHWM: %llu kB", &kib) == 1) break;
  std::fclose(status);
  return kib * 1024;
}

std::string json_string(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    char escaped[8];
    if (c == '"' || c == '\\') quoted += '\\', quoted += c;
    else if (static_cast<unsigned char>(c) < 0x20) std::snprintf(escaped, sizeof escaped, "\\u%04x", c), quoted += escaped;
    else quoted += c;
  }
  return quoted + "\"";
}

std::string Job::name(int index, bool input) const {
  const fastc_rt_value_info info = input ? model.input(index) : model.output(index);
  return info.name == nullptr ? "" : info.name;
}

int Job::find(const std::string& wanted, bool input) const {
  const int count = input ? model.input_count() : model.output_count();
  for (int i = 0; i < count; ++i) {
    if (name(i, input) == wanted || (input ? "input_" : "output_") + std::to_string(i) == wanted) return i;
  }
  return -1;
}

bool Job::fill_input(const Options& options, int index) {
  const fastc_rt_value_info info = model.input(index);
  Array& array = inputs[static_cast<size_t>(index)];
  array.dtype = info.dtype;
  for (int32_t axis = 0; axis < info.rank; ++axis) {
    int64_t size = info.shape[axis];
    const char* symbol = fastc_rt_symbol_name(model.get(), index, axis);
    if (size < 0) size = axis == 0 ? options.batch : std::clamp<int64_t>(128, info.min[axis], info.max[axis]);
    if (symbol != nullptr) {
      if (const auto given = options.sizes.find(symbol); given != options.sizes.end()) size = given->second;
    }
    array.shape.push_back(size);
  }
  const int64_t count = array.elements();
  if (count < 0) {
    error = "input \"" + name(index, true) + "\": these sizes are too large";
    return false;
  }
  array.data.assign(static_cast<size_t>(count) * dtype_bytes(array.dtype), 0);
  randomize(array, static_cast<uint64_t>(index));
  return true;
}

bool Job::open_session(const Options& options) {
  in.clear(), out.clear();
  for (Array& array : inputs) in.push_back(array.tensor());
  if (!session.open(model, in, static_cast<int>(options.threads))) {
    error = session.error();
    return false;
  }
  outputs.resize(static_cast<size_t>(model.output_count()));
  for (size_t i = 0; i < outputs.size(); ++i) {
    fastc_rt_tensor t{};
    if (!session.output_shape(in, static_cast<int>(i), t)) {
      error = session.error();
      return false;
    }
    outputs[i].dtype = t.dtype;
    outputs[i].shape.assign(t.shape, t.shape + t.rank);
    outputs[i].data.assign(static_cast<size_t>(outputs[i].elements()) * dtype_bytes(t.dtype), 0);
    out.push_back(outputs[i].tensor());
  }
  return true;
}

bool Job::open(const Options& options) {
  const double start = now_ms();
  if (!model.open(options.model)) {
    error = model.error();
    return false;
  }
  double reading = now_ms();
  load_ms = reading - start;
  inputs.resize(static_cast<size_t>(model.input_count()));
  std::vector<bool> given(inputs.size(), false);
  for (const auto& [wanted, file] : options.inputs) {
    const int index = find(wanted, true);
    if (index < 0) {
      error = "the model has no input \"" + wanted + "\"; its first is \"" + name(0, true) + "\"";
      return false;
    }
    if (!read_npy(file, inputs[static_cast<size_t>(index)], error)) return false;
    given[static_cast<size_t>(index)] = true;
  }
  for (const auto& [wanted, file] : options.outputs) {
    if (find(wanted, false) >= 0) continue;
    error = "the model has no output \"" + wanted + "\"; its first is \"" + name(0, false) + "\"";
    return false;
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!given[i] && !fill_input(options, static_cast<int>(i))) return false;
  }
  reading = now_ms();
  if (!open_session(options)) return false;
  load_ms += now_ms() - reading;  // inputs are the caller's business, not the model's
  return true;
}

bool Job::run() {
  if (session.run(in, out)) return true;
  error = session.error();
  return false;
}

bool Job::first_run() {
  double start = now_ms();
  bool done = run();
  if (!done && error.find("index") != std::string::npos) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      const bool integer = inputs[i].dtype == FASTC_RT_I64 || inputs[i].dtype == FASTC_RT_I32;
      if (integer) std::fill(inputs[i].data.begin(), inputs[i].data.end(), 0);
    }
    start = now_ms();
    done = run();
  }
  first_ms = now_ms() - start;
  return done;
}

}  // namespace fastc::runner
