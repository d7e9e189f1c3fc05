#include "ir/text.h"

#include <cmath>

#include "base/files.h"
#include "ir/op.h"
#include "tests/catch.h"

using namespace fastc;

namespace {

Module read(std::string_view text) {
  auto module = parse(text);
  INFO((module ? "" : module.error().message));
  REQUIRE(module);
  return std::move(*module);
}

constexpr const char* kSmall = R"(module small (%x : f32[N,2,4,4]) -> (%relu, %q) symbols N in [1, 4096] {
  @conv.weight : f32[1,2,1,1] = [[[[0.5]], [[-0.1]]]]
  %conv : f32[N,1,4,4] = conv(%x, @conv.weight) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
  %relu : f32[N,1,4,4] = relu(%conv)
  %q : u8[N,1,4,4] q(0.0235, 128) = quantize(%relu)
}
)";

}  // namespace

TEST_CASE("text is read and printed to the same text") {
  const Module m = read(kSmall);
  CHECK(print(m) == kSmall);
  CHECK(m.symbols == std::vector<Symbol>{{"N", 1, 4096}});
  CHECK(m.value(m.find_value("q")).type.quant == Quant{0.0235F, 128});
  CHECK(canonical_text(m) == R"(module (%x : f32[s0,2,4,4]) -> (%relu, %q) {
  @conv.weight : f32[1,2,1,1] = [[[[0.5]], [[-0.1]]]]
  %conv : f32[s0,1,4,4] = conv(%x, @conv.weight) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
  %relu : f32[s0,1,4,4] = relu(%conv)
  %q : u8[s0,1,4,4] q(0.0235, 128) = quantize(%relu)
}
)");
}

TEST_CASE("types may be left out, weights may come late, comments are skipped") {
  const Module m = read(R"(
    // a comment
    module (%x : f32[N,3]) -> (%y) symbols N in [1, 8] {
      %h = linear(%x, @w, _, %x)   // no bias, but a residual
      %y : q(0.5, 3) = quantize(%h)
      @w : f32[3,3] = random(7)
    })");
  CHECK(type_text(m.value(m.find_value("y")).type) == "u8[N,3] q(0.5, 3)");
  CHECK(m.node(m.find_node("h")).inputs.size() == 4);
  CHECK(m.node(m.find_node("h")).input(2) == kNoId);
  const std::string again = print(m, {.types = false});
  CHECK(again.find("%h = linear(%x, @w, _, %x)") != std::string::npos);
  CHECK(print(read(again)) == print(m));
}

TEST_CASE("weights: encodings, sparsity, buffers, every dtype") {
  const std::string body[] = {
      "@w : s8[2,2] int8(axis 0, scales [0.5, 0.25]) = [[1, 2], [3, -4]]",
      "@w : s8[2,2] int3(axis 0, scales [0.5, 0.25]) = [[1, 2], [3, -3]]",
      "@w : s8[2,4] int4(axis 0, group 2, scales [[0.5, 0.25], [1, 2]]) = [[1, 2, 3, -4], [0, 0, 7, -7]]",
      "@w : f32[4] sparse(unstructured) = [0, 1, 0, 2]",
      "@w : f32[4] sparse(2:4) buffer = [0, 1, 0, 2]",
      "@w : f32[2,2] sparse(block 1x2) = [[0, 0], [1, 2]]",
      "@w : f32[4] = [nan, -inf, 1e-45, 3.4028235e+38]",
      "@w : f32[2] = [-0, nan:7fc00001]",
      "@w : f64[2] = [0.1, 5e-324]",
      "@w : f16[3] = [0.1, 65504, 6e-08]",
      "@w : bf16[2] = [1, 0.001]",
      "@w : i64[2] = [-9223372036854775808, 9223372036854775807]",
      "@w : bool[2] = [true, false]",
      "@w : u8[] = 255",
      "@w : f32[0,3] = []",
      "@\"a b\\\"\\x0a\" : i32[1] = [7]",
  };
  for (const std::string& line : body) {
    const std::string text = "module m (%x : f32[2]) -> (%x) {\n  " + line + "\n}\n";
    INFO(line);
    auto m = parse(text);
    INFO((m ? "" : m.error().message));
    REQUIRE(m);
    const std::string printed = print(*m);
    auto again = parse(printed);
    REQUIRE(again);
    REQUIRE(m->weights.size() == 1);
    CHECK(equal(m->weights.begin()->second.data, again->weights.begin()->second.data));
    CHECK(print(*again) == printed);
    if (line.find("f16") == std::string::npos) CHECK(printed == text);
  }
}

TEST_CASE("generated data") {
  const Module m = read(R"(module (%x : f32[2]) -> (%x) {
    @a : f32[2,2] = zeros
    @b : f32[3] = full(0.5)
    @c : i64[2] = ones
    @d : f32[100] = random(3)
    @e : f32[2,2] = [1, 2, 3, 4]
  })");
  CHECK(to_doubles(m.weights.at("a").data) == std::vector<double>{0, 0, 0, 0});
  CHECK(to_doubles(m.weights.at("b").data) == std::vector<double>{0.5, 0.5, 0.5});
  CHECK(to_doubles(m.weights.at("c").data) == std::vector<double>{1, 1});
  CHECK(to_doubles(m.weights.at("e").data) == std::vector<double>{1, 2, 3, 4});
  double sum = 0, most = 0;
  for (const double v : to_doubles(m.weights.at("d").data)) {
    sum += v;
    most = std::max(most, std::fabs(v));
  }
  CHECK(std::fabs(sum) < 20);
  CHECK(most > 0.8);
  CHECK(most <= 1);
}

TEST_CASE("large tensors go to a sidecar and come back") {
  const auto folder = TempDir::make();
  REQUIRE(folder);
  const auto path = folder->path() / "net.ir";
  const Module m = read(
      "module (%x : f32[2,100]) -> (%y) {\n @w : f32[3,100] = random(1)\n @b : f32[3] = [1, 2, 3]\n %y = linear(%x, "
      "@w, @b)\n}");
  REQUIRE(write_module(m, path));
  CHECK(print(m).find("sha256:") != std::string::npos);
  auto back = read_module(path);
  INFO((back ? "" : back.error().message));
  REQUIRE(back);
  CHECK(print(*back) == print(m));
  CHECK(equal(back->weights.at("w").data, m.weights.at("w").data));

  SECTION("damaged bytes are noticed") {
    const auto sidecar = folder->path() / "net.weights";
    auto bytes = *read_text(sidecar);
    bytes.back() ^= 1;
    REQUIRE(write_atomic(sidecar, bytes));
    CHECK(read_module(path).error().message.find("the file is damaged") != std::string::npos);
  }
  SECTION("a sidecar cut anywhere is an error, never a crash") {
    const auto sidecar = folder->path() / "net.weights";
    const auto bytes = *read_text(sidecar);
    for (size_t size = 0; size < bytes.size(); size += 37) {
      REQUIRE(write_atomic(sidecar, std::string_view(bytes).substr(0, size)));
      CHECK_FALSE(read_module(path));
    }
  }
  SECTION("no sidecar") {
    std::filesystem::remove(folder->path() / "net.weights");
    CHECK_FALSE(read_module(path));
    CHECK(parse(print(m)).error().message ==
          "2:21: expected a weights file beside the text for sha256:… data, found none");
  }
}

TEST_CASE("text cut or damaged anywhere is an error, never a crash") {
  const std::string text = kSmall;
  for (size_t size = 0; size + 2 < text.size(); ++size) {
    INFO(size);
    CHECK_FALSE(parse(std::string_view(text).substr(0, size)));
  }
  for (size_t i = 0; i < text.size(); ++i) {
    std::string broken = text;
    broken[i] = '(';
    (void)parse(broken);
    broken[i] = '\0';
    (void)parse(broken);
  }
}
