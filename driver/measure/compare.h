// What was measured is what ships: the artifact in the runtime against the IR in the engine. First node by node, each fed the engine's own
// operands, so that an error is found where it is made; then the whole network.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "driver/measure/artifact_model.h"
#include "ir/module.h"

namespace fastc {

struct NodeDifference {
  std::string node, kernel, isa;
  bool integer = false;
  double max_error = 0;     // of the largest reference output (float), or in quantization steps (integer)
};

struct Comparison {
  std::vector<NodeDifference> nodes;   // in execution order
  bool all_integer = false;            // from the input's quantize to the output's dequantize
  double network_max_error = 0;        // of the largest reference output
  int64_t samples = 0;
  std::string failure;                 // "" when everything holds; else the sentence for the first that does not
};

inline constexpr double kFloatTolerance = 1e-4;  // of the output's largest value
// One step of a state in [−largest, largest] kept in 8 bits: in a recurrent node that quantizes its state the last bit of a tanh may round it to its
// neighbour, and the steps after it carry that on.
inline constexpr double kStateStep = 2.0 / 255;
inline constexpr int64_t kCompareSamples = 32;

// inputs: a batch of up to kCompareSamples samples.
Result<Comparison> compare_with_engine(const Module& module, ArtifactModel& artifact, std::span<const Tensor> inputs);

}  // namespace fastc
