#include "ir/ops/common.h"

#include <algorithm>

namespace fastc::ops {
namespace {

AttrDef attribute(std::string_view name, AttrType type, std::optional<Attr> fallback, std::string_view help) {
  return AttrDef{name, type, std::move(fallback), help};
}

}  // namespace

std::vector<OperandDef> operands(std::string_view list) {
  std::vector<OperandDef> out;
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    std::string_view name = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    while (!name.empty() && name.front() == ' ') name.remove_prefix(1);
    OperandDef def{name};
    if (name.ends_with("...")) {
      def = {name.substr(0, name.size() - 3), OperandDef::Kind::kVariadic};
    } else if (name.ends_with("?")) {
      def = {name.substr(0, name.size() - 1), OperandDef::Kind::kOptional};
    }
    out.push_back(def);
  }
  return out;
}

AttrDef flag(std::string_view name, bool fallback, std::string_view help) {
  return attribute(name, AttrType::kBool, Attr(fallback), help);
}
AttrDef integer(std::string_view name, std::string_view help) { return attribute(name, AttrType::kInt, {}, help); }
AttrDef integer(std::string_view name, int64_t fallback, std::string_view help) {
  return attribute(name, AttrType::kInt, Attr(fallback), help);
}
AttrDef number(std::string_view name, std::string_view help) { return attribute(name, AttrType::kFloat, {}, help); }
AttrDef number(std::string_view name, double fallback, std::string_view help) {
  return attribute(name, AttrType::kFloat, Attr(fallback), help);
}
AttrDef text(std::string_view name, std::string_view fallback, std::string_view help) {
  return attribute(name, AttrType::kString, Attr(std::string(fallback)), help);
}
AttrDef required_text(std::string_view name, std::string_view help) {
  return attribute(name, AttrType::kString, {}, help);
}
AttrDef integers(std::string_view name, std::string_view help) { return attribute(name, AttrType::kInts, {}, help); }
AttrDef dim(std::string_view name, std::string_view help) { return attribute(name, AttrType::kDim, {}, help); }
AttrDef dims(std::string_view name, std::string_view help) { return attribute(name, AttrType::kDims, {}, help); }

Dim dim_of(const Node& node, std::string_view name) {
  const Attr& attr = node.attrs.find(name)->second;
  if (const auto* value = std::get_if<int64_t>(&attr)) return Dim(*value);
  return std::get<Dim>(attr);
}

Shape dims_of(const Node& node, std::string_view name) {
  const Attr& attr = node.attrs.find(name)->second;
  if (const auto* values = std::get_if<std::vector<int64_t>>(&attr)) return Shape(values->begin(), values->end());
  return std::get<std::vector<Dim>>(attr);
}

Dim elements(const Type& type) { return product(type.shape); }
Cost no_cost(const OpView&) { return {}; }
Cost mac_cost(Dim macs, Dim other_flops) {
  Cost cost;
  cost.flops = 2 * macs + other_flops;
  cost.macs = std::move(macs);
  return cost;
}

Result<Shape> broadcast(const Shape& a, const Shape& b) {
  const size_t rank = std::max(a.size(), b.size());
  Shape out(rank);
  for (size_t back = 1; back <= rank; ++back) {
    const Dim da = back <= a.size() ? a[a.size() - back] : Dim(1);
    const Dim db = back <= b.size() ? b[b.size() - back] : Dim(1);
    if (da == db || db == Dim(1)) {
      out[rank - back] = da;
    } else if (da == Dim(1)) {
      out[rank - back] = db;
    } else {
      return input_error("expected operands that broadcast, found the shapes [{}] and [{}]: {} against {}", shape_text(a),
                         shape_text(b), da.text(), db.text());
    }
  }
  return out;
}

Result<Dim> window_size(const Dim& size, int64_t kernel, int64_t pad, int64_t stride, int64_t dilation, bool ceil_mode,
                        int64_t pad_end) {
  const int64_t reach = dilation * (kernel - 1);
  const Dim span = size + pad + pad_end - reach - 1;
  if (span.is_constant() && span.constant() < 0) {
    return input_error("expected a window no longer than the padded input, found a window of {} over {} + {}", reach + 1,
                       size.text(), pad + pad_end);
  }
  if (!ceil_mode) return floor_div(span, stride) + 1;
  // PyTorch drops a last window that would start behind the input and its leading padding.
  const Dim rounded = floor_div(span + stride - 1, stride) + 1;
  if (size.is_constant()) {
    return (rounded.constant() - 1) * stride >= size.constant() + pad ? rounded - 1 : rounded;
  }
  if (pad_end + stride - 2 >= reach) {
    return input_error("ceil_mode with kernel {}, stride {} and padding {} on the symbolic size {} is not supported: fix the size",
                       kernel, stride, pad, size.text());
  }
  return rounded;
}

}  // namespace fastc::ops
