// What is known at import of a tensor's numbers.
#include <cmath>

#include "frontends/aten/lowering.h"
#include "ir/op.h"

namespace fastc::aten {
namespace {

using Numbers = std::optional<std::vector<double>>;

constexpr int64_t kMost = 65536;  // numbers: a small file must not become large ones

Numbers counted(const Node& node) {
  const Dim& length = std::get<Dim>(node.attrs.at("length"));
  if (!length.is_constant() || length.constant() > kMost) return std::nullopt;
  const double start = std::get<double>(node.attrs.at("start")), step = std::get<double>(node.attrs.at("step"));
  std::vector<double> numbers;
  for (int64_t i = 0; i < length.constant(); ++i) numbers.push_back(start + static_cast<double>(i) * step);
  return numbers;
}

// Of arrays of one length, or with one number.
Numbers combined(std::string_view op, const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size() && a.size() != 1 && b.size() != 1) return std::nullopt;
  std::vector<double> y(a.size() == 1 ? b.size() : a.size());
  for (size_t i = 0; i < y.size(); ++i) {
    const double p = a[a.size() == 1 ? 0 : i], q = b[b.size() == 1 ? 0 : i];
    y[i] = op == "add" ? p + q : op == "sub" ? p - q : p * q;
    if (std::abs(y[i]) > 9e15 || y[i] != std::floor(y[i])) return std::nullopt;  // rounded otherwise than the op would
  }
  return y;
}

}  // namespace

Numbers Lowering::known_numbers(ValueId id) const {
  if (module_.is_weight(id)) return module_.weight(id).data.elements() <= kMost ? Numbers(to_doubles(module_.weight(id).data)) : std::nullopt;
  const Node* node = module_.producer(id);
  if (!node) return std::nullopt;
  const std::string_view op = node->op->name;
  if (op == "iota") return counted(*node);
  if (op == "reshape") return known_numbers(node->input(0));
  if (op != "add" && op != "sub" && op != "mul") return std::nullopt;
  const Shape &a = module_.value(node->input(0)).type.shape, &b = module_.value(node->input(1)).type.shape;
  if (a != b && !a.empty() && !b.empty()) return std::nullopt;
  const auto x = known_numbers(node->input(0)), y = known_numbers(node->input(1));
  return x && y ? combined(op, *x, *y) : std::nullopt;
}

}  // namespace fastc::aten
