// What the reader knows of each kernel before it looks at shapes: its name, its operands' types, its attribute struct.
#pragma once

#include "reader.h"

namespace fastc::rt {

struct Signature {
  Kernel kernel;
  const char* name;           // as profiles show it
  const char* types;          // "inputs > outputs", one word an operand; see below
  uint32_t attribute_bytes;   // without DepthAttrs
  // Ranges of the attributes that do not depend on shapes (strides, enumerations); null: nothing to check.
  bool (*check)(const Program&, const OpRecord&, Error&);
  bool depth = false;         // has a form over [N,C,T,H,W]
};
// Bytes of attributes expected: with DepthAttrs where the first operand has five axes.
uint32_t attribute_bytes(const Signature& signature, const Program& program, const OpRecord& op);
// A word is the set of types an operand may have: f float32, h float16, g bfloat16, u uint8, s int8, i int32, l int64, b bool, d float64, x any;
// then '?' when the operand may be absent, or '*' when it repeats (such operands may be absent too). Trailing operands marked
// '?' may be left out.

const Signature* find_signature(uint32_t kernel);
const char* kernel_name(Kernel kernel);

}  // namespace fastc::rt
