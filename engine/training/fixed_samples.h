// Samples of a data set that look the same whenever they are asked for, so that what a teacher answers to them can be kept.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "base/result.h"
#include "tasks/task.h"

namespace fastc::engine {

// A batch as the networks see it.
struct Seen {
  std::vector<at::Tensor> inputs;
  at::Tensor labels;  // undefined where there are none
};
Seen seen(const Batch& batch);

class FixedSamples {
 public:
  // `members`: ascending. `draw`: each is changed at random, by what that seed and its index decide; none: they are as the data set has them.
  FixedSamples(const Dataset& data, std::vector<int64_t> members, std::optional<uint64_t> draw = {});

  Result<Seen> batch(std::span<const int64_t> indices) const;
  const std::vector<int64_t>& members() const { return members_; }
  at::Tensor places(std::span<const int64_t> indices) const;  // of members in members()
  // Hash of what the members hold, numbers, types and sizes: it reads them all, and asks nobody whether the data changed.
  Result<std::string> content() const;

 private:
  const Dataset& data_;
  std::vector<int64_t> members_;
  std::optional<uint64_t> draw_;
};

}  // namespace fastc::engine
