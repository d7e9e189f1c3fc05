#include "ir/quantized_names.h"

#include "ir/op.h"

namespace fastc {

std::string name_before_output(std::string_view output, DType dtype) { return std::string(output) + "." + std::string(name_of(dtype)); }

std::string float_name(const Module& quantized, const Node& node) {
  if (node.outputs.empty()) return node.name;
  const std::string suffix = name_before_output("", quantized.value(node.output()).type.dtype);
  if (!node.name.ends_with(suffix)) return node.name;
  std::string name = node.name.substr(0, node.name.size() - suffix.size());
  const ValueId output = quantized.find_value(name);
  const Node* after = output == kNoId ? nullptr : quantized.producer(output);
  const bool dequantizes = after != nullptr && after->op->name == "dequantize" && after->inputs[0] == node.output();
  return dequantizes ? name : node.name;
}

}  // namespace fastc
