// LibTorch's values → Arg. Included by .cc files only.
#pragma once

#include <ATen/core/ivalue.h>

#include "frontends/aten/arg.h"

namespace fastc::aten {

// Numbers, strings, None, and lists and tuples of them. Tensors and objects are the caller's: an error here.
Result<Arg> arg_of(const c10::IValue& value);

// A view of the tensor's memory, which it keeps alive; nothing is copied.
Result<Tensor> share(const at::Tensor& tensor);

}  // namespace fastc::aten
