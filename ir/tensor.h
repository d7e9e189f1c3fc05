// Weights and sample data: a strided view of shared memory. Immutable while shared: writing copies first.
//
// Storage may be a buffer of ours, a mapped file, or a foreign owner (a LibTorch storage), so that import copies nothing.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/api.h"
#include "base/result.h"

namespace fastc {

// Numbered as in the artifact format (backends/runtime/format.h).
enum class DType : uint8_t { kF32 = 0, kF16 = 1, kBF16 = 2, kF64 = 3, kI64 = 4, kI32 = 5, kS8 = 6, kU8 = 7, kBool = 8, kS16 = 9 };
FASTC_API size_t size_of(DType dtype);                       // bytes of one element
FASTC_API std::string_view name_of(DType dtype);             // "f32", "i64", "s8", "u8", "s16", "bool" …
FASTC_API Result<DType> parse_dtype(std::string_view name);  // also "float32", "int64", …
// NumPy's code of a type ("<f4", "|u1" …): an error for bf16, which NumPy does not have.
FASTC_API Result<std::string_view> npy_descr(DType dtype);
// Product of sizes read from a file: an error below 0, or when the bytes would pass 2^46 (64 TiB).
FASTC_API Result<int64_t> checked_elements(DType dtype, std::span<const int64_t> shape);
template <typename T> constexpr DType dtype_of();           // float, double, int64_t, int32_t, int16_t, int8_t, uint8_t, bool

class FASTC_API Tensor {
 public:
  Tensor() = default;
  static Tensor zeros(DType dtype, std::vector<int64_t> shape);
  template <typename T> static Tensor of(std::vector<int64_t> shape, std::span<const T> values);  // copies
  template <typename T> static Tensor of(std::vector<int64_t> shape, std::initializer_list<T> values) {
    return of<T>(std::move(shape), std::span<const T>(values.begin(), values.size()));
  }
  // A view of foreign memory; `owner` keeps it alive. Strides in elements; the caller has checked that it fits. Read-only until copied.
  static Tensor view(DType dtype, std::vector<int64_t> shape, std::vector<int64_t> strides, const void* data, std::shared_ptr<const void> owner);

  bool defined() const { return data_ != nullptr; }
  DType dtype() const { return dtype_; }
  const std::vector<int64_t>& shape() const { return shape_; }
  const std::vector<int64_t>& strides() const { return strides_; }
  int64_t rank() const { return static_cast<int64_t>(shape_.size()); }
  int64_t elements() const;
  size_t bytes() const { return static_cast<size_t>(elements()) * size_of(dtype_); }
  bool contiguous() const;
  Tensor to_contiguous() const;  // itself when it already is
  Tensor reshaped(std::vector<int64_t> shape) const;  // contiguous result, same element count

  const void* raw() const { return data_; }
  template <typename T> const T* data() const { assert(dtype_of<T>() == dtype_); return static_cast<const T*>(data_); }
  template <typename T> std::span<const T> values() const { assert(contiguous()); return {data<T>(), static_cast<size_t>(elements())}; }
  // Contiguous memory that nobody else sees: copies when shared, foreign or strided.
  void* mutable_raw();
  template <typename T> std::span<T> mutable_values() {
    assert(dtype_of<T>() == dtype_);
    return {static_cast<T*>(mutable_raw()), static_cast<size_t>(elements())};
  }
  const std::shared_ptr<const void>& owner() const { return owner_; }  // identity: tied weights share it
  bool same_memory(const Tensor& other) const { return data_ == other.data_ && shape_ == other.shape_ && strides_ == other.strides_ && dtype_ == other.dtype_; }

 private:
  DType dtype_ = DType::kF32;
  bool writable_ = false;
  std::vector<int64_t> shape_, strides_;
  const void* data_ = nullptr;
  std::shared_ptr<const void> owner_;
};

FASTC_API FASTC_API bool equal(const Tensor& a, const Tensor& b);  // dtype, shape and bytes
// Values as double, whatever the numeric dtype; for reports and tests.
FASTC_API std::vector<double> to_doubles(const Tensor& t);
// The other way: rounded to the dtype (nearest, ties to even), integers clamped to its range. values.size() = elements.
FASTC_API Tensor from_doubles(DType dtype, std::vector<int64_t> shape, std::span<const double> values);
// Keeps the slices of `axis` whose indices are listed (ascending); contiguous result.
FASTC_API Tensor select(const Tensor& t, int64_t axis, std::span<const int64_t> indices);

template <> constexpr DType dtype_of<float>() { return DType::kF32; }
template <> constexpr DType dtype_of<double>() { return DType::kF64; }
template <> constexpr DType dtype_of<int64_t>() { return DType::kI64; }
template <> constexpr DType dtype_of<int32_t>() { return DType::kI32; }
template <> constexpr DType dtype_of<int16_t>() { return DType::kS16; }
template <> constexpr DType dtype_of<int8_t>() { return DType::kS8; }
template <> constexpr DType dtype_of<uint8_t>() { return DType::kU8; }
template <> constexpr DType dtype_of<bool>() { return DType::kBool; }

FASTC_API Tensor tensor_of_bytes(DType dtype, std::vector<int64_t> shape, const void* data);  // copies
template <typename T>
Tensor Tensor::of(std::vector<int64_t> shape, std::span<const T> values) {
  return tensor_of_bytes(dtype_of<T>(), std::move(shape), values.data());
}

}  // namespace fastc
