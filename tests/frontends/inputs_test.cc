#include "frontends/inputs.h"
#include "tests/catch.h"

namespace fastc {
namespace {

const Dim N = Dim::symbol("N"), L = Dim::symbol("L");

InputInfo info(std::string name, std::optional<Shape> shape = {}, std::optional<DType> dtype = {}) { return {std::move(name), dtype, std::move(shape), {}}; }

TEST_CASE("shapes come from the options, then the file, then the fallback", "[inputs]") {
  ImportOptions options;
  options.inputs["x"] = {Shape{N, 3}, {}};
  options.fallback["x"] = {Shape{1, 1}, DType::kF64};
  options.fallback["input_1"] = {Shape{N, L}, DType::kI64};
  const InputInfo infos[] = {info("x"), info("mask")};
  auto resolved = resolve_inputs("m.pt", infos, {}, options);
  REQUIRE(resolved);
  CHECK(type_text(resolved->types[0]) == "f64[N,3]");  // the type, too, falls back
  CHECK(type_text(resolved->types[1]) == "i64[N,L]");
  REQUIRE(resolved->symbols.size() == 2);
  CHECK(resolved->symbols[0].name == "N");
}

TEST_CASE("the batch of an export is called N unless that name is taken", "[inputs]") {
  const Symbol ranges[] = {{"s0", 2, 16}, {"s1", 1, 99}};
  const InputInfo infos[] = {info("x", Shape{Dim::symbol("s0"), Dim::symbol("s1")}, DType::kF32)};
  auto plain = resolve_inputs("m.pt2", infos, ranges, {});
  REQUIRE(plain);
  CHECK(type_text(plain->types[0]) == "f32[N,s1]");
  CHECK(plain->symbols[0] == Symbol{"N", 2, 16});

  ImportOptions taken;
  taken.inputs["x"].shape = Shape{Dim::symbol("s1"), N};  // names swap without mixing
  auto swapped = resolve_inputs("m.pt2", infos, ranges, taken);
  REQUIRE(swapped);
  CHECK(type_text(swapped->types[0]) == "f32[s1,N]");
  CHECK(swapped->symbols[0] == Symbol{"s1", 2, 16});
  CHECK(swapped->symbols[1] == Symbol{"N", 1, 99});
}

TEST_CASE("one symbol cannot get two sizes", "[inputs]") {
  const InputInfo infos[] = {info("a", Shape{Dim::symbol("s0")}), info("b", Shape{Dim::symbol("s0")})};
  ImportOptions options;
  options.inputs["a"].shape = Shape{2};
  options.inputs["b"].shape = Shape{3};
  auto resolved = resolve_inputs("m.pt2", infos, {}, options);
  REQUIRE_FALSE(resolved);
  CHECK(resolved.error().cls == ErrorClass::kUsage);
  CHECK(resolved.error().message.find("axis 0 must be equal to another axis, which is 2") != std::string::npos);
}

TEST_CASE("shapes are read as people write them", "[inputs]") {
  auto shape = parse_shape("N,3,2*H,32");
  REQUIRE(shape);
  CHECK(shape_text(*shape) == "N,3,2*H,32");
  for (const char* text : {"N,,3", "N,3,", "N;3", "-1,3"}) {
    INFO(text);
    auto wrong = parse_shape(text);
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().cls == ErrorClass::kUsage);
  }
}

}  // namespace
}  // namespace fastc
