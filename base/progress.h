// Progress of long work, for people. Output goes to stderr only; results never pass through here.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/api.h"

namespace fastc {

// Calls come from one thread. begin/end may nest (a stage inside a pass); step counts towards the innermost begin.
class FASTC_API Progress {
 public:
  virtual ~Progress() = default;
  virtual void begin(std::string_view stage, int64_t total) = 0;  // total ≤ 0: not known
  virtual void step(int64_t n = 1, std::string_view note = {}) = 0;
  virtual void end() = 0;
};

// A bar with the time left when stderr is a terminal; else one plain line when a stage begins, every few seconds, and at its end.
FASTC_API std::unique_ptr<Progress> terminal_progress();
FASTC_API Progress& silent_progress();

// Ends the stage on every way out of a scope.
class ProgressStage {
 public:
  ProgressStage(Progress& progress, std::string_view stage, int64_t total) : progress_(progress) {
    progress_.begin(stage, total);
  }
  ProgressStage(const ProgressStage&) = delete;
  ProgressStage& operator=(const ProgressStage&) = delete;
  ~ProgressStage() { progress_.end(); }
  void step(int64_t n = 1, std::string_view note = {}) { progress_.step(n, note); }

 private:
  Progress& progress_;
};

}  // namespace fastc
