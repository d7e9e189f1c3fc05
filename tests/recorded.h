// Models stored with the tensors that PyTorch gave for them: NAME.npz holds PREFIXinput_0 … and PREFIXoutput, with the prefix ""
// for one batch size and "batch3_" for another.
#pragma once

#include <algorithm>
#include <cmath>

#include "base/npy.h"
#include "frontends/frontend.h"
#include "tests/catch.h"

namespace fastc::test {

struct Recorded {
  std::vector<Tensor> inputs;
  Tensor output;
};

inline Result<Tensor> tensor_of(const NpyArray& array) {
  FASTC_TRY(DType dtype, parse_dtype(array.descr == "<i8" ? "i64" : array.descr == "<f4" ? "f32" : array.descr == "|b1" ? "bool" : array.descr));
  return tensor_of_bytes(dtype, array.shape, array.data.bytes.data());
}

inline std::optional<Recorded> recorded(const std::filesystem::path& path, const std::string& prefix) {
  auto npz = NpzReader::open(path);
  REQUIRE(npz);
  if (!npz->has(prefix + "output")) return std::nullopt;
  Recorded r;
  for (int i = 0; npz->has(prefix + "input_" + std::to_string(i)); ++i) r.inputs.push_back(*tensor_of(*npz->read(prefix + "input_" + std::to_string(i))));
  r.output = *tensor_of(*npz->read(prefix + "output"));
  return r;
}

// N, then the recorded sizes: what a user writes in the recipe for a .pt.
inline ImportOptions batch_options(const Recorded& r) {
  ImportOptions options;
  for (size_t i = 0; i < r.inputs.size(); ++i) {
    Shape shape;
    for (int64_t n : r.inputs[i].shape()) shape.push_back(Dim(n));
    shape[0] = Dim::symbol("N");
    options.inputs["input_" + std::to_string(i)] = {shape, r.inputs[i].dtype()};
  }
  return options;
}

// The largest difference over the largest expected number; infinite where one is NaN.
inline double relative_error(const Tensor& found, const Tensor& expected) {
  REQUIRE(found.shape() == expected.shape());
  const auto got = to_doubles(found), want = to_doubles(expected);
  double largest = 0, worst = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    largest = std::max(largest, std::abs(want[i]));
    const double error = std::abs(got[i] - want[i]);
    worst = std::max(worst, std::isnan(error) ? HUGE_VAL : error);
  }
  REQUIRE(largest > 0);
  return worst / largest;
}

}  // namespace fastc::test
