#include "base/progress.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/core.h>

namespace fastc {
namespace {

using Clock = std::chrono::steady_clock;

struct Stage {
  std::string name;
  int64_t total = 0;
  int64_t done = 0;
  Clock::time_point start;
  Clock::time_point shown;
};

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::string clock_text(double seconds) {
  const auto s = static_cast<int64_t>(seconds + 0.5);
  if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  return fmt::format("{}:{:02}", s / 60, s % 60);
}

class Terminal final : public Progress {
 public:
  explicit Terminal(bool bars) : bars_(bars) {}

  void begin(std::string_view stage, int64_t total) override {
    stages_.push_back({std::string(stage), total, 0, Clock::now(), Clock::now()});
    if (bars_) {
      draw(stages_.back(), "");
    } else if (stages_.size() == 1) {  // inner stages speak up only when they take long
      print(fmt::format("{} …\n", stage));
    }
  }

  void step(int64_t n, std::string_view note) override {
    if (stages_.empty()) return;
    Stage& stage = stages_.back();
    stage.done += n;
    // A terminal follows ten times a second; a log file wants a line every few seconds, not thousands.
    const bool last = stage.done >= stage.total && stage.total > 0;
    if (seconds_since(stage.shown) < (bars_ ? 0.1 : 5.0) && !(bars_ && last)) return;
    stage.shown = Clock::now();
    draw(stage, note);
  }

  void end() override {
    if (stages_.empty()) return;
    const Stage stage = std::move(stages_.back());
    stages_.pop_back();
    const std::string done = fmt::format("{} done in {}\n", stage.name, clock_text(seconds_since(stage.start)));
    if (bars_) {
      print("\r\x1b[K" + (stages_.empty() ? done : std::string()));
    } else if (stages_.empty()) {
      print(done);
    }
  }

 private:
  void draw(const Stage& stage, std::string_view note) {
    std::string line = stage.name;
    if (stage.total > 0) {
      const double share = std::clamp(static_cast<double>(stage.done) / static_cast<double>(stage.total), 0.0, 1.0);
      if (bars_) {
        const int filled = static_cast<int>(share * 24);
        line += fmt::format(" [{}{}]", std::string(filled, '='), std::string(24 - filled, ' '));
      }
      line += fmt::format(" {}/{} {:.0f}%", stage.done, stage.total, share * 100);
      if (stage.done > 0 && stage.done < stage.total)
        line += fmt::format(", {} left", clock_text(seconds_since(stage.start) * (1 / share - 1)));
    } else if (stage.done > 0) {
      line += fmt::format(" {}", stage.done);
    }
    if (!note.empty()) line += fmt::format(", {}", note);
    print(bars_ ? "\r\x1b[K" + line : line + "\n");
  }

  static void print(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fflush(stderr);
  }

  bool bars_;
  std::vector<Stage> stages_;
};

class Silent final : public Progress {
 public:
  void begin(std::string_view, int64_t) override {}
  void step(int64_t, std::string_view) override {}
  void end() override {}
};

}  // namespace

std::unique_ptr<Progress> terminal_progress() { return std::make_unique<Terminal>(::isatty(STDERR_FILENO) == 1); }

Progress& silent_progress() {
  static Silent silent;
  return silent;
}

}  // namespace fastc
