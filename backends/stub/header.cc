#include "backends/stub/header.h"

#include <cctype>

#include <fmt/format.h>

namespace fastc {
namespace {

std::string_view cpp_type(DType dtype) {
  switch (dtype) {
    case DType::kF32: return "float";
    case DType::kF64: return "double";
    case DType::kI64: return "std::int64_t";
    case DType::kI32: return "std::int32_t";
    case DType::kS8: return "std::int8_t";
    case DType::kU8: return "std::uint8_t";
    case DType::kBool: return "bool";
    case DType::kS16: return "std::int16_t";
    default: return "std::uint16_t";  // f16 and bf16, as their bits
  }
}

std::string shape_comment(const StubValue& value) {
  std::string text;
  for (const int64_t size : value.shape) text += (text.empty() ? "" : " x ") + (size < 0 ? std::string("?") : std::to_string(size));
  return text;
}

std::string c_literal(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += std::isprint(static_cast<unsigned char>(c)) ? c : '?';
  }
  return out + "\"";
}

// One run() argument for each input: const float* x, std::array<std::int64_t, 4> x_shape.
std::string run_arguments(const StubModel& model) {
  std::string text;
  for (const StubValue& v : model.inputs) {
    const std::string id = cpp_identifier(v.name);
    text += fmt::format("{}const {}* {}, std::array<std::int64_t, {}> {}_shape", text.empty() ? "" : ", ", cpp_type(v.dtype), id, v.shape.size(), id);
  }
  return text;
}

}  // namespace

std::string cpp_identifier(std::string_view name) {
  std::string id;
  for (const char c : name) id += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  if (id.empty() || std::isdigit(static_cast<unsigned char>(id[0]))) id.insert(0, "m_");
  return id;
}

std::string typed_header(const StubModel& model) {
  const std::string id = cpp_identifier(model.name);
  std::string outputs, fill, collect;
  for (const StubValue& v : model.outputs)
    outputs += fmt::format("  std::vector<{}> {};  // last seen: {}\n  std::vector<std::int64_t> {}_shape;\n", cpp_type(v.dtype), cpp_identifier(v.name), shape_comment(v), cpp_identifier(v.name));
  for (size_t i = 0; i < model.inputs.size(); ++i) {
    const std::string in = cpp_identifier(model.inputs[i].name);
    fill += fmt::format("    in[{0}].data = const_cast<void*>(static_cast<const void*>({1}));\n    in[{0}].rank = {2};\n    in[{0}].dtype = {3};\n    std::copy({1}_shape.begin(), {1}_shape.end(), in[{0}].shape);\n",
                        i, in, model.inputs[i].shape.size(), static_cast<int>(model.inputs[i].dtype));
  }
  for (size_t i = 0; i < model.outputs.size(); ++i)
    collect += fmt::format("    if (!prepare(in.data(), {0}, out[{0}], outputs.{1}, outputs.{1}_shape)) return false;\n", i, cpp_identifier(model.outputs[i].name));
  std::string inputs_doc;
  for (const StubValue& v : model.inputs) inputs_doc += fmt::format("//   {} ({}): {}\n", v.name, name_of(v.dtype), shape_comment(v));
  return fmt::format(R"(// Written by fastc: {title} as a C++ type. Inputs, in PyTorch's axis order (? is free):
{inputs_doc}#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "fastc_rt.h"

namespace {id} {{

struct Outputs {{
{outputs}}};

class Model {{
 public:
  explicit Model(int threads = 1) : threads_(threads) {{}}
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  ~Model() {{
    if (session_) fastc_rt_session_close(session_);
    if (model_) fastc_rt_close(model_);
  }}

  bool open(const char* path) {{ return fastc_rt_open(path, &model_, text_, sizeof text_) == FASTC_RT_OK; }}
  // False on failure; error() says why.
  bool run({arguments}, Outputs& outputs) {{
    std::array<fastc_rt_tensor, {input_count}> in{{}};
    std::array<fastc_rt_tensor, {output_count}> out{{}};
{fill}    if (!ready(in.data())) return false;
{collect}    return fastc_rt_run(session_, in.data(), {input_count}, out.data(), {output_count}, text_, sizeof text_) == FASTC_RT_OK;
  }}
  std::string error() const {{ return text_; }}

 private:
  // A session serves every shape up to the one it was opened for.
  bool ready(const fastc_rt_tensor* in) {{
    bool fits = session_ != nullptr;
    for (int i = 0; fits && i < {input_count}; ++i)
      for (int d = 0; d < in[i].rank; ++d) fits = fits && in[i].shape[d] <= largest_[i][d];
    if (fits) return true;
    if (session_) fastc_rt_session_close(session_), session_ = nullptr;
    for (int i = 0; i < {input_count}; ++i) std::copy(in[i].shape, in[i].shape + 8, largest_[i].begin());
    return fastc_rt_session_open(model_, in, {input_count}, threads_, &session_, text_, sizeof text_) == FASTC_RT_OK;
  }}
  template <typename T>
  bool prepare(const fastc_rt_tensor* in, int index, fastc_rt_tensor& out, std::vector<T>& data, std::vector<std::int64_t>& shape) {{
    if (fastc_rt_output_shape(session_, in, {input_count}, index, &out) != FASTC_RT_OK) return false;
    shape.assign(out.shape, out.shape + out.rank);
    std::int64_t count = 1;
    for (const std::int64_t size : shape) count *= size;
    data.resize(static_cast<std::size_t>(count));
    out.data = data.data();
    return true;
  }}

  int threads_;
  fastc_rt_model* model_ = nullptr;
  fastc_rt_session* session_ = nullptr;
  std::array<std::array<std::int64_t, 8>, {input_count}> largest_{{}};
  char text_[512] = "";
}};

}}  // namespace {id}
)",
                     fmt::arg("title", model.name), fmt::arg("inputs_doc", inputs_doc), fmt::arg("id", id), fmt::arg("outputs", outputs), fmt::arg("arguments", run_arguments(model)),
                     fmt::arg("fill", fill), fmt::arg("collect", collect), fmt::arg("input_count", model.inputs.size()), fmt::arg("output_count", model.outputs.size()));
}

std::string stub_cmake(const StubModel& model) {
  const std::string id = cpp_identifier(model.name);
  return fmt::format(R"(# Written by fastc: {0} with the runtime it was measured in. Needs a C++20 compiler and CMake, nothing else.
cmake_minimum_required(VERSION 3.16)
project({1} LANGUAGES CXX)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
option(FASTC_CUDA "Build the CUDA back end of the runtime" {2})
enable_testing()
add_subdirectory(runtime)
add_executable(example example.cc)
target_compile_features(example PRIVATE cxx_std_17)
target_include_directories(example PRIVATE ${{CMAKE_CURRENT_SOURCE_DIR}})
target_link_libraries(example PRIVATE fastc_runtime)
target_link_options(example PRIVATE -static-libgcc)
add_test(NAME recorded_outputs COMMAND fastc-runner ${{CMAKE_CURRENT_SOURCE_DIR}}/model.fastc --verify ${{CMAKE_CURRENT_SOURCE_DIR}}/tests)
add_test(NAME example COMMAND example ${{CMAKE_CURRENT_SOURCE_DIR}}/model.fastc)
)",
                     model.name, id, model.cuda ? "ON" : "OFF");
}

std::string stub_example(const StubModel& model) {
  const std::string id = cpp_identifier(model.name);
  std::string inputs, arguments;
  for (const StubValue& v : model.inputs) {
    const std::string in = cpp_identifier(v.name);
    std::string sizes;
    for (size_t i = 0; i < v.recorded.shape().size(); ++i) sizes += (i ? ", " : "") + std::to_string(v.recorded.shape()[i]);
    inputs += fmt::format("  std::vector<{}> {}({});  // zeros; put real data here\n", cpp_type(v.dtype), in, v.recorded.elements());
    arguments += fmt::format("{0}.data(), {{{1}}}, ", in, sizes);
  }
  const std::string out = cpp_identifier(model.outputs[0].name);
  return fmt::format(R"(// Written by fastc: the smallest program around this model. Start here.
#include <cstdio>
#include <vector>

#include {4}

int main(int argc, char** argv) {{
  {0}::Model model(/*threads=*/1);
  if (!model.open(argc > 1 ? argv[1] : "model.fastc")) return std::fprintf(stderr, "%s\n", model.error().c_str()), 1;
{1}  {0}::Outputs outputs;
  if (!model.run({2}outputs)) return std::fprintf(stderr, "%s\n", model.error().c_str()), 1;
  for (std::size_t i = 0; i < outputs.{3}.size() && i < 10; ++i) std::printf("%g ", static_cast<double>(outputs.{3}[i]));
  std::printf("\n");
}}
)",
                     id, inputs, arguments, out, c_literal(id + ".hpp"));
}

std::string stub_readme(const StubModel& model, std::string_view source_hash) {
  return fmt::format(R"(# {0}

Written by fastc. This folder is a project of its own: the runtime's sources, the model, a typed header, tests with recorded outputs.

    cmake -S . -B build && cmake --build build && ctest --test-dir build

- `{1}.hpp`: the model as a C++ type. `example.cc` uses it.
- `model.fastc`: the compressed model.
- `runtime/`: the runtime, the same sources fastc measured with (source hash {2}).
- `build/runtime/fastc-runner model.fastc --input NAME=in.npy --output NAME=out.npy` runs it from the shell.
)",
                     model.name, cpp_identifier(model.name), source_hash);
}

}  // namespace fastc
