#include "base/progress.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "tests/catch.h"

using namespace fastc;

namespace {

// What `work` writes to stderr, which is a file here and no terminal.
template <typename Work>
std::string stderr_of(Work work) {
  const auto dir = TempDir::make();
  const auto path = dir->path() / "err";
  const int saved = ::dup(2), file = ::open(path.c_str(), O_WRONLY | O_CREAT, 0600);
  ::dup2(file, 2);
  work();
  ::dup2(saved, 2);
  ::close(saved);
  ::close(file);
  return read_text(path).value();
}

}  // namespace

TEST_CASE("without a terminal, progress is a few plain lines") {
  const std::string text = stderr_of([] {
    const auto progress = terminal_progress();
    ProgressStage outer(*progress, "distill", 1000);
    for (int i = 0; i < 1000; ++i) {
      ProgressStage inner(*progress, "batch", 1);
      inner.step();
      progress->end();
      progress->begin("again", 0);
    }
  });
  CHECK(text == "distill …\ndistill done in 0:00\n");
}

TEST_CASE("silent progress is silent, and steps without a stage are harmless") {
  CHECK(stderr_of([] { ProgressStage(silent_progress(), "x", 3).step(); }) == "");
  CHECK(stderr_of([] { terminal_progress()->step(), terminal_progress()->end(); }) == "");
}

TEST_CASE("the log has levels") {
  const std::string text = stderr_of([] {
    log_warning("{} is odd", 3);
    log_debug("not shown");
    set_log_level(LogLevel::kQuiet);
    log_line(LogLevel::kError, "not shown either");
    set_log_level(LogLevel::kInfo);
    log_info("shown");
  });
  CHECK(text == "warning: 3 is odd\nshown\n");
}
