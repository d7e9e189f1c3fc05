// Convolutions: aten's many spellings → conv and conv_transpose.
#include "frontends/aten/lowering.h"

namespace fastc::aten {
namespace {

struct Window {
  std::vector<int64_t> stride, padding, dilation;  // padding: 2S, begins then ends
};

// "same" pads d*(k-1) in all, the odd one at the end (as aten does).
Result<std::vector<int64_t>> named_padding(const std::string& mode, const Shape& weight, const std::vector<int64_t>& dilation) {
  size_t spatial = dilation.size();
  std::vector<int64_t> padding(2 * spatial, 0);
  if (mode == "valid") return padding;
  if (mode != "same") return input_error("padding: expected \"same\" or \"valid\", found \"{}\"", mode);
  for (size_t i = 0; i < spatial; ++i) {
    int64_t total = dilation[i] * (weight[i + 2].constant() - 1);
    padding[i] = total / 2;
    padding[spatial + i] = total - total / 2;
  }
  return padding;
}

Result<Window> window_of(const Call& call, const Shape& weight, int64_t spatial) {
  Window w;
  std::vector<int64_t> ones(static_cast<size_t>(spatial), 1), zeros(static_cast<size_t>(spatial), 0);
  FASTC_TRY(w.stride, call.spatial("stride", spatial, ones));
  FASTC_TRY(w.dilation, call.spatial("dilation", spatial, ones));
  if (const std::string* mode = call.arg("padding").text()) {
    FASTC_TRY(w.padding, named_padding(*mode, weight, w.dilation));
  } else {
    FASTC_TRY(auto padding, call.spatial("padding", spatial, zeros));
    w.padding = padding;
    w.padding.insert(w.padding.end(), padding.begin(), padding.end());
  }
  return w;
}

Result<int64_t> spatial_rank(Lowering& l, const TensorArg& x, const TensorArg& weight, int64_t most) {
  int64_t spatial = l.rank(weight) - 2;
  if (spatial < 1 || spatial > most)
    return input_error("expected a convolution over 1 to {} axes, found a weight [{}]", most, shape_text(l.shape(weight)));
  if (l.rank(x) != spatial + 2)
    return input_error("expected an input of {} axes with the batch first, found [{}]", spatial + 2, shape_text(l.shape(x)));
  for (const Dim& d : l.shape(weight))
    if (!d.is_constant()) return input_error("the weight's shape [{}] is not fixed", shape_text(l.shape(weight)));
  return spatial;
}

Result<ArgList> transposed(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("input"));
  FASTC_TRY(auto weight, call.tensor("weight"));
  FASTC_TRY(int64_t spatial, spatial_rank(l, x, weight, 2));
  FASTC_TRY(Window w, window_of(call, l.shape(weight), spatial));
  w.padding.resize(static_cast<size_t>(spatial));
  FASTC_TRY(auto output_padding, call.spatial("output_padding", spatial, std::vector<int64_t>(static_cast<size_t>(spatial), 0)));
  return one(l.emit("conv_transpose", {x, weight, operand(call.optional_tensor("bias"))},
                    {{"stride", w.stride},
                     {"padding", w.padding},
                     {"output_padding", output_padding},
                     {"dilation", w.dilation},
                     {"groups", call.integer_or("groups", 1)}},
                    weight.path));
}

Result<ArgList> conv(Lowering& l, const Call& call) {
  if (call.flag_or("transposed", false)) return transposed(l, call);
  FASTC_TRY(auto x, call.tensor("input"));
  FASTC_TRY(auto weight, call.tensor("weight"));
  FASTC_TRY(int64_t spatial, spatial_rank(l, x, weight, 3));
  FASTC_TRY(Window w, window_of(call, l.shape(weight), spatial));
  return one(l.emit("conv", {x, weight, operand(call.optional_tensor("bias"))},
                    {{"stride", w.stride}, {"padding", w.padding}, {"dilation", w.dilation}, {"groups", call.integer_or("groups", 1)}},
                    weight.path));
}

constexpr RuleEntry kRules[] = {
    {"_convolution", conv}, {"_convolution_mode", conv}, {"convolution", conv}, {"conv1d", conv}, {"conv2d", conv}, {"conv3d", conv},
    {"conv_transpose1d", transposed}, {"conv_transpose2d", transposed},
};

}  // namespace

std::span<const RuleEntry> convolution_rules() { return kRules; }

}  // namespace fastc::aten
