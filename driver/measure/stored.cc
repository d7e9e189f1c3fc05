#include "driver/measure/stored.h"

#include <algorithm>
#include <set>

#include "ir/cost.h"

namespace fastc {
namespace {

// Fewer than 8 bits have no type of their own: the packing or code is called so (backends/runtime/format.h, fastc_rt.h).
int bits_of(const StoredConstant& constant) {
  if (constant.packing.starts_with("nibbles")) return 4;
  if (constant.packing == "ternary") return 2;
  if (constant.packing.ends_with("-bit")) return constant.packing[0] - '0';
  return static_cast<int>(8 * size_of(constant.dtype));
}

int bits_of(const Weight& weight) {
  return weight.encoding.kind == Encoding::Kind::kInt ? weight.encoding.bits : static_cast<int>(8 * size_of(weight.data.dtype()));
}

}  // namespace

Result<std::vector<StoredTensor>> count_stored(const Module& lowered, const ArtifactModel& artifact) {
  const std::set<std::string> bytes = read_as_bytes(lowered);
  std::vector<StoredTensor> stored;
  for (const StoredConstant& constant : artifact.constants()) {
    const auto weight = lowered.weights.find(constant.name);
    const bool found = weight != lowered.weights.end();
    const int bits = found && constant.packing == "groups" ? weight->second.encoding.bits : bits_of(constant);
    const bool as_bytes = bytes.contains(constant.name) && constant.dtype == DType::kS8;  // to the kernel; the code takes as few bits as the numbers need
    if (found && bits_of(weight->second) != bits && !as_bytes)
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
