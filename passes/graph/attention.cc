// graph.attention: attention that a model spells out becomes the one op.
//
//   before   %t = permute(%k) {perm=[0,1,3,2]}                        after   %attention_1 = attention(%q, %k, %v, %mask) {scale=0.125}
//            %s = matmul(%q, %t)          // or transpose_b
//            %d = div(%s, @eight)         // or mul; on the scores, on q or on k; or not there
//            %m = add(%d, %mask)          // or where(%keep, %d, @minus_infinity), either way round; or not there
//            %p = softmax(%m) {axis=3}
//            %y = matmul(%p, %v)
//
// And keys and values that are repeated for groups of queries (expand [B,Hk,1,S,D] to [B,Hk,r,S,D], reshape to [B,Hk·r,S,D]) are read once: the
// op knows grouped queries (Ainslie et al. 2023).
//
// softmax(q·kᵀ·scale + mask)·v (Vaswani et al. 2017, eq. 1). Legal when every step in between has that one use, all are of 4 axes [B,H,L,D]
// (or 3, [B,L,D]: one head) and share B and H. A `where` with a number of -1e9 or below becomes an added mask of 0 and that number: beside
// it a score vanishes. Effect: the scores are never stored; heads can be pruned as wholes; one node to quantize around.
#include <cmath>

#include "ir/op.h"
#include "ir/rewrite.h"
#include "passes/pass.h"

namespace fastc {
namespace {

struct Options {};

const OptionSet<Options>& options() {
  static const OptionSet<Options> set("Raises attention written in primitive ops to one op");
  return set;
}

constexpr double kHides = -1e9;  // added to a score, leaves nothing of it

struct Found {
  ValueId q = kNoId, k = kNoId, v = kNoId;  // k as matmul read it
  bool k_transposed = false;                // [..., S, D] already
  double scale = 1;
  ValueId added = kNoId;                    // mask to add
  ValueId kept = kNoId;                     // or: bool, scores count where it is `keeps`
  bool keeps = true;
  double hidden = 0;
};

// A constant that no training changes.
std::optional<double> fixed_number(const Module& m, ValueId id) {
  const auto number = scalar_weight(m, id);
  return number && !m.weight(id).trainable ? number : std::nullopt;
}

// The value under multiplications and divisions by constants, which go into `scale`.
ValueId unscaled(const Module& m, ValueId id, double& scale) {
  for (const Node* node = m.producer(id); node != nullptr; node = m.producer(id)) {
    if (!is_op(*node, "mul") && !is_op(*node, "div")) break;
    const bool times = is_op(*node, "mul");
    const size_t side = times && fixed_number(m, node->inputs[0]) ? 0 : 1;
    const auto number = fixed_number(m, node->inputs[side]);
    const ValueId rest = node->inputs[1 - side];
    if (!number || m.value(rest).type.shape != m.value(id).type.shape) break;
    scale = times ? scale * *number : scale / *number;
    id = rest;
  }
  return id;
}

// The scores behind the mask, which is noted in `found`; `id` itself when there is none.
ValueId unmasked(const Module& m, ValueId id, Found& found) {
  const Type& type = m.value(id).type;
  const auto is_scores = [&](ValueId value) { return m.value(value).type.shape == type.shape && !m.is_weight(value); };
  const Node* node = m.producer(id);
  if (node == nullptr) return id;
  if (is_op(*node, "add") && node->string("activation") == "none") {
    for (const size_t side : {size_t{0}, size_t{1}}) {
      double ignored = 1;
      const ValueId scores = node->inputs[side];
      if (!is_scores(scores) || producer_of(m, unscaled(m, scores, ignored), "matmul") == nullptr) continue;
      found.added = node->inputs[1 - side];
      return scores;
    }
  }
  if (!is_op(*node, "where")) return id;
  for (const size_t side : {size_t{1}, size_t{2}}) {
    const auto number = fixed_number(m, node->inputs[3 - side]);
    if (!number || !(*number <= kHides) || !is_scores(node->inputs[side])) continue;
    found.kept = node->inputs[0], found.keeps = side == 1, found.hidden = *number;
    return node->inputs[side];
  }
  return id;
}

// Every value from the matmul's result up to the softmax's has one use.
bool private_chain(const Module& m, const Uses& uses, ValueId from, ValueId to) {
  for (ValueId id = from; id != to;) {
    const NodeId user = uses.single_user(id);
    if (user == kNoId) return false;
    id = m.node(user).output();
  }
  return uses.single_user(to) != kNoId;
}

bool same_batch(const Module& m, const Found& f) {
  const Shape &q = m.value(f.q).type.shape, &k = m.value(f.k).type.shape, &v = m.value(f.v).type.shape;
  if (q.size() < 3 || q.size() > 4 || k.size() != q.size() || v.size() != q.size()) return false;
  for (size_t axis = 0; axis + 2 < q.size(); ++axis)
    if (!(q[axis] == k[axis]) || !(q[axis] == v[axis])) return false;
  return true;
}

// The last matmul of an attention, or nothing.
std::optional<Found> find(const Module& m, const Uses& uses, const Node& last) {
  if (!is_op(last, "matmul") || last.flag("transpose_b")) return {};
  const Node* softmax = producer_of(m, last.inputs[0], "softmax");
  if (softmax == nullptr || softmax->integer("axis") + 1 != m.value(last.inputs[0]).type.rank()) return {};
  Found f;
  f.v = last.inputs[1];
  ValueId scores = unscaled(m, unmasked(m, softmax->inputs[0], f), f.scale);
  if (f.added == kNoId && f.kept == kNoId) scores = unscaled(m, softmax->inputs[0], f.scale = 1);
  const Node* product = producer_of(m, scores, "matmul");
  if (product == nullptr || !private_chain(m, uses, scores, softmax->output())) return {};
  f.q = unscaled(m, product->inputs[0], f.scale), f.k = unscaled(m, product->inputs[1], f.scale);
  f.k_transposed = product->flag("transpose_b");
  if (m.value(f.q).type.dtype != DType::kF32 || !same_batch(m, f) || !std::isfinite(f.scale)) return {};
  return f;
}

// Adds nodes before the last matmul of an attention.
class Raiser {
 public:
  Raiser(Module& module, NodeId last) : m_(module), last_(last) {
    const std::string& name = m_.node(last).name;
    const size_t dot = name.rfind('.');
    prefix_ = dot == std::string::npos ? "" : name.substr(0, dot + 1);
  }

  Status raise(const Found& f) {
    const Shape result = m_.value(m_.node(last_).output()).type.shape;
    FASTC_TRY(const ValueId q, four_axes(f.q));
    FASTC_TRY(ValueId k, f.k_transposed ? Result<ValueId>(f.k) : transposed(f.k));
    FASTC_TRY(k, four_axes(k));
    FASTC_TRY(const ValueId v, four_axes(f.v));
    FASTC_TRY(const ValueId mask, mask_of(f));
    FASTC_TRY(ValueId y, add("attention", mask == kNoId ? std::vector<ValueId>{q, k, v} : std::vector<ValueId>{q, k, v, mask}, {{"scale", f.scale}}));
    if (result.size() == 3) {
      FASTC_TRY(y, add("reshape", {y}, {{"shape", result}}));
    }
    m_.node(m_.value(y).producer).source = m_.node(last_).source;
    m_.replace_uses(m_.node(last_).output(), y);
    return {};
  }

 private:
  Result<ValueId> add(std::string_view op, std::vector<ValueId> inputs, Attrs attrs = {}) {
    FASTC_TRY(const NodeId id, m_.add_node(op, m_.fresh_name(fmt::format("{}{}_1", prefix_, op)), std::move(inputs), std::move(attrs), {}, last_));
    return m_.node(id).output();
  }

  Result<ValueId> transposed(ValueId id) {
    std::vector<int64_t> perm{0, 1, 2, 3};
    perm.resize(static_cast<size_t>(m_.value(id).type.rank()));
    std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
    const Node* before = producer_of(m_, id, "permute");
    if (before == nullptr) return add("permute", {id}, {{"perm", perm}});
    std::vector<int64_t> joint;
    for (const int64_t axis : perm) joint.push_back(before->integers("perm")[static_cast<size_t>(axis)]);
    const ValueId x = before->inputs[0];
    if (std::is_sorted(joint.begin(), joint.end())) return x;
    return add("permute", {x}, {{"perm", std::move(joint)}});
  }

  Result<ValueId> four_axes(ValueId id) {
    Shape shape = m_.value(id).type.shape;
    if (shape.size() == 4) return id;
    shape.insert(shape.begin() + 1, Dim(1));
    return add("reshape", {id}, {{"shape", std::move(shape)}});
  }

  // Beside scores [B,L,S] a mask of three axes gets the head's.
  Result<ValueId> mask_of(const Found& f) {
    ValueId mask = f.added;
    if (f.kept != kNoId) {
      const ValueId zero = number(0), hidden = number(f.hidden);
      FASTC_TRY(mask, add("where", f.keeps ? std::vector<ValueId>{f.kept, zero, hidden} : std::vector<ValueId>{f.kept, hidden, zero}));
    }
    if (mask == kNoId || m_.value(f.q).type.rank() == 4 || m_.value(mask).type.rank() < 3) return mask;
    return four_axes(mask);
  }

  ValueId number(double value) {
    return m_.add_weight(m_.fresh_name(prefix_ + "attention.mask_value"), Weight{Tensor::of<float>({}, {static_cast<float>(value)}), {}, false});
  }

  Module& m_;
  NodeId last_;
  std::string prefix_;
};

// The value [B,Hk,1,S,D] that is repeated into `id` [B,Hk·r,S,D]; kNoId when it is no repetition.
ValueId repeated(const Module& m, ValueId id) {
  const Node* joined = producer_of(m, id, "reshape");
  const Node* wide = joined ? producer_of(m, joined->inputs[0], "expand") : nullptr;
  if (wide == nullptr) return kNoId;
  const Shape &from = m.value(wide->inputs[0]).type.shape, &to = m.value(wide->output()).type.shape, &y = m.value(id).type.shape;
  if (from.size() != 5 || to.size() != 5 || y.size() != 4 || !(from[2] == Dim(1))) return kNoId;
  const bool whole = from[0] == to[0] && from[1] == to[1] && from[3] == to[3] && from[4] == to[4];
  return whole && y == Shape{to[0], to[1] * to[2], to[3], to[4]} ? wide->inputs[0] : kNoId;
}

// [B,Hk,S,D] out of [B,Hk,1,S,D].
Result<ValueId> without_axis(Module& m, ValueId id, NodeId before) {
  Shape shape = m.value(id).type.shape;
  shape.erase(shape.begin() + 2);
  const Node* made = producer_of(m, id, "reshape");
  if (made && m.value(made->inputs[0]).type.shape == shape) return made->inputs[0];
  FASTC_TRY(const NodeId node, m.add_node("reshape", m.fresh_name(m.value(id).name + ".once"), {id}, {{"shape", std::move(shape)}}, {}, before));
  return m.node(node).output();
}

Result<bool> group_queries(Module& m, NodeId id) {
  const ValueId k = repeated(m, m.node(id).inputs[1]), v = repeated(m, m.node(id).inputs[2]);
  if (k == kNoId || v == kNoId || !(m.value(k).type.shape[1] == m.value(v).type.shape[1]) || !m.value(k).type.shape[1].is_constant()) return false;
  FASTC_TRY(const ValueId keys, without_axis(m, k, id));
  FASTC_TRY(const ValueId values, without_axis(m, v, id));
  m.node(id).inputs[1] = keys, m.node(id).inputs[2] = values;
  return true;
}

Result<PassReport> run(Module& module, const Options&, PassContext&) {
  int raised = 0, grouped = 0;
  for (const NodeId id : std::vector<NodeId>(module.order())) {
    if (!is_op(module.node(id), "matmul")) continue;
    const auto found = find(module, Uses(module), module.node(id));  // uses anew: raising the one before changed them
    if (!found) continue;
    FASTC_CHECK(Raiser(module, id).raise(*found));
    ++raised;
  }
  for (const NodeId id : std::vector<NodeId>(module.order())) {
    if (!is_op(module.node(id), "attention")) continue;
    FASTC_TRY(const bool done, group_queries(module, id));
    grouped += done;
  }
  module.erase_dead();
  FASTC_CHECK(module.infer_types());
  PassReport report;
  report.changed = raised + grouped > 0;
  report.numbers = {{"attentions_raised", raised}, {"repetitions_removed", grouped}};
  return report;
}

FASTC_REGISTER_PASS(graph_attention, Options,
                    ({.name = "graph.attention", .summary = "raises attention written in primitive ops to one op", .lossy = false}), options, run);

}  // namespace
}  // namespace fastc
