#include "base/interrupt.h"

#include <atomic>
#include <csignal>

namespace fastc {
namespace {

// Lock-free, so a handler may touch it, and other threads see it.
std::atomic<int> g_interrupted{0};
static_assert(std::atomic<int>::is_always_lock_free);

extern "C" void handle_signal(int signal) {
  if (g_interrupted != 0) {  // asked twice: whoever asks does not want to wait for the end of the batch
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
  g_interrupted = 1;
}

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = handle_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return g_interrupted != 0; }
void set_interrupted(bool value) { g_interrupted = value ? 1 : 0; }

tl::unexpected<Error> interrupted_error(std::string_view during) {
  return fail(ErrorClass::kInterrupted, "interrupted while {}", during);
}

}  // namespace fastc
