// Windows over three axes as kernels take them.
#include "backends/cpu/conv_geometry.h"

#include "ir/text.h"
#include "tests/catch.h"

using namespace fastc;
using namespace fastc::lowering;

namespace {

ConvGeometry geometry(const std::string& weight, const std::string& attributes) {
  const auto module = parse("module m (%x : f32[N,4,6,6,6]) -> (%y) symbols N in [1, 8] { @w : f32[" + weight + "] = zeros %y = conv(%x, @w) {" + attributes + "} }");
  INFO((module ? "" : module.error().message));
  REQUIRE(module);
  return conv_geometry(module->node(module->order()[0]), module->weight(module->find_value("w")).data.shape());
}

std::vector<double> numbers(const Tensor& t) { return to_doubles(t.to_contiguous()); }

}  // namespace

TEST_CASE("the first of three axes goes apart, with both its paddings") {
  const ConvGeometry g = geometry("8,4,3,2,1", "stride=[2,1,3], padding=[1,0,2,0,1,3], dilation=[2,1,5]");
  REQUIRE(g.depth);
  CHECK(g.depth->kernel == 3);
  CHECK(g.depth->stride == 2);
  CHECK(g.depth->pad_begin == 1);
  CHECK(g.depth->pad_end == 0);
  CHECK(g.depth->dilation == 2);
  CHECK(g.depth->join == static_cast<int32_t>(rt::FrameJoin::kChannels));
  CHECK(g.window.kernel[0] == 2);
  CHECK(g.window.kernel[1] == 1);
  CHECK(g.window.pad_end[0] == 1);
  CHECK(g.window.pad_begin[1] == 2);
  CHECK(g.window.pad_end[1] == 3);
  CHECK(g.window.dilation[1] == 1);  // of one tap
}

TEST_CASE("a depthwise window joins rows, unless they are dilated") {
  const auto join = [](const char* weight, const char* dilation) {
    return static_cast<rt::FrameJoin>(geometry(weight, std::string("stride=[1,1,1], padding=[2,2,2,2,2,2], groups=4, dilation=") + dilation).depth->join);
  };
  CHECK(join("4,1,3,3,3", "[2,1,2]") == rt::FrameJoin::kRows);
  CHECK(join("4,1,3,3,3", "[1,2,1]") == rt::FrameJoin::kChannels);
  CHECK(join("4,1,3,1,1", "[1,2,1]") == rt::FrameJoin::kRows);  // one row
  CHECK(join("8,1,3,3,3", "[1,1,1]") == rt::FrameJoin::kChannels);  // two results a channel
}

TEST_CASE("the weight over joined images") {
  const auto depth = [](rt::FrameJoin join) { return rt::DepthAttrs{2, 1, 0, 0, 1, static_cast<int32_t>(join)}; };
  // Channels 1 and 2, frames … and …'.
  const Tensor w = Tensor::of<float>({1, 2, 2, 1, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  const Tensor channels = image_weight(w, depth(rt::FrameJoin::kChannels));
  CHECK(channels.shape() == std::vector<int64_t>{1, 4, 1, 2});
  CHECK(numbers(channels) == std::vector<double>{1, 2, 5, 6, 3, 4, 7, 8});  // frame after frame
  const Tensor d = Tensor::of<float>({1, 1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  const Tensor rows = image_weight(d, depth(rt::FrameJoin::kRows));
  CHECK(rows.shape() == std::vector<int64_t>{1, 1, 4, 2});
  CHECK(numbers(rows) == std::vector<double>{1, 2, 5, 6, 3, 4, 7, 8});  // of each row both frames
  CHECK(image_weight(Tensor::of<float>({1, 1, 3}, {1, 2, 3}), {}).shape() == std::vector<int64_t>{1, 1, 1, 3});
}
