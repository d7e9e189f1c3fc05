#include "ir/module.h"

#include "ir/op.h"
#include "ir/text.h"
#include "tests/catch.h"

using namespace fastc;

namespace {

Module small() {
  auto m = parse(R"(module (%x : f32[N,2]) -> (%y) symbols N in [1, 8] {
    @w : f32[2,2] = [1, 2, 3, 4]
    %h = linear(%x, @w)
    %r = relu(%h)
    %y = add(%r, %h)
  })");
  REQUIRE(m);
  return std::move(*m);
}

}  // namespace

TEST_CASE("a copied module shares weights until one is written") {
  const Module a = small();
  Module b = a;
  CHECK(b.weights.at("w").data.same_memory(a.weights.at("w").data));
  b.weights.at("w").data.mutable_values<float>()[0] = 9;
  CHECK(a.weights.at("w").data.values<float>()[0] == 1);
}

TEST_CASE("nodes are inserted, replaced and erased") {
  Module m = small();
  const ValueId h = m.find_value("h");
  CHECK(m.uses()[static_cast<size_t>(h)].size() == 2);
  const auto made = m.add_node("sigmoid", "s", {h}, {}, {}, m.find_node("r"));
  REQUIRE(made);
  CHECK(m.order()[1] == *made);
  m.replace_uses(m.find_value("r"), m.node(*made).output());
  CHECK(m.erase_dead() == 1);
  REQUIRE(verify(m));
  CHECK(print(m, {.types = false}).find("%y = add(%s, %h)") != std::string::npos);
  CHECK(m.find_value("r") == kNoId);
  CHECK(m.fresh_name("s") == "s_1");
  CHECK(m.fresh_name("r") == "r");
}

TEST_CASE("compact numbers ids anew and keeps the program") {
  Module m = small();
  m.replace_uses(m.find_value("r"), m.find_value("h"));
  m.erase_dead();
  const std::string before = print(m);
  CHECK(m.node_count() == 3);
  m.compact();
  CHECK(m.node_count() == 2);
  CHECK(m.value_count() == 4);
  REQUIRE(verify(m));
  CHECK(print(m) == before);
}

TEST_CASE("erase_dead drops weights that nobody uses") {
  Module m = small();
  m.outputs = {m.find_value("x")};
  CHECK(m.erase_dead() == 4);
  CHECK(m.weights.empty());
  CHECK(m.order().empty());
  REQUIRE(verify(m));
}

TEST_CASE("types follow operands that changed shape") {
  Module m = small();
  m.weights.at("w").data = Tensor::of<float>({3, 2}, {1, 2, 3, 4, 5, 6});
  REQUIRE(m.infer_types());
  CHECK(type_text(m.value(m.find_value("y")).type) == "f32[N,3]");
  m.weights.at("w").data = Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto status = m.infer_types();
  REQUIRE_FALSE(status);
  CHECK(status.error().message.find("node h (linear): operand \"weight\": expected 2 input features") == 0);
}

TEST_CASE("attributes are completed and checked when a node is made") {
  Module m = small();
  const ValueId x = m.find_value("x");
  const auto clip = m.add_node("clip", "c", {x}, {{"lo", int64_t{0}}, {"hi", 6.0}});
  REQUIRE(clip);
  CHECK(m.node(*clip).number("lo") == 0.0);
  const std::pair<Result<NodeId>, std::string> table[] = {
      {m.add_node("clip", "d", {x}, {{"lo", 0.0}}), "node d: clip: expected the attribute \"hi\""},
      {m.add_node("clip", "d", {x}, {{"lo", 0.0}, {"hi", 1.0}, {"high", 1.0}}),
       "node d: clip: expected a known attribute (lo and hi), found \"high\""},
      {m.add_node("clip", "d", {x}, {{"lo", 0.0}, {"hi", std::string("x")}}),
       "node d: clip: expected a number as attribute \"hi\", found another type"},
      {m.add_node("clop", "d", {x}), "node d: expected a known op, found \"clop\"; did you mean \"clip\"?"},
      {m.add_node("relu", "d", {}), "node d: relu: expected the operand \"x\", found none"},
      {m.add_node("relu", "h", {x}), "node h: expected a new name, found one that is taken"},
  };
  for (const auto& [result, message] : table) {
    REQUIRE_FALSE(result);
    INFO(result.error().message);
    CHECK(result.error().message.find(message) == 0);
  }
  CHECK(m.find_node("d") == kNoId);
}

TEST_CASE("the verifier names what is broken") {
  const auto message = [](auto breaks) {
    Module m = small();
    breaks(m);
    const auto status = verify(m);
    return status ? std::string("whole") : status.error().message;
  };
  CHECK(message([](Module&) {}) == "whole");
  CHECK(message([](Module& m) { m.node(m.find_node("r")).inputs[0] = m.find_value("y"); }) ==
        "node r: operand 0: expected a value defined before its use, found y");
  CHECK(message([](Module& m) { m.node(m.find_node("r")).inputs.clear(); }) ==
        "node r: expected the operand \"x\", found none");
  CHECK(message([](Module& m) { m.value(m.find_value("r")).type.shape[1] = 3; }) ==
        "node r: result 0: expected the inferred type f32[N,2], found f32[N,3]");
  CHECK(message([](Module& m) { m.node(m.find_node("r")).attrs["slope"] = 1.0; }) ==
        "node r: expected the 0 attributes of relu, found 1");
  CHECK(message([](Module& m) { m.node(m.find_node("y")).attrs.erase("lo"); }) ==
        "node y: expected the attribute \"lo\", found none");
  CHECK(message([](Module& m) { m.weights.erase("w"); }) == "weight w: expected data under this name, found none");
  CHECK(message([](Module& m) { m.weights.at("w").data = Tensor::zeros(DType::kF32, {2}); }) ==
        "weight w: expected data of type f32[2,2], found f32[2]");
  CHECK(message([](Module& m) { m.weights.emplace("v", m.weights.at("w")); }) ==
        "expected one value for each of 2 weights, found 1");
  CHECK(message([](Module& m) { m.symbols.clear(); }) == "value x: expected declared symbols, found N in f32[N,2]");
  CHECK(message([](Module& m) { m.value(m.find_value("r")).name = "h"; }) ==
        "value h: expected a unique name, found it twice");
  CHECK(message([](Module& m) { m.value(m.find_value("r")).name = "q"; }) ==
        "node r: expected a first result called as the node, found q");
  CHECK(message([](Module& m) { m.value(m.find_value("x")).type.quant = Quant{}; }) ==
        "value x: expected u8 under quantization parameters, found f32[N,2] q(1, 0)");
}
