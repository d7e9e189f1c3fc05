// Hours are never lost: every finished stage lies in OUT/.journal, and a run over the same inputs takes it from there, and the epochs of one that was
// killed. --no-resume throws both away before the first stage; teachers' answers, which are called by what they answer, stay.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "ir/module.h"
#include "passes/pass.h"

namespace fastc {

struct JournalEntry {
  Module module;
  PassReport report;
  double seconds = 0;
  std::map<std::string, std::string> decisions;  // made from measured time
  std::map<std::string, Module> shipped;         // what the stage ships beside the result
};

class Journal {
 public:
  Journal(std::filesystem::path folder) : folder_(std::move(folder)) {}
  // The entry whose key is the same; nothing when there is none or it cannot be read (then the stage runs again).
  std::optional<JournalEntry> find(size_t stage, const std::string& key) const;
  Status record(size_t stage, const std::string& key, const JournalEntry& entry) const;
  // Afterwards no stage is recorded, and none has a checkpoint.
  Status discard() const;
  // Of a stage that is recorded: what was decided about it afterwards.
  Status record_decisions(size_t stage, const std::map<std::string, std::string>& decisions) const;
  std::filesystem::path checkpoints(size_t stage, const std::string& key) const;  // a folder for the pass's own use; made on first call

 private:
  std::filesystem::path folder_;
};

// Hash over what a stage's outcome depends on: everything before it, the pass with its resolved options, seed, threads, instruction set, version.
std::string stage_key(const std::string& previous, const std::string& what);
// Hash over file contents (size and time of change where a file is larger than 256 MiB).
Result<std::string> content_key(const std::vector<std::filesystem::path>& files);

}  // namespace fastc
