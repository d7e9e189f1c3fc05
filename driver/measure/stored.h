// What the written file really holds, weight by weight: the artifact is not believed to be what the recipe said, it is counted.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "driver/measure/artifact_model.h"
#include "ir/module.h"

namespace fastc {

struct StoredTensor {
  std::string name, packing;
  DType dtype = DType::kF32;  // of the stored numbers
  std::vector<int64_t> shape;
  int bits = 0;               // of one number
  uint64_t bytes = 0;         // in the file, padding included
};

// Errors are kStage: a weight that the program keeps in so many bits and the file does not.
Result<std::vector<StoredTensor>> count_stored(const Module& lowered, const ArtifactModel& artifact);

}  // namespace fastc
