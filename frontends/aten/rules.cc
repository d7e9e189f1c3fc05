#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <unordered_map>

#include "frontends/aten/lowering.h"

namespace fastc::aten {
namespace {

const std::unordered_map<std::string_view, Rule>& table() {
  static const auto* rules = [] {
    auto* map = new std::unordered_map<std::string_view, Rule>;
    for (auto family : {convolution_rules(), pooling_rules(), resize_rules(), norm_rules(), unary_rules(), binary_rules(), reduce_rules(), view_rules(),
                        join_rules(), matmul_rules(), attention_rules(), fastpath_rules(), recurrent_rules(), factory_rules(), indexing_rules(), scalar_rules(),
                        embedding_rules(), einsum_rules(), write_rules(), order_rules()})
      for (const auto& [op, rule] : family) map->emplace(op, rule);
    return map;
  }();
  return *rules;
}

}  // namespace

Rule find_rule(std::string_view op) {
  auto it = table().find(op);
  return it == table().end() ? nullptr : it->second;
}

std::vector<std::string_view> rule_names() {
  std::vector<std::string_view> names;
  for (const auto& [name, rule] : table()) names.push_back(name);
  std::ranges::sort(names);
  return names;
}

std::string Lowering::where(const Call& call) const {
  std::string where = fmt::format("op aten::{}{}{}{}", call.op, call.in_place ? "_" : "", call.overload.empty() ? "" : ".", call.overload);
  if (!source_.empty()) where += fmt::format(" at {}", source_);
  return where + fmt::format(", node {}", scope_.empty() ? call.op : fmt::format("{}.{}", scope_, call.op));
}

Result<ArgList> Lowering::lower(const Call& call) {
  Rule rule = find_rule(call.op);
  if (!rule)
    return input_error("{}: not supported; write it with other ops in the model and export again, or add a rule in frontends/aten", where(call));
  auto results = rule(*this, call);
  if (!results) return at(where(call), std::move(results).error());
  return results;
}

// ScalarType in c10/core/ScalarType.h; the numbers are part of TorchScript's format.
static constexpr std::array<std::pair<int64_t, DType>, 9> kScalarTypes{{{0, DType::kU8},
                                                                        {1, DType::kS8},
                                                                        {3, DType::kI32},
                                                                        {4, DType::kI64},
                                                                        {5, DType::kF16},
                                                                        {6, DType::kF32},
                                                                        {7, DType::kF64},
                                                                        {11, DType::kBool},
                                                                        {15, DType::kBF16}}};

Result<DType> dtype_of_scalar_type(int64_t scalar_type) {
  for (auto [number, dtype] : kScalarTypes)
    if (number == scalar_type) return dtype;
  return input_error("tensors of ScalarType {} are not supported; convert them to float32, int64 or bool in the model", scalar_type);
}

int64_t scalar_type_of(DType dtype) {
  return std::ranges::find(kScalarTypes, dtype, &std::pair<int64_t, DType>::second)->first;
}

Result<DType> dtype_argument(const Call& call, std::string_view name, DType fallback) {
  if (!call.has(name)) return fallback;
  FASTC_TRY(int64_t number, call.integer(name));
  return dtype_of_scalar_type(number);
}

Tensor scalar_tensor(double value, DType dtype) {
  switch (dtype) {
    case DType::kF32: return Tensor::of<float>({}, {static_cast<float>(value)});
    case DType::kF64: return Tensor::of<double>({}, {value});
    case DType::kI64: {
      // A double just below 2^63 rounds up to it; the cast would overflow.
      int64_t v = value >= 9223372036854775807.0 ? INT64_MAX : static_cast<int64_t>(std::max(value, -9223372036854775808.0));
      return Tensor::of<int64_t>({}, {v});
    }
    case DType::kI32: return Tensor::of<int32_t>({}, {static_cast<int32_t>(value)});
    case DType::kBool: return Tensor::of<bool>({}, {value != 0});
    case DType::kU8: return Tensor::of<uint8_t>({}, {static_cast<uint8_t>(value)});
    case DType::kS8: return Tensor::of<int8_t>({}, {static_cast<int8_t>(value)});
    default: return Tensor::of<float>({}, {static_cast<float>(value)});
  }
}

}  // namespace fastc::aten
