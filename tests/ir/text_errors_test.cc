// Broken texts, with the sentence that is expected: line:column, what was expected, what was found.
#include "ir/text.h"
#include "tests/catch.h"

using namespace fastc;

namespace {

struct Broken {
  const char* text;
  const char* message;
};

// %x is f32[N,3]; @w is f32[2,3].
std::string with(const char* body) { return std::string("module m (%x : f32[N,3]) -> (%y) symbols N in [1, 8] {\n@w : f32[2,3] = zeros\n") + body + "\n}"; }

}  // namespace

TEST_CASE("broken headers") {
  const Broken table[] = {
      {"", "1:1: expected 'module', found the end of the text"},
      {"modul", "1:1: expected 'module', found 'modul'"},
      {"module m", "1:9: expected '(', found the end of the text"},
      {"module m (x : f32[1])", "1:11: expected a name that begins with %, found 'x'"},
      {"module m (%x f32[1])", "1:14: expected ':', found 'f32'"},
      {"module m (%x : g32[1])", "1:16: expected a data type (f32, f16, bf16, f64, i64, i32, s8, u8 or bool), found 'g32'"},
      {"module m (%x : f32[N,)", "1:22: expected a dimension, found ')'"},
      {"module m (%x : f32[N+]) -> (%x) {}", "1:20: expected a number or a symbol at the end of the dimension 'N+'"},
      {"module m (%x : f32[1], %x : f32[1]) -> (%x) {}", "1:24: expected a new name, found x, which line 1 defines"},
      {"module m (%x : f32[1]) -> (%y) {}", "1:28: expected a value defined before its use, found %y, which is not defined"},
      {"module m (%x : f32[1]) -> (%x) symbols N [1, 2] {}", "1:42: expected 'in', found '['"},
      {"module m (%x : f32[N]) -> (%x) {}", "value x: expected declared symbols, found N in f32[N]"},
      {"module m (%x : f32[N]) -> (%x) symbols N in [3, 2] {}", "symbol N: expected a range with 0 <= min <= max, found [3, 2]"},
      {"module m (%x : f32[1]) -> (%x) {} x", "1:35: expected the end of the text, found 'x'"},
      {"module m (%x : u8[1] q(0.5, 300)) -> (%x) {}", "1:24: expected a zero point from 0 to 255, found 300"},
      {"module m (%x : s16[1] q(0.5, 3, 16)) -> (%x) {}", "1:25: expected a zero point of 0 under 16 bits, found 3"},
      {"module m (%x : s16[1] q(0.5, 0, 12)) -> (%x) {}", "1:25: expected 8 or 16 bits, found 12"},
      {"module m (%x : u8[1] q(-1, 3)) -> (%x) {}", "value x: expected a finite scale above 0, found -1"},
      {"module m (%x : f32[1]) -> (%x) { = }", "1:34: expected a line that begins with % or @, or '}', found '='"},
  };
  for (const Broken& broken : table) {
    INFO(broken.text);
    const auto module = parse(broken.text);
    REQUIRE_FALSE(module);
    CHECK(module.error().message == broken.message);
    CHECK(module.error().cls == ErrorClass::kInput);
  }
}

TEST_CASE("broken lines") {
  const Broken table[] = {
      {"%y = lineer(%x, @w)", "3:6: expected the name of an op, found 'lineer'; did you mean linear?"},
      {"%y = linear(%x)", "3:1: node y: linear: expected the operand \"weight\", found none"},
      {"%y = linear(%x, %w)", "3:17: expected a value defined before its use, found %w, which is defined with the other of % and @"},
      {"%y = linear(%x, @v)", "3:17: expected a value defined before its use, found @v, which is not defined"},
      {"%y = relu(%z)\n%z = relu(%x)", "3:11: expected a value defined before its use, found %z"},
      {"%y = relu(%x, %x)", "3:1: node y: relu: expected at most 1 operands, found 2"},
      {"%y = relu(%x) {slope=1}", "3:16: expected an attribute of relu (it has none), found slope"},
      {"%y = softmax(%x) {axis=1.5}", "3:25: expected ',', found '.5'"},
      {"%y = softmax(%x)", "3:1: node y: softmax: expected the attribute \"axis\""},
      {"%y = softmax(%x) {axis=1, axis=1}", "3:27: expected each attribute once, found axis again"},
      {"%y : f32[N,4] = relu(%x)", "3:1: %y: expected the inferred type f32[N,3], found f32[N,4]"},
      {"%y, %z = relu(%x)", "3:1: expected 1 results of relu, found 2"},
      {"%y = relu(3)", "3:11: expected a value such as %x or @w, or _, found '3'"},
      {"@a : f32[N] = zeros", "3:13: expected a weight of constant shape, found f32[N]"},
      {"@a : f32[2] = [1]", "3:17: expected ',' and 2 numbers or rows here, found ']'"},
      {"@a : f32[2] = [1, 2, 3]", "3:20: expected ']' after 2 numbers or rows, found ','"},
      {"@a : f32[2] = [1, two]", "3:19: expected a number of type f32, found 'two'"},
      {"@a : s8[1] = [300]", "3:15: expected a number of type s8, found '300'"},
      {"@a : f32[2] = something", "3:15: expected data: numbers in [ ], zeros, ones, full(…), random(…) or sha256:…, found 'something'"},
      {"@a : f32[1099511627776,1099511627776] = zeros", "3:39: expected a tensor of at most 2^46 bytes, found more"},
      {"@a : f32[1000000,1000000] = zeros", "3:29: expected generated tensors of at most 4 GiB in all, found 'zeros'"},
      {"@a : f32[1000000,1000000] = [1]", "3:29: expected fewer numbers in a literal, found '['"},
      {"@a : f32[-1] = zeros", "3:14: expected a size of at least 0, found -1"},
      {"@a : s8[2] int8(axis 1, scales [1]) = zeros", "3:22: expected an axis below 1, found 1"},
      {"@a : s8[2] int8(axis 0, scales [1, 0]) = zeros", "3:12: expected scales above 0, found 0"},
      {"@a : f32[2] int8(axis 0, scales [1, 1]) = zeros", "3:13: expected s8 data under int8, found f32"},
      {"@a : s8[1] int4(axis 0, scales [1]) = [9]", "3:12: expected int4 numbers from -7 to 7, found 9"},
      {"@a : s8[1] int2(axis 0, scales [1]) = [2]", "3:12: expected int2 numbers from -1 to 1, found 2"},
      {"@a : s8[2] int4(axis 0, group 0, scales [1]) = zeros", "3:22: expected groups of at least 1, found 0"},
      {"@a : f32[2] sparse(4:2) = zeros", "3:13: expected n:m sparsity with 0 < n < m, found 4:2"},
      {"@a : f32[2] = sha256:12", "3:15: expected 64 hex digits after sha256:, found '12'"},
      {"%\"a = relu(%x)", "3:15: expected '\"' before the end of the line, found none"},
      {"%\"\" = relu(%x)", "expected a name that is not empty"},
  };
  for (const Broken& broken : table) {
    INFO(broken.text);
    const auto module = parse(with(broken.text));
    REQUIRE_FALSE(module);
    const std::string& found = module.error().message;
    INFO(found);
    CHECK(found.find(broken.message) != std::string::npos);
  }
}
