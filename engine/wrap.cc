#include <cassert>

#include <ATen/ops/from_blob.h>

#include "engine/autograd.h"

namespace fastc {

at::ScalarType scalar_type(DType dtype) {
  switch (dtype) {
    case DType::kF32: return at::kFloat;
    case DType::kF16: return at::kHalf;
    case DType::kBF16: return at::kBFloat16;
    case DType::kF64: return at::kDouble;
    case DType::kI64: return at::kLong;
    case DType::kI32: return at::kInt;
    case DType::kS8: return at::kChar;
    case DType::kU8: return at::kByte;
    case DType::kBool: return at::kBool;
    case DType::kS16: return at::kShort;
  }
  assert(false && "a DType that is not listed");
  return at::kFloat;
}

Result<DType> dtype_of_scalar(at::ScalarType type) {
  for (uint8_t i = 0; i <= static_cast<uint8_t>(DType::kS16); ++i)
    if (scalar_type(static_cast<DType>(i)) == type) return static_cast<DType>(i);
  return internal_error("no element type of fastc holds LibTorch's {}", at::toString(type));
}

at::Tensor wrap(const Tensor& tensor) {
  if (!tensor.defined()) return {};
  // The deleter's copy of the owner keeps the memory alive.
  auto owner = tensor.owner();
  return at::from_blob(const_cast<void*>(tensor.raw()), tensor.shape(), tensor.strides(),
                       [owner](void*) mutable { owner.reset(); }, at::TensorOptions(scalar_type(tensor.dtype())));
}

Result<Tensor> unwrap(const at::Tensor& tensor) {
  if (!tensor.defined()) return Tensor();
  FASTC_TRY(const DType dtype, dtype_of_scalar(tensor.scalar_type()));
  auto dense = std::make_shared<at::Tensor>(tensor.detach().contiguous());
  const std::vector<int64_t> shape(dense->sizes().begin(), dense->sizes().end());
  const std::vector<int64_t> strides(dense->strides().begin(), dense->strides().end());
  // An empty tensor has no memory, but is defined: it gets a place of our own.
  if (dense->numel() == 0) return Tensor::zeros(dtype, shape);
  const void* data = dense->const_data_ptr();
  return Tensor::view(dtype, shape, strides, data, std::shared_ptr<const void>(dense, dense->unsafeGetTensorImpl()));
}

}  // namespace fastc
