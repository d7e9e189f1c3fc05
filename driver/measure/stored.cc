#include "driver/measure/stored.h"

#include <algorithm>
#include <set>

#include "ir/cost.h"

namespace fastc {
namespace {

// int4 has no type of its own: two numbers share a byte in the packings called so (backends/runtime/format.h).
int bits_of(const StoredConstant& constant) { return constant.packing.starts_with("nibbles") ? 4 : static_cast<int>(8 * size_of(constant.dtype)); }

int bits_of(const Weight& weight) {
  return weight.encoding.kind == Encoding::Kind::kInt ? weight.encoding.bits : static_cast<int>(8 * size_of(weight.data.dtype()));
}

}  // namespace

Result<std::vector<StoredTensor>> count_stored(const Module& lowered, const ArtifactModel& artifact) {
  const std::set<std::string> bytes = read_as_bytes(lowered);
  std::vector<StoredTensor> stored;
  for (const StoredConstant& constant : artifact.constants()) {
    const auto weight = lowered.weights.find(constant.name);
    const int bits = bits_of(constant);
    const bool as_bytes = bytes.contains(constant.name) && bits == 8;  // integers of fewer bits that a kernel reads as bytes
    if (weight != lowered.weights.end() && bits_of(weight->second) != bits && !as_bytes)
      return stage_error("the artifact holds {} in {} bits a number ({}), the program in {}", constant.name, bits, name_of(constant.dtype), bits_of(weight->second));
    stored.push_back({constant.name, constant.packing, constant.dtype, constant.shape, bits, constant.bytes});
  }
  for (const auto& [name, weight] : lowered.weights) {
    const bool found = std::any_of(stored.begin(), stored.end(), [&](const StoredTensor& t) { return t.name == name; });
    if (weight.encoding.kind == Encoding::Kind::kInt && !found) return stage_error("the program keeps {} in {} bits, and the artifact does not hold it", name, bits_of(weight));
  }
  return stored;
}

}  // namespace fastc
