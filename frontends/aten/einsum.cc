// einsum of two tensors → permute, reshape, matmul, and back.
#include <algorithm>

#include "frontends/aten/lowering.h"

namespace fastc::aten {
namespace {

// "bhid,bhjd->bhij": a letter an axis. Batch: in both and in the result; summed: in both and not in the result; the rest is of one side.
struct Letters {
  std::string a, b, out;
};

Result<Letters> letters_of(const std::string& equation) {
  std::string text;
  std::ranges::copy_if(equation, std::back_inserter(text), [](char c) { return c != ' '; });
  const size_t comma = text.find(','), arrow = text.find("->");
  if (text.find('.') != std::string::npos || comma == std::string::npos || arrow == std::string::npos || text.find(',', comma + 1) != std::string::npos)
    return input_error("einsum \"{}\": expected two tensors and a result, as in \"bik,bkj->bij\", without \"...\"; write it with matmul", equation);
  Letters l{text.substr(0, comma), text.substr(comma + 1, arrow - comma - 1), text.substr(arrow + 2)};
  for (const std::string* part : {&l.a, &l.b, &l.out}) {
    std::string sorted = *part;
    std::ranges::sort(sorted);
    if (std::ranges::adjacent_find(sorted) != sorted.end()) return input_error("einsum \"{}\": an axis named twice in one tensor (a diagonal) is not supported", equation);
  }
  return l;
}

bool in(const std::string& text, char c) { return text.find(c) != std::string::npos; }

std::string filter(const std::string& from, auto keep) {
  std::string out;
  std::ranges::copy_if(from, std::back_inserter(out), keep);
  return out;
}

Shape sizes(const std::string& letters, const std::string& names, const Shape& shape) {
  Shape out;
  for (char c : letters) out.push_back(shape[names.find(c)]);
  return out;
}

// The tensor with its axes as `first`, `second`, `third`, each of the last two joined into one.
Result<TensorArg> arranged(Lowering& l, const TensorArg& t, const std::string& names, const std::string& first, const std::string& second, const std::string& third) {
  std::vector<int64_t> perm;
  for (char c : first + second + third) perm.push_back(static_cast<int64_t>(names.find(c)));
  const Shape shape = l.shape(t);
  Shape to = sizes(first, names, shape);
  to.push_back(product(sizes(second, names, shape)));
  to.push_back(product(sizes(third, names, shape)));
  FASTC_TRY(auto moved, l.permute(t, std::move(perm)));
  return l.reshape(moved, std::move(to));
}

Result<ArgList> einsum(Lowering& l, const Call& call) {
  const std::string* equation = call.arg("equation").text();
  FASTC_TRY(auto tensors, call.tensors("tensors"));
  if (!equation || tensors.size() != 2) return input_error("expected an einsum of two tensors, found {}; write it with matmul", tensors.size());
  FASTC_TRY(const Letters names, letters_of(*equation));
  const Shape sa = l.shape(tensors[0]), sb = l.shape(tensors[1]);
  if (names.a.size() != sa.size() || names.b.size() != sb.size()) return input_error("einsum \"{}\" does not fit [{}] and [{}]", *equation, shape_text(sa), shape_text(sb));
  const auto batch = filter(names.out, [&](char c) { return in(names.a, c) && in(names.b, c); });
  const auto summed = filter(names.a, [&](char c) { return in(names.b, c) && !in(names.out, c); });
  const auto rows = filter(names.a, [&](char c) { return in(names.out, c) && !in(names.b, c); });
  const auto columns = filter(names.b, [&](char c) { return in(names.out, c) && !in(names.a, c); });
  if (batch.size() + summed.size() + rows.size() != names.a.size() || batch.size() + summed.size() + columns.size() != names.b.size())
    return input_error("einsum \"{}\": an axis of one tensor that is summed alone is not supported; sum it first", *equation);
  FASTC_TRY(auto a, arranged(l, tensors[0], names.a, batch, rows, summed));
  FASTC_TRY(auto b, arranged(l, tensors[1], names.b, batch, summed, columns));
  FASTC_TRY(auto product, l.emit("matmul", {a, b}));
  Shape apart = sizes(batch, names.a, sa);
  for (const Dim& d : sizes(rows, names.a, sa)) apart.push_back(d);
  for (const Dim& d : sizes(columns, names.b, sb)) apart.push_back(d);
  FASTC_TRY(auto y, l.reshape(product, std::move(apart)));
  const std::string order = batch + rows + columns;
  std::vector<int64_t> perm;
  for (char c : names.out) perm.push_back(static_cast<int64_t>(order.find(c)));
  return one(l.permute(y, std::move(perm)));
}

constexpr RuleEntry kRules[] = {{"einsum", einsum}};

}  // namespace

std::span<const RuleEntry> einsum_rules() { return kRules; }

}  // namespace fastc::aten
