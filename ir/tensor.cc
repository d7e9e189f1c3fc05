#include "ir/tensor.h"

#include <array>
#include <cstring>
#include <new>
#include <numeric>

namespace fastc {
namespace {

struct DTypeName {
  DType dtype;
  size_t bytes;
  std::string_view name, long_name, npy;
};
constexpr std::array<DTypeName, 10> kDTypes{{{DType::kF32, 4, "f32", "float32", "<f4"},
                                            {DType::kF16, 2, "f16", "float16", "<f2"},
                                            {DType::kBF16, 2, "bf16", "bfloat16", ""},
                                            {DType::kF64, 8, "f64", "float64", "<f8"},
                                            {DType::kI64, 8, "i64", "int64", "<i8"},
                                            {DType::kI32, 4, "i32", "int32", "<i4"},
                                            {DType::kS8, 1, "s8", "int8", "|i1"},
                                            {DType::kU8, 1, "u8", "uint8", "|u1"},
                                            {DType::kBool, 1, "bool", "bool", "|b1"},
                                            {DType::kS16, 2, "s16", "int16", "<i2"}}};

constexpr std::align_val_t kAlignment{64};  // a cache line; kernels may load whole vectors from the start

// Never null, so that a tensor without elements is still a defined one.
std::shared_ptr<void> allocate(size_t bytes) {
  return {::operator new(std::max<size_t>(bytes, 1), kAlignment), [](void* p) { ::operator delete(p, kAlignment); }};
}

std::vector<int64_t> dense_strides(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i > 1; --i) strides[i - 2] = strides[i - 1] * std::max<int64_t>(shape[i - 1], 1);
  return strides;
}

// Copies a strided view into contiguous memory, the innermost axis in one go where it is dense.
void gather(const Tensor& from, std::byte* to) {
  const size_t width = size_of(from.dtype());
  const auto& shape = from.shape();
  const auto& strides = from.strides();
  const int64_t rank = from.rank();
  if (from.elements() == 0) return;
  if (rank == 0) {
    std::memcpy(to, from.raw(), width);
    return;
  }
  const int64_t row = shape.back(), step = strides.back();
  std::vector<int64_t> index(static_cast<size_t>(rank), 0);
  for (;;) {
    int64_t offset = 0;
    for (int64_t i = 0; i + 1 < rank; ++i) offset += index[i] * strides[i];
    const std::byte* source = static_cast<const std::byte*>(from.raw()) + offset * static_cast<int64_t>(width);
    if (step == 1) {
      std::memcpy(to, source, static_cast<size_t>(row) * width);
    } else {
      for (int64_t i = 0; i < row; ++i)
        std::memcpy(to + i * static_cast<int64_t>(width), source + i * step * static_cast<int64_t>(width), width);
    }
    to += static_cast<size_t>(row) * width;
    int64_t axis = rank - 2;
    while (axis >= 0 && ++index[axis] == shape[axis]) index[axis--] = 0;
    if (axis < 0) return;
  }
}

}  // namespace

size_t size_of(DType dtype) { return kDTypes[static_cast<size_t>(dtype)].bytes; }
std::string_view name_of(DType dtype) { return kDTypes[static_cast<size_t>(dtype)].name; }

Result<DType> parse_dtype(std::string_view name) {
  for (const DTypeName& known : kDTypes)
    if (name == known.name || name == known.long_name) return known.dtype;
  return input_error("expected a data type (f32, f16, bf16, f64, i64, i32, s8, u8 or bool), found '{}'",
                     name.substr(0, 40));
}

Result<std::string_view> npy_descr(DType dtype) {
  const DTypeName& known = kDTypes[static_cast<size_t>(dtype)];
  if (known.npy.empty()) return input_error("expected a data type that .npy files have, found {}: cast it to f32 first", known.name);
  return known.npy;
}

Result<int64_t> checked_elements(DType dtype, std::span<const int64_t> shape) {
  constexpr int64_t kMostBytes = int64_t{1} << 46;
  int64_t count = 1;
  bool empty = false;
  for (const int64_t size : shape) {
    if (size < 0) return input_error("expected a size of at least 0, found {}", size);
    empty |= size == 0;
    if (size != 0 &&
        (__builtin_mul_overflow(count, size, &count) || count > kMostBytes / static_cast<int64_t>(size_of(dtype))))
      return input_error("expected a tensor of at most 2^46 bytes, found more");
  }
  return empty ? 0 : count;
}

Tensor Tensor::zeros(DType dtype, std::vector<int64_t> shape) {
  Tensor out;
  out.dtype_ = dtype;
  out.shape_ = std::move(shape);
  out.strides_ = dense_strides(out.shape_);
  const size_t bytes = out.bytes();
  auto memory = allocate(bytes);
  std::memset(memory.get(), 0, bytes);
  out.data_ = memory.get();
  out.owner_ = std::move(memory);
  out.writable_ = true;
  return out;
}

Tensor Tensor::view(DType dtype, std::vector<int64_t> shape, std::vector<int64_t> strides, const void* data,
                    std::shared_ptr<const void> owner) {
  assert(shape.size() == strides.size() && data != nullptr);
  Tensor out;
  out.dtype_ = dtype;
  out.shape_ = std::move(shape);
  out.strides_ = std::move(strides);
  out.data_ = data;
  out.owner_ = std::move(owner);
  return out;
}

int64_t Tensor::elements() const {
  return std::accumulate(shape_.begin(), shape_.end(), int64_t{1}, std::multiplies<>());
}

bool Tensor::contiguous() const {
  int64_t expected = 1;
  for (size_t i = shape_.size(); i-- > 0;) {
    if (shape_[i] == 0) return true;
    if (shape_[i] != 1 && strides_[i] != expected) return false;
    expected *= shape_[i];
  }
  return true;
}

Tensor Tensor::to_contiguous() const {
  if (!defined() || contiguous()) return *this;
  Tensor out = *this;
  out.mutable_raw();
  return out;
}

Tensor Tensor::reshaped(std::vector<int64_t> shape) const {
  Tensor out = to_contiguous();
  const int64_t before = out.elements();
  out.shape_ = std::move(shape);
  out.strides_ = dense_strides(out.shape_);
  assert(out.elements() == before);
  (void)before;
  return out;
}

void* Tensor::mutable_raw() {
  if (!writable_ || owner_.use_count() != 1 || !contiguous()) {
    auto memory = allocate(bytes());
    gather(*this, static_cast<std::byte*>(memory.get()));
    strides_ = dense_strides(shape_);
    data_ = memory.get();
    owner_ = std::move(memory);
    writable_ = true;
  }
  return const_cast<void*>(data_);  // ours and unshared, as just made sure of
}

Tensor tensor_of_bytes(DType dtype, std::vector<int64_t> shape, const void* data) {
  Tensor out = Tensor::zeros(dtype, std::move(shape));
  if (out.bytes() != 0) std::memcpy(out.mutable_raw(), data, out.bytes());
  return out;
}

bool equal(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape() || a.defined() != b.defined()) return false;
  if (!a.defined() || a.same_memory(b)) return true;
  const Tensor x = a.to_contiguous(), y = b.to_contiguous();
  return x.bytes() == 0 || std::memcmp(x.raw(), y.raw(), x.bytes()) == 0;
}

Tensor select(const Tensor& t, int64_t axis, std::span<const int64_t> indices) {
  assert(axis >= 0 && axis < t.rank());
  const Tensor from = t.to_contiguous();
  std::vector<int64_t> shape = from.shape();
  int64_t outer = 1, inner = static_cast<int64_t>(size_of(t.dtype()));
  for (int64_t i = 0; i < axis; ++i) outer *= shape[i];
  for (int64_t i = axis + 1; i < t.rank(); ++i) inner *= shape[i];
  const int64_t before = shape[axis], after = static_cast<int64_t>(indices.size());
  shape[axis] = after;
  Tensor out = Tensor::zeros(t.dtype(), std::move(shape));
  if (out.elements() == 0) return out;
  auto* to = static_cast<std::byte*>(out.mutable_raw());
  const auto* source = static_cast<const std::byte*>(from.raw());
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < after; ++i) {
      assert(indices[i] >= 0 && indices[i] < before);
      std::memcpy(to + (o * after + i) * inner, source + (o * before + indices[i]) * inner, static_cast<size_t>(inner));
    }
  return out;
}

}  // namespace fastc
