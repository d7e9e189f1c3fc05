// Names of layers in a program that was quantized. They are those of the float program, with one exception: an output keeps its name, so where
// a dequantize makes it, that node has the name, and the layer before it is called NAME.u8 (NAME.s16 under 16 bits).
#pragma once

#include <string>
#include <string_view>

#include "base/api.h"
#include "ir/module.h"

namespace fastc {

FASTC_API std::string name_before_output(std::string_view output, DType dtype);  // NAME.u8
// What the node is called in the float program: NAME for the layer before an output NAME, else its own name.
FASTC_API std::string float_name(const Module& quantized, const Node& node);

}  // namespace fastc
