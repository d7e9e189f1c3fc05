#include "ir/ops/recurrent.h"

namespace fastc::ops {
namespace {

int64_t directions(const OpView& view) { return view.node.flag("bidirectional") ? 2 : 1; }
size_t weights_per_cell(const OpView& view) { return view.node.flag("has_bias") ? 4 : 2; }

Status check_int8(const OpView& view, size_t i) {
  const ValueId id = view.node.inputs[i];
  if (view.in(i).dtype == DType::kS8 && view.module.is_weight(id)) {
    const Encoding& encoding = view.module.weight(id).encoding;
    if (encoding.kind == Encoding::Kind::kInt && encoding.bits == 8 && encoding.axis == 0 && encoding.group_size == 0) return {};
  }
  return wrong_operand(view, i, "s8 in an int8 encoding with one scale for each row (axis 0), as \"dynamic\" is set");
}

Status check_weights(const OpView& view, const Dim& features, const RecurrentCell& cell) {
  const int64_t hidden = view.node.integer("hidden"), layers = view.node.integer("layers");
  const size_t each = weights_per_cell(view), first = 1 + static_cast<size_t>(cell.states);
  const size_t expected = first + static_cast<size_t>(layers * directions(view)) * each;
  if (view.node.inputs.size() != expected) {
    return input_error("expected {} operands (x, {} states and {} weights for each of {} layers and {} directions), found {}", expected,
                       cell.states, each, layers, directions(view), view.node.inputs.size());
  }
  for (size_t i = first; i < expected; ++i) {
    if (!view.has(i)) return wrong_operand(view, i, "a weight");
    const size_t which = (i - first) % each;
    if (which < 2 && !view.node.string("dynamic").empty()) {
      FASTC_CHECK(check_int8(view, i));
    } else {
      FASTC_CHECK(expect_same_dtype(view, {0, i}));
    }
    const bool first_layer = i - first < static_cast<size_t>(directions(view)) * each;
    const Dim in = first_layer ? features : Dim(hidden * directions(view));
    const Shape shape = which >= 2 ? Shape{cell.gates * hidden} : Shape{cell.gates * hidden, which == 0 ? in : Dim(hidden)};
    FASTC_CHECK(expect_shape(view, i, shape, cell.order));
  }
  return {};
}

Status check_states(const OpView& view, const Shape& shape, const RecurrentCell& cell) {
  for (size_t i = 1; i <= static_cast<size_t>(cell.states); ++i) {
    if ((view.node.input(i) == kNoId) != (view.node.input(1) == kNoId)) return input_error("expected h0 and c0 both or neither");
    if (!view.has(i)) continue;
    FASTC_CHECK(expect_same_dtype(view, {0, i}));
    FASTC_CHECK(expect_shape(view, i, shape, "layers·directions, batch, hidden"));
  }
  return {};
}

}  // namespace

std::vector<AttrDef> recurrent_attributes() {
  return {integer("hidden", "features of the state"), integer("layers", 1, "stacked layers"),
          flag("bidirectional", false, "a second pass from the end"), flag("batch_first", false, "x is [N,L,I]"),
          flag("has_bias", true, "each cell has b_ih and b_hh"),
          text("dynamic", "", "\"row\": w_ih and w_hh are int8, each row of x and of the states is quantized at run time")};
}

Result<std::vector<Type>> infer_recurrent(const OpView& view, const DeclaredQuant& quant, const RecurrentCell& cell) {
  FASTC_CHECK(expect_unquantized(view, quant));
  const Type& x = view.in(0);
  if (x.rank() != 3) return wrong_operand(view, 0, "rank 3 [L,N,I], or [N,L,I] with batch_first");
  FASTC_CHECK(expect_float(view, 0));
  for (const char* name : {"hidden", "layers"}) {
    const int64_t value = view.node.integer(name);
    if (value < 1 || value > (1 << 20)) return wrong_attribute(name, "1 to 2^20", fmt::format("{}", value));
  }
  const std::string& dynamic = view.node.string("dynamic");
  if (!dynamic.empty() && dynamic != "row") return wrong_attribute("dynamic", R"("" or "row")", dynamic);
  if (!dynamic.empty() && x.dtype != DType::kF32) return wrong_operand(view, 0, "f32, as \"dynamic\" is set");
  const int64_t hidden = view.node.integer("hidden");
  const Dim batch = x.shape[view.node.flag("batch_first") ? 0 : 1];
  const Shape state{view.node.integer("layers") * directions(view), batch, hidden};
  FASTC_CHECK(check_states(view, state, cell));
  FASTC_CHECK(check_weights(view, x.shape[2], cell));
  std::vector<Type> results{{x.dtype, {x.shape[0], x.shape[1], hidden * directions(view)}}};
  results.insert(results.end(), static_cast<size_t>(cell.states), Type{x.dtype, state});
  return results;
}

Cost recurrent_cost(const OpView& view, const RecurrentCell& cell) {
  const int64_t hidden = view.node.integer("hidden"), layers = view.node.integer("layers"), dirs = directions(view);
  const int64_t rows = cell.gates * hidden * dirs;
  const Dim steps = view.in(0).shape[0] * view.in(0).shape[1];
  return mac_cost(steps * ((view.in(0).shape[2] + hidden) * rows + Dim(rows * (hidden * dirs + hidden) * (layers - 1))));
}

void couple_recurrent(const OpView& view, Coupler& coupler, const RecurrentCell& cell) {
  const int64_t hidden = view.node.integer("hidden"), layers = view.node.integer("layers"), dirs = directions(view);
  const size_t each = weights_per_cell(view), first = 1 + static_cast<size_t>(cell.states);
  const ValueId x = view.node.inputs[0], y = view.node.output();
  for (const int64_t axis : {0, 1}) tie_axis(coupler, x, axis, y, axis);
  // Unit j of the first cell speaks for unit j of all.
  const auto units = [&](ValueId value, int64_t axis, int64_t at) {
    coupler.tie({.value = view.node.inputs[first + 1], .axis = 1}, {.value = value, .axis = axis, .first = at * hidden, .count = hidden});
  };
  for (int64_t index = 0; index < layers * dirs; ++index) {
    const ValueId* weights = &view.node.inputs[first + static_cast<size_t>(index) * each];
    for (size_t which = 0; which < each; ++which) {
      for (int64_t gate = 0; gate < cell.gates; ++gate) units(weights[which], 0, gate);
    }
    units(weights[1], 1, 0);
    if (index < dirs) tie_axis(coupler, x, 2, weights[0], 1);
    for (int64_t d = 0; index >= dirs && d < dirs; ++d) units(weights[0], 1, d);
  }
  for (int64_t d = 0; d < dirs; ++d) units(y, 2, d);
  for (size_t i = 1; i <= static_cast<size_t>(cell.states); ++i) {
    for (const ValueId state : {view.node.input(i), view.node.outputs[i]}) {
      if (state == kNoId) continue;
      pin_axis(coupler, state, 0);
      tie_axis(coupler, state, 1, y, view.node.flag("batch_first") ? 0 : 1);
      units(state, 2, 0);
    }
  }
}

Status shrink_recurrent(Node& node, const Kept& kept, const RecurrentCell& cell) {
  const auto units = kept.of(node.inputs[static_cast<size_t>(cell.states) + 2], 1);
  if (units) node.attrs.find("hidden")->second = static_cast<int64_t>(units->size());
  return {};
}

}  // namespace fastc::ops
