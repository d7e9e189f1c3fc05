#include "ir/cost.h"

#include <algorithm>
#include <bit>
#include <set>
#include <string>

#include "ir/multiples.h"
#include "ir/op.h"

namespace fastc {
namespace {

Cost node_cost(const OpView& view) {
  if (view.node.op->cost != nullptr) return view.node.op->cost(view);
  return {0, product(view.out().shape)};
}

Status add(int64_t& sum, int64_t value, const Node& node) {
  if (__builtin_add_overflow(sum, value, &sum))
    return input_error("node {}: expected costs below 2^63, found more", node.name);
  return {};
}

// Of an integer layer's groups one scale a channel, and the groups' multiples of it in as few bits as they need (backends/runtime/format.h: kGroups).
int64_t scale_bytes(const Encoding& e, bool read_as_bytes) {
  if (e.kind == Encoding::Kind::kDense) return 0;
  const auto bytes = static_cast<int64_t>(e.scales.bytes());
  if (!read_as_bytes || e.group_size == 0) return bytes;
  const auto found = find_multiples(e);
  if (!found) return bytes;
  int width = 1;
  for (const uint8_t m : found->multiples.values<uint8_t>()) width = std::max(width, static_cast<int>(std::bit_width(m)));
  return static_cast<int64_t>(found->scales.bytes()) + (found->multiples.elements() * width + 7) / 8;
}

// Of integers as many bits as they need; −1, 0 and 1 are five a byte (kFewBits), but for weights that are decoded as they are used.
int64_t number_bytes(const Weight& weight, bool read_as_bytes) {
  const Encoding& e = weight.encoding;
  const int64_t count = weight.data.elements();
  if (e.kind == Encoding::Kind::kDense) return static_cast<int64_t>(weight.data.bytes());
  return read_as_bytes && e.bits == 2 ? (count + 4) / 5 : (count * e.bits + 7) / 8;
}

}  // namespace

// Its numbers as encoded with their scales; under a pattern of zeros those that are kept and one bit a number that says where (2:4: two places of 2 bits a
// four, backends/runtime/format.h), when that is less. Numbers that are kept are whole bytes.
int64_t bytes_in_file(const Weight& weight, bool read_as_bytes) {
  const Encoding& e = weight.encoding;
  const int64_t scales = scale_bytes(e, read_as_bytes), count = weight.data.elements(), dense = number_bytes(weight, read_as_bytes) + scales;
  const bool nibbles = e.kind == Encoding::Kind::kInt && e.bits == 4 && !read_as_bytes;  // two numbers share a byte
  if (e.sparsity == Encoding::Sparsity::kNone || nibbles) return dense;
  const bool two_four = e.sparsity == Encoding::Sparsity::kNofM && e.n == 2 && e.m == 4;
  const int64_t kept = two_four ? count / 2 : stored_numbers(weight);
  return std::min(dense, kept * static_cast<int64_t>(size_of(weight.data.dtype())) + (count + 7) / 8 + scales);
}

SymbolValues default_symbols(const Module& module) {
  SymbolValues values;
  for (const Symbol& symbol : module.symbols) values[symbol.name] = std::max<int64_t>(symbol.min, 1);
  if (!module.inputs.empty()) {
    const Shape& shape = module.value(module.inputs.front()).type.shape;
    if (!shape.empty() && !shape[0].is_constant())
      for (const std::string& batch : shape[0].symbols()) values[batch] = 1;
  }
  return values;
}

int64_t stored_numbers(const Weight& weight) {
  if (weight.encoding.sparsity == Encoding::Sparsity::kNone) return weight.data.elements();
  const auto values = to_doubles(weight.data);
  return static_cast<int64_t>(values.size()) - std::count(values.begin(), values.end(), 0.0);
}

std::set<std::string> read_as_bytes(const Module& module) {
  std::set<std::string> names;
  for (const NodeId id : module.order()) {
    const Node& node = module.node(id);
    if (module.is_weight(node.input(1)) && module.value(node.inputs[0]).type.quant) names.insert(module.value(node.inputs[1]).name);
  }
  return names;
}

Result<ModuleCost> module_cost(const Module& module, SymbolValues symbols) {
  symbols.merge(default_symbols(module));
  ModuleCost out;
  for (const NodeId id : module.order()) {
    const Node& node = module.node(id);
    const Cost symbolic = node_cost({module, node});
    auto macs = symbolic.macs.evaluate(symbols), flops = symbolic.flops.evaluate(symbols);
    if (!macs) return at("node " + node.name, macs.error());
    if (!flops) return at("node " + node.name, flops.error());
    FASTC_CHECK(add(out.macs, *macs, node));
    FASTC_CHECK(add(out.flops, *flops, node));
    out.nodes.push_back({id, *macs, *flops});
  }
  const std::set<std::string> bytes = read_as_bytes(module);
  for (const auto& [name, weight] : module.weights) {
    if (weight.trainable) out.parameters += stored_numbers(weight);
    out.weight_bytes += bytes_in_file(weight, bytes.contains(name));
  }
  return out;
}

}  // namespace fastc
