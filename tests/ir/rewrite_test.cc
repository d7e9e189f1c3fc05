#include "ir/rewrite.h"

#include "ir/op.h"
#include "ir/text.h"
#include "tests/catch.h"

using namespace fastc;

namespace {

Module sample() {
  auto m = parse(R"(module (%x : f32[2,2]) -> (%y) {
    @w : f32[2,2] = [1, 2, 3, 4]
    @two : f32[] buffer = 2
    %layer1.a = linear(%x, @w)
    %layer1.b = linear(%layer1.a, @w)
    %twice = add(%layer1.b, %layer1.b)
    %y = mul(%twice, @two)
  })");
  REQUIRE(m);
  return std::move(*m);
}

std::vector<std::string> names(const Module& m, const std::vector<NodeId>& ids) {
  std::vector<std::string> out;
  for (const NodeId id : ids) out.push_back(m.node(id).name);
  return out;
}

}  // namespace

TEST_CASE("uses are counted by operand, and outputs count") {
  const Module m = sample();
  const Uses uses(m);
  CHECK(uses.single_user(m.find_value("layer1.a")) == m.find_node("layer1.b"));
  CHECK(uses.count(m.find_value("layer1.b")) == 2);
  CHECK(uses.single_user(m.find_value("layer1.b")) == kNoId);
  CHECK(uses.single_user(m.find_value("y")) == kNoId);
  CHECK(uses.count(m.find_value("w")) == 2);
}

TEST_CASE("patterns and producers") {
  const Module m = sample();
  CHECK(producer_of(m, m.find_value("twice"), "add") != nullptr);
  CHECK(producer_of(m, m.find_value("twice"), "mul") == nullptr);
  CHECK(producer_of(m, m.find_value("x"), "add") == nullptr);
  CHECK(scalar_weight(m, m.find_value("two")) == 2.0);
  CHECK_FALSE(scalar_weight(m, m.find_value("w")));
  CHECK(positions(m)[static_cast<size_t>(m.find_node("twice"))] == 2);
}

TEST_CASE("a weight that others use is copied when one user changes it") {
  Module m = sample();
  const NodeId first = m.find_node("layer1.a"), second = m.find_node("layer1.b");
  set_weight(m, first, 1, {Tensor::of<float>({2, 2}, {5, 6, 7, 8}), {}, true});
  CHECK(m.value(m.node(first).inputs[1]).name == "w_1");
  CHECK(m.value(m.node(second).inputs[1]).name == "w");
  set_weight(m, second, 1, {Tensor::of<float>({2, 2}, {0, 0, 0, 1}), {}, true});
  CHECK(m.weights.size() == 3);
  CHECK(to_doubles(m.weights.at("w").data)[0] == 0);
  REQUIRE(verify(m));
}

TEST_CASE("renaming and operands") {
  Module m = sample();
  rename_node(m, m.find_node("twice"), "sum");
  REQUIRE(verify(m));
  Node& layer = m.node(m.find_node("layer1.a"));
  set_operand(layer, 3, m.find_value("x"));
  CHECK(layer.inputs.size() == 4);
  CHECK(layer.input(2) == kNoId);
  set_operand(layer, 3, kNoId);
  CHECK(layer.inputs.size() == 2);
}

TEST_CASE("recipes choose nodes by globs and ops; a pattern that matches nothing is an error") {
  const Module m = sample();
  const std::vector<NodeId> all = m.order();
  const auto chosen = [&](std::vector<std::string> include, std::vector<std::string> exclude) {
    return select_nodes(m, all, include, exclude, "a node");
  };
  CHECK(names(m, *chosen({"*"}, {"layer1.*"})) == std::vector<std::string>{"twice", "y"});
  CHECK(names(m, *chosen({"op:linear"}, {"layer1.b"})) == std::vector<std::string>{"layer1.a"});
  CHECK(names(m, *chosen({"op:lin*", "y"}, {})) == std::vector<std::string>{"layer1.a", "layer1.b", "y"});
  const auto wrong = chosen({"*"}, {"layer1.c"});
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().cls == ErrorClass::kUsage);
  CHECK(wrong.error().message ==
        "expected \"layer1.c\" to match a node, found no match (did you mean \"layer1.a\"?); there are layer1.a, "
        "layer1.b, twice and y");
}
