// Choices that were made from measured time, so that a run can be repeated to the byte on a noisy machine (--replay).
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"

namespace fastc {

class Decisions {
 public:
  static Result<Decisions> load(const std::filesystem::path& replay);  // empty path: nothing is replayed
  std::optional<std::string> replayed(const std::string& question) const;
  void record(const std::string& question, const std::string& answer) { made_[question] = answer; }

  // A stage taken from the journal brings what it decided. False where the answers to be replayed are others: then it is not that stage.
  using Answers = std::map<std::string, std::string>;
  bool repeat(const Answers& answers);
  Answers made_by(const std::string& stage) const;  // so far
  Status write(const std::filesystem::path& path) const;

 private:
  Answers replay_, made_;
};

}  // namespace fastc
