// A network over [N,C,T,H,W], made here, through every method and chains of them: a residual block with 3x3x3 windows, one whose window is split into
// 1x3x3 and 3x1x1 (Tran et al. 2018, R(2+1)D), one with a depthwise 3x3x3 window, squeeze and excitation (Feichtenhofer 2020, X3D), and pooling over time.
#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <torch/csrc/jit/api/module.h>

#include <fmt/format.h>

#include "base/files.h"
#include "engine/autograd.h"
#include "ir/op.h"
#include "tests/zoo/methods.h"

using namespace fastc;
using test::Recorded;
using test::Specimen;
using Net = torch::jit::Module;

namespace {

std::string list(const std::vector<int64_t>& v) { return fmt::format("[{}]", fmt::join(v, ", ")); }

// Without bias, then batch norm.
Net conv(int64_t in, int64_t out, const std::vector<int64_t>& kernel, const std::vector<int64_t>& stride = {1, 1, 1}, int64_t groups = 1) {
  Net m("Conv3d");
  const std::vector<int64_t> padding{kernel[0] / 2, kernel[1] / 2, kernel[2] / 2};
  const double inputs = static_cast<double>(in / groups * kernel[0] * kernel[1] * kernel[2]);
  m.register_parameter("weight", at::randn({out, in / groups, kernel[0], kernel[1], kernel[2]}).mul(std::sqrt(2 / inputs)), false);
  m.register_parameter("scale", at::rand({out}).add(0.5), false);
  m.register_parameter("shift", at::randn({out}).mul(0.1), false);
  m.register_buffer("mean", at::randn({out}).mul(0.1));
  m.register_buffer("var", at::rand({out}).add(0.5));
  m.define(fmt::format("def forward(self, x):\n  y = torch.conv3d(x, self.weight, None, {}, {}, [1, 1, 1], {})\n"
                       "  return torch.batch_norm(y, self.scale, self.shift, self.mean, self.var, False, 0.1, 1e-5, False)\n", list(stride), list(padding), groups));
  return m;
}

Net linear(int64_t in, int64_t out) {
  Net m("Linear");
  m.register_parameter("weight", at::randn({out, in}).div(std::sqrt(in)), false);
  m.register_parameter("bias", at::randn({out}), false);
  m.define("def forward(self, x):\n  return torch.linear(x, self.weight, self.bias)\n");
  return m;
}

Net network() {
  Net m("Video");
  m.register_module("stem", conv(3, 8, {3, 3, 3}, {1, 2, 2}));
  m.register_module("a1", conv(8, 12, {3, 3, 3}));
  m.register_module("a2", conv(12, 8, {3, 3, 3}));
  m.register_module("space", conv(8, 20, {1, 3, 3}));
  m.register_module("time", conv(20, 8, {3, 1, 1}));
  m.register_module("wide", conv(8, 18, {1, 1, 1}));
  m.register_module("deep", conv(18, 18, {3, 3, 3}, {1, 1, 1}, 18));
  m.register_module("squeeze", conv(18, 6, {1, 1, 1}));
  m.register_module("excite", conv(6, 18, {1, 1, 1}));
  m.register_module("narrow", conv(18, 8, {1, 1, 1}));
  m.register_module("down", conv(8, 16, {1, 1, 1}, {2, 2, 2}));
  m.register_module("head", linear(16 * 2, 5));
  m.define("def forward(self, x):\n"
           "  x = torch.relu(self.stem.forward(x))\n"
           "  x = torch.relu(self.a2.forward(torch.relu(self.a1.forward(x))) + x)\n"
           "  x = torch.relu(self.time.forward(torch.relu(self.space.forward(x))) + x)\n"
           "  y = torch.relu(self.deep.forward(torch.relu(self.wide.forward(x))))\n"
           "  s = torch.relu(self.squeeze.forward(torch.adaptive_avg_pool3d(y, [1, 1, 1])))\n"
           "  x = torch.relu(self.narrow.forward(y * torch.sigmoid(self.excite.forward(s))) + x)\n"
           "  x = torch.relu(self.down.forward(torch.max_pool3d(x, [2, 3, 3], [1, 1, 1], [1, 1, 1])))\n"
           "  return self.head.forward(torch.flatten(torch.adaptive_avg_pool3d(torch.avg_pool3d(x, [1, 2, 2]), [2, 1, 1]), 1))\n");
  m.eval();
  return m;
}

Recorded recorded(Net& m, int64_t batch) {
  const at::Tensor x = at::randn({batch, 3, 4, 12, 11}), y = m.forward({x}).toTensor().contiguous();
  return {{unwrap(x).value()}, unwrap(y).value()};
}

// Nodes over five axes of which `holds` says yes.
template <typename Holds>
std::set<std::string> videos(const Module& module, const char* op, const Holds& holds) {
  std::set<std::string> names;
  for (const NodeId id : module.order()) {
    const Node& node = module.node(id);
    if (node.op->name == op && module.value(node.inputs[0]).type.rank() == 5 && holds(node)) names.insert(node.name);
  }
  return names;
}

}  // namespace

TEST_CASE("a video network survives every method and chains of them") {
  at::manual_seed(3);
  Net net = network();
  const auto folder = TempDir::make();
  REQUIRE(folder);
  net.save((folder->path() / "video.pt").string());
  const Specimen s{folder->path() / "video.pt", "", recorded(net, 2), recorded(net, 3)};
  const auto module = test::imported(s);
  const Status status = module ? test::agree(*module, s, true) : Status(tl::unexpected(module.error()));
  REQUIRE((status ? "" : status.error().message) == std::string());
  const auto any = [](const Node&) { return true; };
  const auto all = videos(*module, "conv", any);
  CHECK(all.size() == 11);
  for (const auto& stages : test::pipelines()) {
    INFO(test::name_of(stages));
    std::vector<std::string> refused;
    CHECK(test::failure_of(s, *module, stages, refused, [&](const std::string& pass, const Module& before, const Module& after) {
            INFO(pass);
            if (stages.size() > 1) return;
            const auto weight_dtype = [&](const Node& node) { return after.weight(node.inputs[1]).data.dtype(); };
            if (pass == "quantize.static") CHECK(videos(after, "conv", [&](const Node& node) { return after.value(node.inputs[0]).type.quant.has_value(); }) == all);
            if (pass == "quantize.dynamic") CHECK(videos(after, "conv", [&](const Node& node) { return !node.string("dynamic").empty(); }) == all);
            if (pass == "quantize.weight_only") CHECK(videos(after, "conv", [&](const Node& node) { return weight_dtype(node) == DType::kS8; }).size() == all.size() - 1);  // but the depthwise one
            if (pass == "prune.channel") CHECK(after.weight(after.find_value("deep.weight")).data.shape() == std::vector<int64_t>{9, 1, 3, 3, 3});
            if (pass == "prune.structural") CHECK(videos(after, "conv", any).size() < videos(before, "conv", any).size());
          }) == "");
    CHECK(refused.empty());
  }
}
