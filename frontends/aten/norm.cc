// Normalisations.
#include <algorithm>
#include <cmath>

#include "frontends/aten/lowering.h"

namespace fastc::aten {
namespace {

// A second result that aten gives beside the first (saved statistics) is absent: using it is an error at its user.
Result<ArgList> first_of(Result<TensorArg> y, size_t count) {
  FASTC_TRY(auto list, one(std::move(y)));
  list.resize(count);
  return list;
}

// Instance norm as torch.export decomposes it: batch statistics of one sample that holds the channels of all, [1, N·C, H, W].
Result<ArgList> statistics_of_one(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("input"));
  const Shape shape = l.shape(x);
  FASTC_TRY(double eps, call.number("eps"));
  FASTC_TRY(auto y, l.emit("layer_norm", {x}, {{"axes", static_cast<int64_t>(shape.size()) - 2}, {"eps", eps}}));
  for (const auto& [name, op] : {std::pair{"weight", "mul"}, std::pair{"bias", "add"}}) {
    const auto factor = call.optional_tensor(name);
    if (!factor) continue;
    Shape column(shape.size(), Dim(1));
    column[1] = shape[1];
    FASTC_TRY(auto wide, l.reshape(*factor, std::move(column)));
    FASTC_TRY(y, l.emit(op, {y, wide}));
  }
  return first_of(y, 3);
}

Result<ArgList> batch_norm(Lowering& l, const Call& call) {
  if (auto x = call.tensor("input"); call.overload == "no_stats" && x && l.rank(*x) > 2 && l.shape(*x)[0] == Dim(1)) return statistics_of_one(l, call);
  if (call.flag_or("training", false) || call.flag_or("train", false))
    return input_error("the model was saved in training mode; call model.eval() before exporting");
  FASTC_TRY(auto x, call.tensor("input"));
  auto weight = call.optional_tensor("weight"), bias = call.optional_tensor("bias");
  auto mean = call.optional_tensor("running_mean"), var = call.optional_tensor("running_var");
  if (!mean || !var) return input_error("batch norm without running statistics is not supported; train with track_running_stats=True");
  FASTC_TRY(double eps, call.number("eps"));
  size_t results = call.op == "batch_norm" || call.op == "instance_norm" ? 1 : 3;
  return first_of(l.emit("batch_norm", {x, operand(weight), operand(bias), *mean, *var},
                         {{"eps", eps}, {"momentum", call.number_or("momentum", 0.1)}}, mean->path),
                  results);
}

// How many trailing axes normalized_shape covers; it must be the shape of those.
Result<int64_t> trailing_axes(Lowering& l, const Call& call, const TensorArg& x) {
  FASTC_TRY(Shape normalized, call.dims("normalized_shape"));
  const Shape& shape = l.shape(x);
  if (normalized.empty() || normalized.size() > shape.size() || !std::equal(normalized.rbegin(), normalized.rend(), shape.rbegin()))
    return input_error("normalized_shape [{}] does not fit an input [{}]", shape_text(normalized), shape_text(shape));
  return static_cast<int64_t>(normalized.size());
}

Result<ArgList> layer_norm(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("input"));
  FASTC_TRY(int64_t axes, trailing_axes(l, call, x));
  auto weight = call.optional_tensor("weight"), bias = call.optional_tensor("bias");
  return first_of(l.emit("layer_norm", {x, operand(weight), operand(bias)}, {{"axes", axes}, {"eps", call.number_or("eps", 1e-5)}},
                         weight ? weight->path : std::string()),
                  call.op == "layer_norm" ? 1 : 3);
}

Result<TensorArg> groups_of(Lowering& l, const Call& call, const TensorArg& x, int64_t groups) {
  auto weight = call.optional_tensor("weight"), bias = call.optional_tensor("bias");
  return l.emit("group_norm", {x, operand(weight), operand(bias)}, {{"groups", groups}, {"eps", call.number_or("eps", 1e-5)}}, weight ? weight->path : std::string());
}

Result<ArgList> group_norm(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("input"));
  FASTC_TRY(int64_t groups, call.integer(call.op == "group_norm" ? "num_groups" : "group"));
  return first_of(groups_of(l, call, x, groups), call.op == "group_norm" ? 1 : 3);
}

// Each channel of each sample on its own: groups of one channel. With stored statistics it is batch norm.
Result<ArgList> instance_norm(Lowering& l, const Call& call) {
  if (!call.flag_or("use_input_stats", true)) return batch_norm(l, call);
  FASTC_TRY(auto x, call.tensor("input"));
  if (l.rank(x) < 2 || !l.shape(x)[1].is_constant()) return input_error("expected a fixed number of channels, found [{}]", shape_text(l.shape(x)));
  return one(groups_of(l, call, x, l.shape(x)[1].constant()));
}

Result<ArgList> rms_norm(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("input"));
  FASTC_TRY(int64_t axes, trailing_axes(l, call, x));
  if (axes != 1) return input_error("expected normalized_shape of one axis, found {}", axes);
  auto weight = call.optional_tensor("weight");
  // Without an eps aten takes the type's smallest step.
  return one(l.emit("rms_norm", {x, operand(weight)}, {{"eps", call.number_or("eps", 1.1920928955078125e-07)}}, weight ? weight->path : std::string()));
}

// "conv.parametrizations.weight.original1" and "conv.weight_v" are conv's weight.
std::string normalized_path(const std::string& path) {
  constexpr std::string_view kInside = ".parametrizations.";
  if (const size_t at = path.find(kInside); at != std::string::npos) {
    const size_t name = at + kInside.size();
    return path.substr(0, at) + "." + path.substr(name, path.find('.', name) - name);
  }
  return path.ends_with("_v") ? path.substr(0, path.size() - 2) : path + ".normalized";
}

// g·v/‖v‖, the norm over all axes but one (Salimans and Kingma 2016, equation 2), computed now: training goes on with the product.
Result<ArgList> weight_norm(Lowering& l, const Call& call) {
  FASTC_TRY(auto v, call.tensor("v"));
  FASTC_TRY(auto g, call.tensor("g"));
  if (!l.is_weight(v) || !l.is_weight(g)) return input_error("a weight norm of something that is no weight is not supported");
  FASTC_TRY(int64_t axis, l.axis(call.integer_or("dim", 0), l.rank(v)));
  const auto values = to_doubles(l.module().weight(v.id).data), scales = to_doubles(l.module().weight(g.id).data);
  const auto shape = l.module().weight(v.id).data.shape();
  size_t inner = 1, kept = static_cast<size_t>(shape[static_cast<size_t>(axis)]);
  for (size_t i = static_cast<size_t>(axis) + 1; i < shape.size(); ++i) inner *= static_cast<size_t>(shape[i]);
  if (scales.size() != kept) return input_error("expected {} lengths, found [{}]", kept, shape_text(l.shape(g)));
  std::vector<double> squares(kept, 0);
  for (size_t i = 0; i < values.size(); ++i) squares[i / inner % kept] += values[i] * values[i];
  std::vector<float> made(values.size());
  for (size_t i = 0; i < values.size(); ++i) made[i] = static_cast<float>(scales[i / inner % kept] * values[i] / std::sqrt(squares[i / inner % kept]));
  return ArgList{Arg{l.weight(normalized_path(v.path), Tensor::of<float>(shape, made), true)}, Arg{}};
}

constexpr RuleEntry kRules[] = {
    {"batch_norm", batch_norm},
    {"native_batch_norm", batch_norm},
    {"_native_batch_norm_legit", batch_norm},
    {"_native_batch_norm_legit_no_training", batch_norm},
    {"layer_norm", layer_norm},
    {"native_layer_norm", layer_norm},
    {"rms_norm", rms_norm},
    {"group_norm", group_norm},
    {"native_group_norm", group_norm},
    {"instance_norm", instance_norm},
    {"_weight_norm", weight_norm},
    {"_weight_norm_interface", weight_norm},
};

}  // namespace

std::span<const RuleEntry> norm_rules() { return kRules; }

}  // namespace fastc::aten
