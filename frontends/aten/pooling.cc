// Pooling over the spatial axes.
#include "frontends/aten/spatial.h"

namespace fastc::aten {
namespace {

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

constexpr RuleEntry kRules[] = {
    {"max_pool1d", max_pool},
    {"max_pool2d", max_pool},
    {"max_pool1d_with_indices", max_pool},
    {"max_pool2d_with_indices", max_pool},
    {"max_pool3d", max_pool},
    {"max_pool3d_with_indices", max_pool},
    {"avg_pool1d", avg_pool},
    {"avg_pool2d", avg_pool},
    {"avg_pool3d", avg_pool},
    {"adaptive_avg_pool1d", adaptive_avg_pool},
    {"adaptive_avg_pool2d", adaptive_avg_pool},
    {"adaptive_avg_pool3d", adaptive_avg_pool},
    {"_adaptive_avg_pool2d", adaptive_avg_pool},
    {"_adaptive_avg_pool3d", adaptive_avg_pool},
    {"adaptive_max_pool1d", adaptive_max_pool},
    {"adaptive_max_pool2d", adaptive_max_pool},
    {"adaptive_max_pool3d", adaptive_max_pool},
};

}  // namespace

std::span<const RuleEntry> pooling_rules() { return kRules; }

}  // namespace fastc::aten
