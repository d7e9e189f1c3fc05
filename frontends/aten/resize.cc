// Resizing over the spatial axes.
#include <algorithm>
#include <array>
#include <cmath>

#include "frontends/aten/spatial.h"

namespace fastc::aten {
namespace {

// The size of the result: given, or the input's times scale factors. With factors aten computes positions from the factor itself;
// that is the same only where the size is exactly input * factor.
Result<Shape> size_of(Lowering& l, const Call& call, const TensorArg& x, int64_t spatial) {
  if (call.has("output_size")) return call.dims("output_size");
  if (call.has("size")) return call.dims("size");
  const ArgList* factors = call.arg("scale_factors").list();
  if (!factors || static_cast<int64_t>(factors->size()) != spatial) return input_error("expected output_size or {} scale_factors", spatial);
  Shape size;
  for (size_t i = 0; i < factors->size(); ++i) {
    const double* f = (*factors)[i].number();
    const Dim& in = l.shape(x)[i + 2];
    if (!f) return input_error("scale_factors: expected numbers");
    if (*f == std::floor(*f) && *f >= 1 && *f < 1e6) {
      size.push_back(in * Dim(static_cast<int64_t>(*f)));
    } else if (in.is_constant() && *f > 0 && std::floor(static_cast<double>(in.constant()) * *f) == static_cast<double>(in.constant()) * *f) {
      size.push_back(Dim(static_cast<int64_t>(static_cast<double>(in.constant()) * *f)));
    } else {
      return input_error("the scale factor {} does not give a whole size for an axis of length {}; give the output size instead", *f, in.text());
    }
  }
  return size;
}

struct Resized {
  TensorArg x;
  Shape size;
};

Result<Resized> resized(Lowering& l, const Call& call) {
  const int64_t spatial = spatial_of(call);
  FASTC_TRY(auto x, call.tensor(call.args.contains("input") ? "input" : "self"));
  FASTC_CHECK(expect_batched(l, x, spatial));
  FASTC_TRY(Shape size, size_of(l, call, x, spatial));
  return Resized{x, std::move(size)};
}

Result<ArgList> resize(Lowering& l, const Call& call) {
  FASTC_TRY(const Resized r, resized(l, call));
  bool nearest = call.op.find("nearest") != std::string::npos;
  return one(l.emit("resize", {r.x},
                    {{"size", r.size}, {"mode", std::string(nearest ? "nearest" : "bilinear")}, {"align_corners", call.flag_or("align_corners", false)}}));
}

// Cubic convolution with A = -0.75 (Keys 1981, equations 4 and 8): the weights of the four neighbours of a point `t` behind the second.
std::array<float, 4> cubic_weights(float t) {
  constexpr float a = -0.75f;
  const auto near = [](float x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
  const auto far = [](float x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
  return {far(t + 1), near(t), near(1 - t), far(2 - t)};
}

// The [to, from] matrix that resizes one axis; beyond the edges the edge goes on. `scale`: steps of the source a step of the result.
Tensor cubic_matrix(int64_t from, int64_t to, float scale, bool align_corners) {
  std::vector<float> matrix(static_cast<size_t>(from * to), 0);
  for (int64_t i = 0; i < to; ++i) {
    const float at = align_corners ? scale * static_cast<float>(i) : scale * (static_cast<float>(i) + 0.5f) - 0.5f;
    const float second = std::floor(at);
    const auto weights = cubic_weights(at - second);
    for (int64_t k = 0; k < 4; ++k) {
      const int64_t source = std::clamp<int64_t>(static_cast<int64_t>(second) - 1 + k, 0, from - 1);
      matrix[static_cast<size_t>(i * from + source)] += weights[static_cast<size_t>(k)];
    }
  }
  return Tensor::of<float>({to, from}, matrix);
}

// Bicubic resizing is linear and goes axis by axis: A·x·Bᵀ with constant matrices. It is used on position embeddings and on small images.
Result<ArgList> bicubic(Lowering& l, const Call& call) {
  FASTC_TRY(const Resized r, resized(l, call));
  const bool align = call.flag_or("align_corners", false);
  TensorArg y = r.x;
  for (const int64_t axis : {2, 3}) {
    const Dim in = l.shape(r.x)[static_cast<size_t>(axis)], out = r.size[static_cast<size_t>(axis) - 2];
    if (!in.is_constant() || !out.is_constant() || in.constant() < 1 || out.constant() < 1)
      return input_error("bicubic resizing from {} to {}: fix both sizes", in.text(), out.text());
    const int64_t from = in.constant(), to = out.constant();
    float scale = static_cast<float>(from) / static_cast<float>(to);
    if (call.has(axis == 2 ? "scales_h" : "scales_w")) scale = static_cast<float>(1 / call.number_or(axis == 2 ? "scales_h" : "scales_w", 1));
    if (align) scale = to > 1 ? static_cast<float>(from - 1) / static_cast<float>(to - 1) : 0;
    if (from == to && scale == 1) continue;
    const Tensor matrix = cubic_matrix(from, to, scale, align);
    FASTC_TRY(y, axis == 2 ? l.emit("matmul", {matrix, y}) : l.emit("matmul", {y, matrix}, {{"transpose_b", true}}));
  }
  return ArgList{Arg{y}};
}

constexpr RuleEntry kRules[] = {{"upsample_nearest1d", resize}, {"upsample_nearest2d", resize}, {"upsample_bilinear2d", resize}, {"upsample_bicubic2d", bicubic}};

}  // namespace

std::span<const RuleEntry> resize_rules() { return kRules; }

}  // namespace fastc::aten
