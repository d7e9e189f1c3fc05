#pragma once

#include <string>
#include <string_view>

#include "backends/stub/stub.h"

namespace fastc {

std::string cpp_identifier(std::string_view name);      // "resnet56-int8" → "resnet56_int8"
std::string typed_header(const StubModel& model);       // NAME.hpp: this model's inputs and outputs as C++ types
std::string stub_cmake(const StubModel& model);         // CMakeLists.txt of the stub
std::string stub_example(const StubModel& model);       // example.cc: opens, runs, prints
std::string stub_readme(const StubModel& model, std::string_view source_hash);

}  // namespace fastc
