// Pooling and resizing over the spatial axes.
#include <cmath>

#include "frontends/aten/lowering.h"

namespace fastc::aten {
namespace {

// 1d or 2d, out of the op's name.
int64_t spatial_of(const Call& call) { return call.op.find("1d") != std::string::npos ? 1 : 2; }

Status expect_batched(Lowering& l, const TensorArg& x, int64_t spatial) {
  if (l.rank(x) == spatial + 2) return {};
  return input_error("expected an input of {} axes with the batch first, found [{}]", spatial + 2, shape_text(l.shape(x)));
}

Result<ArgList> max_pool(Lowering& l, const Call& call) {
  int64_t s = spatial_of(call);
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_CHECK(expect_batched(l, x, s));
  auto n = static_cast<size_t>(s);
  FASTC_TRY(auto kernel, call.spatial("kernel_size", s));
  FASTC_TRY(auto stride, call.spatial("stride", s, kernel));
  FASTC_TRY(auto padding, call.spatial("padding", s, std::vector<int64_t>(n, 0)));
  FASTC_TRY(auto dilation, call.spatial("dilation", s, std::vector<int64_t>(n, 1)));
  FASTC_TRY(auto y, l.emit("max_pool", {x},
                           {{"kernel", kernel}, {"stride", stride}, {"padding", padding}, {"dilation", dilation}, {"ceil_mode", call.flag_or("ceil_mode", false)}}));
  return ArgList{Arg{y}, Arg{}};  // where the op returns indices too, they are absent; using them is an error at their user
}

Result<ArgList> avg_pool(Lowering& l, const Call& call) {
  int64_t s = spatial_of(call);
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_CHECK(expect_batched(l, x, s));
  if (call.has("divisor_override")) return input_error("divisor_override is not supported; leave it out and scale the result");
  FASTC_TRY(auto kernel, call.spatial("kernel_size", s));
  FASTC_TRY(auto stride, call.spatial("stride", s, kernel));
  FASTC_TRY(auto padding, call.spatial("padding", s, std::vector<int64_t>(static_cast<size_t>(s), 0)));
  return one(l.emit("avg_pool", {x},
                    {{"kernel", kernel},
                     {"stride", stride},
                     {"padding", padding},
                     {"ceil_mode", call.flag_or("ceil_mode", false)},
                     {"count_include_pad", call.flag_or("count_include_pad", true)}}));
}

Result<ArgList> adaptive_avg_pool(Lowering& l, const Call& call) {
  int64_t s = spatial_of(call);
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_CHECK(expect_batched(l, x, s));
  FASTC_TRY(auto size, call.spatial("output_size", s));
  return one(l.emit("adaptive_avg_pool", {x}, {{"output_size", size}}));
}

Result<ArgList> adaptive_max_pool(Lowering& l, const Call& call) {
  int64_t s = spatial_of(call);
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_CHECK(expect_batched(l, x, s));
  FASTC_TRY(auto size, call.spatial("output_size", s));
  for (int64_t n : size)
    if (n != 1) return input_error("only an output of size 1 is supported, found {}; use max_pool with a fixed kernel", n);
  std::vector<int64_t> axes;
  for (int64_t i = 0; i < s; ++i) axes.push_back(i + 2);
  FASTC_TRY(auto y, l.emit("reduce_max", {x}, {{"axes", axes}, {"keep_dims", true}}));
  return ArgList{Arg{y}, Arg{}};
}

// The size of the result: given, or the input's times scale factors. With factors aten computes positions from the factor itself;
// that is the same only where the size is exactly input * factor.
Result<Shape> resized(Lowering& l, const Call& call, const TensorArg& x, int64_t spatial) {
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

Result<ArgList> resize(Lowering& l, const Call& call) {
  int64_t s = spatial_of(call);
  FASTC_TRY(auto x, call.tensor(call.args.contains("input") ? "input" : "self"));
  FASTC_CHECK(expect_batched(l, x, s));
  FASTC_TRY(Shape size, resized(l, call, x, s));
  bool nearest = call.op.find("nearest") != std::string::npos;
  return one(l.emit("resize", {x},
                    {{"size", size}, {"mode", std::string(nearest ? "nearest" : "bilinear")}, {"align_corners", call.flag_or("align_corners", false)}}));
}

constexpr RuleEntry kRules[] = {
    {"max_pool1d", max_pool},
    {"max_pool2d", max_pool},
    {"max_pool1d_with_indices", max_pool},
    {"max_pool2d_with_indices", max_pool},
    {"avg_pool1d", avg_pool},
    {"avg_pool2d", avg_pool},
    {"adaptive_avg_pool1d", adaptive_avg_pool},
    {"adaptive_avg_pool2d", adaptive_avg_pool},
    {"_adaptive_avg_pool2d", adaptive_avg_pool},
    {"adaptive_max_pool1d", adaptive_max_pool},
    {"adaptive_max_pool2d", adaptive_max_pool},
    {"upsample_nearest1d", resize},
    {"upsample_nearest2d", resize},
    {"upsample_bilinear2d", resize},
};

}  // namespace

std::span<const RuleEntry> pooling_rules() { return kRules; }

}  // namespace fastc::aten
