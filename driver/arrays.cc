#include "driver/arrays.h"

#include <cmath>
#include <optional>

#include "base/npy.h"
#include "base/random.h"

namespace fastc {
namespace {

std::optional<DType> dtype_of_descr(std::string_view descr) {
  const std::string_view code = descr.size() == 3 ? descr.substr(1) : descr;
  if (code == "f4") return DType::kF32;
  if (code == "f8") return DType::kF64;
  if (code == "f2") return DType::kF16;
  if (code == "i8") return DType::kI64;
  if (code == "i4") return DType::kI32;
  if (code == "i1") return DType::kS8;
  if (code == "u1") return DType::kU8;
  if (code == "b1") return DType::kBool;
  return {};
}

Result<Tensor> as_input(const Tensor& array, const ModelInput& wanted, const std::string& place) {
  if (array.dtype() == wanted.dtype) return array;
  const std::vector<double> values = to_doubles(array);
  if (wanted.dtype == DType::kF32) {
    const std::vector<float> floats(values.begin(), values.end());
    return Tensor::of<float>(array.shape(), std::span<const float>(floats));
  }
  if (wanted.dtype == DType::kI64 && (array.dtype() == DType::kI32 || array.dtype() == DType::kU8)) {
    const std::vector<int64_t> integers(values.begin(), values.end());
    return Tensor::of<int64_t>(array.shape(), std::span<const int64_t>(integers));
  }
  return input_error("{}: expected {}, found {}", place, name_of(wanted.dtype), name_of(array.dtype()));
}

}  // namespace

Result<std::vector<Tensor>> read_inputs(const std::filesystem::path& npz, const std::vector<ModelInput>& wanted) {
  FASTC_TRY(const NpzReader reader, NpzReader::open(npz));
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const std::string alias = "input_" + std::to_string(i);
    const std::string name = reader.has(wanted[i].name) ? wanted[i].name : alias;
    if (!reader.has(name)) {
      std::string there;
      for (const std::string& n : reader.names()) there += (there.empty() ? "" : ", ") + n;
      return input_error("{}: expected an array called \"{}\" (or \"{}\"), found: {}", npz.string(), wanted[i].name, alias, there);
    }
    FASTC_TRY(const NpyArray array, reader.read(name));
    const std::string place = npz.string() + ":" + name;
    const auto dtype = dtype_of_descr(array.descr);
    if (!dtype) return input_error("{}: arrays of type {} cannot be an input", place, array.descr);
    FASTC_TRY(Tensor tensor, as_input(tensor_of_bytes(*dtype, array.shape, array.data.bytes.data()), wanted[i], place));
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

Status write_arrays(const std::filesystem::path& npz, const std::vector<std::string>& names, const std::vector<Tensor>& tensors) {
  std::vector<std::pair<std::string, NpyArray>> arrays;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor t = tensors[i].to_contiguous();
    FASTC_TRY(const std::string_view descr, npy_descr(t.dtype()));
    arrays.emplace_back(names[i], make_npy(descr, t.shape(), {static_cast<const std::byte*>(t.raw()), t.bytes()}));
  }
  return write_npz(npz, arrays);
}

std::vector<Tensor> random_inputs(const std::vector<ModelInput>& inputs, int64_t batch, uint64_t seed) {
  Random random(seed);
  std::vector<Tensor> tensors;
  for (const ModelInput& input : inputs) {
    std::vector<int64_t> shape = input.shape;
    for (size_t i = 0; i < shape.size(); ++i)
      if (shape[i] < 0) shape[i] = std::clamp(i == 0 ? batch : input.min[i], input.min[i], input.max[i]);
    Tensor t = Tensor::zeros(input.dtype, shape);
    if (input.dtype == DType::kF32)
      for (float& v : t.mutable_values<float>()) v = static_cast<float>(random.normal());
    if (input.dtype == DType::kI64)
      for (int64_t& v : t.mutable_values<int64_t>()) v = static_cast<int64_t>(random.below(2));
    tensors.push_back(std::move(t));
  }
  return tensors;
}

OutputDifference output_difference(std::string name, const Tensor& a, const Tensor& b) {
  const std::vector<double> x = to_doubles(a), y = to_doubles(b);
  OutputDifference d{std::move(name)};
  double largest = 0, xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    d.max_abs = std::max(d.max_abs, std::abs(x[i] - y[i]));
    largest = std::max(largest, std::abs(x[i]));
    xy += x[i] * y[i], xx += x[i] * x[i], yy += y[i] * y[i];
  }
  d.relative = largest > 0 ? d.max_abs / largest : d.max_abs;
  d.cosine = xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : 1;
  return d;
}

}  // namespace fastc
