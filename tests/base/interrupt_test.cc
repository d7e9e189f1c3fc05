#include "base/interrupt.h"

#include <csignal>

#include "tests/catch.h"

using namespace fastc;

TEST_CASE("a signal sets the flag, and the error says what was going on") {
  catch_interrupts();
  set_interrupted(false);
  CHECK_FALSE(interrupted());
  std::raise(SIGTERM);
  CHECK(interrupted());
  set_interrupted(false);
  std::raise(SIGINT);
  CHECK(interrupted());
  const Status status = interrupted_error("distilling, epoch 3");
  CHECK(status.error().cls == ErrorClass::kInterrupted);
  CHECK(status.error().message == "interrupted while distilling, epoch 3");
  set_interrupted(false);
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}
