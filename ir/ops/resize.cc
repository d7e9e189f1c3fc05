// resize: spatial axes to a given size, nearest (source index floor(i·in/out)) or bilinear (with or without aligned corners).
#include "ir/ops/common.h"

namespace fastc::ops {
namespace {

Types infer(const OpView& view, const DeclaredQuant& quant) {
  FASTC_CHECK(expect_unquantized(view, quant));
  FASTC_TRY(const int64_t spatial, spatial_rank(view, 0, 2));
  FASTC_CHECK(expect_float(view, 0));
  const std::string& mode = view.node.string("mode");
  if (mode != "nearest" && mode != "bilinear") return wrong_attribute("mode", "nearest or bilinear", mode);
  if (mode == "nearest" && view.node.flag("align_corners")) return wrong_attribute("align_corners", "false for nearest", "true");
  const Shape size = dims_of(view.node, "size");
  if (static_cast<int64_t>(size.size()) != spatial) {
    return wrong_attribute("size", fmt::format("{} entries", spatial), fmt::format("[{}]", shape_text(size)));
  }
  Type result{view.in(0).dtype, {view.in(0).shape[0], view.in(0).shape[1]}};
  result.shape.insert(result.shape.end(), size.begin(), size.end());
  return std::vector<Type>{std::move(result)};
}

void couple(const OpView& view, Coupler& coupler) {
  for (const int64_t axis : {0, 1}) tie_axis(coupler, view.node.inputs[0], axis, view.node.output(), axis);
  for (int64_t axis = 2; axis < view.out().rank(); ++axis) {
    pin_axis(coupler, view.node.inputs[0], axis);
    pin_axis(coupler, view.node.output(), axis);
  }
}

const RegisterOp resize{{
    .name = "resize",
    .summary = "interpolates the spatial axes to another size",
    .operands = operands("x"),
    .attributes = {dims("size", "of the result's spatial axes"), text("mode", "nearest", "nearest or bilinear"),
                   flag("align_corners", false, "bilinear: corners map onto corners")},
    .infer = infer,
    .couple = couple,
}};

}  // namespace
}  // namespace fastc::ops
