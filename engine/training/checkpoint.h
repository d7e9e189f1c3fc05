// Where a training run stands after an epoch, in one .npz file: weights, running statistics, the optimizer's state, the curves. A file that belongs to
// another run (other options, data, seed or initial weights) has another key, and is passed over.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "base/result.h"
#include "engine/train.h"

namespace fastc::engine {

struct Standing {
  int64_t epochs = 0;  // finished
  int64_t steps = 0;   // batches
  int64_t updates = 0; // of the weights
  std::vector<std::vector<EpochRow>> curves;  // by network, all equally long
};

class Checkpoint {
 public:
  // Empty folder: nothing is read or written. `tensors`: everything that training changes, by name.
  Checkpoint(const std::string& folder, std::string key, std::map<std::string, at::Tensor> tensors);
  Status save(const Standing& standing) const;
  // Fills the tensors; epochs 0 where there is nothing to go on from. A damaged file is an error of class kInput.
  Result<Standing> restore() const;

 private:
  std::filesystem::path path_;
  std::string key_;
  std::map<std::string, at::Tensor> tensors_;
};

}  // namespace fastc::engine
