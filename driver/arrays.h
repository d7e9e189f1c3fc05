// .npz files as network inputs and outputs.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "driver/measure/artifact_model.h"
#include "driver/model_file.h"

namespace fastc {

// In the order of `wanted`; arrays are found by name, then as input_0, input_1 …. The dtype is converted where nothing is lost.
Result<std::vector<Tensor>> read_inputs(const std::filesystem::path& npz, const std::vector<ModelInput>& wanted);
Status write_arrays(const std::filesystem::path& npz, const std::vector<std::string>& names, const std::vector<Tensor>& tensors);
// Normal floats, integers in [0, 2); symbolic sizes: `batch` for axis 0, else their smallest.
std::vector<Tensor> random_inputs(const std::vector<ModelInput>& inputs, int64_t batch, uint64_t seed);
OutputDifference output_difference(std::string name, const Tensor& a, const Tensor& b);

}  // namespace fastc
