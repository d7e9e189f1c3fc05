// Teachers' answers on disk: FOLDER/KEY.npz, with one array [samples, …] an output. The name is a hash of all that decides the answers, so a file is right
// for a teacher and samples or is not found at all. The folder holds at most `max_bytes`: what was longest not used goes first.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "base/result.h"

namespace fastc::engine {

class AnswerStore {
 public:
  // Empty folder: nothing is read or written.
  AnswerStore(const std::string& folder, int64_t max_bytes) : folder_(folder), max_bytes_(max_bytes) {}
  bool keeps() const { return !folder_.empty(); }
  // Dense f32, of exactly these shapes. A file that is damaged, or holds something else, counts as none: what is in it can be computed.
  std::optional<std::vector<at::Tensor>> read(const std::string& key, const std::vector<std::vector<int64_t>>& shapes) const;
  // Whole or not at all. Nothing is written that does not fit.
  Status write(const std::string& key, const std::vector<at::Tensor>& answers) const;

 private:
  Status make_room(int64_t bytes) const;
  std::filesystem::path folder_;
  int64_t max_bytes_;
};

}  // namespace fastc::engine
