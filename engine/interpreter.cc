#include "engine/interpreter.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include "engine/autograd.h"

namespace fastc {
namespace {

// Tensors of a result in order, through tuples and lists.
void flatten(const c10::IValue& value, std::vector<at::Tensor>& tensors) {
  if (value.isTensor()) {
    tensors.push_back(value.toTensor());
  } else if (value.isTuple()) {
    for (const c10::IValue& element : value.toTupleRef().elements()) flatten(element, tensors);
  } else if (value.isList()) {
    for (const c10::IValue& element : value.toListRef()) flatten(element, tensors);
  }
}

std::string first_line(const std::exception& error) {
  const std::string text = error.what();
  return text.substr(0, text.find('\n'));
}

}  // namespace

Result<std::vector<Tensor>> run_torchscript(const std::filesystem::path& path, std::span<const Tensor> inputs) {
  std::vector<at::Tensor> tensors;
  try {
    const at::NoGradGuard no_grad;
    torch::jit::Module module = torch::jit::load(path.string(), c10::Device(c10::kCPU));
    module.eval();
    std::vector<c10::IValue> arguments;
    for (const Tensor& input : inputs) arguments.emplace_back(wrap(input).clone());
    flatten(module.forward(std::move(arguments)), tensors);
  } catch (const std::exception& error) {
    return input_error("{}: LibTorch's interpreter cannot run it: {}", path.string(), first_line(error));
  }
  std::vector<Tensor> outputs;
  for (const at::Tensor& tensor : tensors) {
    FASTC_TRY(Tensor output, unwrap(tensor));
    outputs.push_back(std::move(output));
  }
  return outputs;
}

}  // namespace fastc
