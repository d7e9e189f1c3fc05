#include "frontends/aten/schema.h"

#include <set>

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include "frontends/aten/ivalue.h"
#include "frontends/aten/lowering.h"

namespace fastc::aten {

Result<Arg> arg_of(const c10::IValue& value) {
  if (value.isNone()) return Arg{};
  if (value.isBool()) return Arg{value.toBool()};
  if (value.isInt()) return Arg{Dim(value.toInt())};
  if (value.isDouble()) return Arg{value.toDouble()};
  if (value.isString()) return Arg{value.toStringRef()};
  if (value.isDevice()) return Arg{value.toDevice().str()};
  if (value.isList() || value.isTuple()) {
    ArgList list;
    auto add = [&](const c10::IValue& item) -> Status {
      FASTC_TRY(Arg a, arg_of(item));
      list.push_back(std::move(a));
      return {};
    };
    if (value.isTuple()) {
      for (const c10::IValue& item : value.toTupleRef().elements()) FASTC_CHECK(add(item));
    } else {
      for (const c10::IValue& item : value.toListRef()) FASTC_CHECK(add(item));
    }
    return Arg{std::move(list)};
  }
  return input_error("values of type {} are not supported", value.tagKind());
}

Result<Tensor> share(const at::Tensor& tensor) {
  if (tensor.layout() != at::kStrided) return input_error("sparse tensors are not supported; call to_dense() in the model");
  if (tensor.is_quantized()) return input_error("quantized tensors are not supported; export the model in float and let fastc quantize it");
  if (!tensor.device().is_cpu()) return input_error("the tensor lies on {}; export the model from the CPU", tensor.device().str());
  FASTC_TRY(DType dtype, dtype_of_scalar_type(static_cast<int64_t>(tensor.scalar_type())));
  auto owner = std::make_shared<at::Tensor>(tensor);
  static const char kNothing = 0;  // an empty tensor may have no memory
  const void* data = tensor.numel() == 0 ? &kNothing : tensor.const_data_ptr();
  return Tensor::view(dtype, tensor.sizes().vec(), tensor.strides().vec(), data, std::shared_ptr<const void>(owner, data));
}

Status fill_defaults(Call& call) {
  try {
    auto op = c10::Dispatcher::singleton().findSchema({"aten::" + call.op, call.overload});
    if (!op) return {};
    for (const c10::Argument& argument : op->schema().arguments()) {
      if (call.args.contains(argument.name()) || !argument.default_value()) continue;
      auto value = arg_of(*argument.default_value());
      if (!value) return at(argument.name(), std::move(value).error());
      call.args.emplace(argument.name(), std::move(*value));
    }
  } catch (const std::exception& e) {
    return input_error("aten::{}: LibTorch cannot tell its defaults: {}", call.op, e.what());
  }
  return {};
}

Sharing sharing(const Call& call) {
  // LibTorch's schemas do not say it of these: what a trained model drops nothing of, views that are not watched, and what composes other ops.
  static const std::set<std::string_view> kViews{"dropout", "feature_dropout", "alpha_dropout", "to", "type_as", "unsafe_chunk", "unsafe_split", "unsafe_split_with_sizes", "_unsafe_view"};
  static const std::set<std::string_view> kUnsaid{"native_dropout", "einsum", "meshgrid", "broadcast_tensors"};
  if (call.op == "to" && call.flag_or("copy", false)) return Sharing::kNone;
  if (call.op == "contiguous" || (call.op == "to" && call.has("memory_format")) || kUnsaid.contains(call.op)) return Sharing::kMaybe;
  if (kViews.contains(call.op)) return Sharing::kView;
  const auto op = c10::Dispatcher::singleton().findSchema({"aten::" + call.op, call.overload});
  if (!op) return Sharing::kHandedOn;
  const auto& returns = op->schema().returns();
  const bool shares = !returns.empty() && returns[0].alias_info() != nullptr && !returns[0].alias_info()->isWrite();
  return shares ? Sharing::kView : Sharing::kNone;
}

}  // namespace fastc::aten
