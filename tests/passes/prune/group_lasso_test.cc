#include "passes/prune/group_lasso.h"

#include <cmath>

#include "engine/autograd.h"
#include "engine/training/hook.h"
#include "tests/passes/prune/context.h"

using namespace fastc;
using namespace fastc::test;

namespace {

// One set of two channels: filters [3 0], [0 0]; biases 0, 0; read by [4], [0] and flattened twice over.
constexpr const char* kText = R"(module m (%x : f32[N,2,1,2]) -> (%y) symbols N in [1, 8] {
  @a.w : f32[2,2,1,1] = [[[[3]],[[0]]], [[[0]],[[0]]]]
  @a.b : f32[2] = [0, 0]
  @y.w : f32[1,4] = [[0, 4, 0, 0]]
  %a = conv(%x, @a.w, @a.b) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
  %f = reshape(%a) {shape=[N,4]}
  %y = linear(%f, @y.w)
})";

struct Learning {
  Module module = read(kText);
  std::shared_ptr<TrainHook> hook;
  TrainHook::Weights leaves;

  explicit Learning(double strength) {
    const auto coupling = find_coupling(module);
    REQUIRE(coupling);
    std::vector<size_t> sets;
    for (size_t i = 0; i < coupling->sets.size(); ++i) {
      if (coupling->sets[i].why_pinned.empty()) sets.push_back(i);
    }
    REQUIRE(sets.size() == 1);
    hook = prune::group_lasso(module, *coupling, sets, strength);
    for (const auto& [name, weight] : module.weights) leaves.emplace(name, wrap(weight.data).clone().set_requires_grad(true));
  }
  double penalty() const { return hook->penalty(leaves, {}).item<double>(); }
};

}  // namespace

TEST_CASE("the penalty is the sum of the groups' lengths, over everything that is coupled") {
  // Group 0: filter (3, 0), bias 0, inputs (0, 4): length 5; five numbers. Group 1: all zeros.
  CHECK(Learning(0.1).penalty() == Approx(0.1 * std::sqrt(5.0) * 5).epsilon(1e-5));
}

TEST_CASE("its gradient is the slope, and finite at a group of zeros") {
  const Learning learning(0.1);
  learning.hook->penalty(learning.leaves, {}).backward();
  for (const char* name : {"a.w", "a.b", "y.w"}) {
    const at::Tensor leaf = learning.leaves.at(name), gradient = leaf.grad();
    REQUIRE(gradient.defined());
    for (int64_t i = 0; i < leaf.numel(); ++i) {
      INFO(name << " " << i);
      float* value = leaf.detach().mutable_data_ptr<float>() + i;
      const float was = *value, step = 1e-2F;
      *value = was + step;
      const double up = learning.penalty();
      *value = was - step;
      const double down = learning.penalty();
      *value = was;
      const double slope = gradient.flatten()[i].item<double>();
      CHECK(std::isfinite(slope));
      CHECK(slope == Approx((up - down) / (2 * step)).margin(1e-3));
    }
  }
}

TEST_CASE("training under it takes weight from the channel that is needed least") {
  const Samples data = literal_samples({4, 2}, {1, 0.1F, -1, 0.1F, 1, -0.1F, -1, -0.1F}, {0, 1, 0, 1});
  const char* text = R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 8] {
  @a.w : f32[2,2] = [[1, 0], [0, 1]]
  @y.w : f32[2,2] = [[1, 0.5], [-1, -0.5]]
  %a = linear(%x, @a.w)
  %y = linear(%a, @y.w)
})";
  const auto length_of_second = [&](const char* options) {
    Module m = read(text);
    pass_ok("prune.channel", m, options, &data);
    return std::abs(weight_of(m, "a.w")[3]);
  };
  const double with = length_of_second(R"({"ratio": 0, "group_lasso": {"strength": 0.05, "epochs": 100, "optimizer": {"type": "sgd", "lr": 0.2, "momentum": 0}, "schedule": {"type": "constant"}}})");
  const double without = length_of_second(R"({"ratio": 0, "group_lasso": {"strength": 1e-9, "epochs": 100, "optimizer": {"type": "sgd", "lr": 0.2, "momentum": 0}, "schedule": {"type": "constant"}}})");
  CHECK(with < 0.1);  // 1 at first
  CHECK(without > 0.8);
}
