// A TorchScript file in LibTorch's own interpreter: the yardstick for import and speed. No LibTorch in this header.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "base/api.h"
#include "base/result.h"
#include "ir/tensor.h"

namespace fastc {

// forward() in eval mode without gradients; a tuple or list of tensors is flattened.
FASTC_API Result<std::vector<Tensor>> run_torchscript(const std::filesystem::path& path, std::span<const Tensor> inputs);

}  // namespace fastc
