// One op at a time: a line of IR text over these operands, and the type it must have or the sentence that refuses it.
#pragma once

#include <string>

#include "ir/text.h"
#include "tests/catch.h"

namespace fastc::test {

inline Result<Module> one_op(const std::string& line) {
  return parse(R"(module m (%x : f32[N,4,8,8], %t : f32[N,L,6], %i : i64[N,L], %b : bool[N,L], %q : f32[N,2,L,8], %k : f32[N,1,L,8]) -> (%y)
    symbols N in [1, 64], L in [1, 128] {
  @w : f32[6,4,3,3] = zeros
  @dw : f32[8,1,3,3] = zeros
  @b6 : f32[6] = zeros
  @c4 : f32[4] = zeros
  @lin : f32[5,6] = zeros
  @table : f32[10,6] = zeros
  @w_ih : f32[12,6] = zeros
  @w_hh : f32[12,3] = zeros
  @b_h : f32[12] = zeros
  @w8 : s8[6,4,3,3] int8(axis 0, scales [1,1,1,1,1,1]) = zeros
  @b32 : i32[6] = zeros
  %xq : q(0.5, 10) = quantize(%x)
  )" + line + "\n}\n");
}

inline std::string type_of_op(const std::string& line) {
  const Result<Module> module = one_op(line);
  if (!module) return "error: " + module.error().message;
  return type_text(module->value(module->outputs[0]).type);
}

struct OpCase {
  std::string line, expected;
};

inline void check_types(std::initializer_list<OpCase> cases) {
  for (const OpCase& c : cases) {
    INFO(c.line);
    CHECK(type_of_op(c.line) == c.expected);
  }
}

// The message contains these words.
inline void check_refused(std::initializer_list<OpCase> cases) {
  for (const OpCase& c : cases) {
    INFO(c.line);
    const Result<Module> module = one_op(c.line);
    REQUIRE_FALSE(module);
    INFO(module.error().message);
    CHECK(module.error().message.find(c.expected) != std::string::npos);
    CHECK(module.error().cls == ErrorClass::kInput);
  }
}

}  // namespace fastc::test
