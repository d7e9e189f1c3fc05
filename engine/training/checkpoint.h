// Where a training run stands after an epoch, in one .npz file: weights, running statistics, the optimizer's state, the curve. A file that belongs to
// another run (other options, data, seed or initial weights) has another key, and is passed over.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/training/optimizer.h"

namespace fastc::engine {

struct Standing {
  int64_t epochs = 0;  // finished
  int64_t steps = 0;
  std::vector<EpochRow> curve;
};

class Checkpoint {
 public:
  // Empty folder: nothing is read or written. `tensors`: everything that training changes, by name.
  Checkpoint(const std::string& folder, std::string key, std::map<std::string, at::Tensor> tensors, Optimizer& optimizer);
  Status save(const Standing& standing) const;
  // Fills the tensors and the optimizer; epochs 0 where there is nothing to go on from. A damaged file is an error of class kInput.
  Result<Standing> restore() const;

 private:
  std::filesystem::path path_;
  std::string key_;
  std::map<std::string, at::Tensor> tensors_;
  Optimizer& optimizer_;
};

}  // namespace fastc::engine
