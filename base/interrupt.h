// SIGINT and SIGTERM ask the work to stop; loops look at interrupted() once a batch and return interrupted_error().
#pragma once

#include "base/api.h"
#include "base/result.h"

namespace fastc {

// Installs the handlers (once, by the command; never by the library on its own). A second signal ends the process at once.
FASTC_API void catch_interrupts();
FASTC_API bool interrupted();
FASTC_API void set_interrupted(bool value);  // for tests, and for programs that stop fastc themselves
// An error of class kInterrupted (exit 130) that says what was going on: "interrupted while distilling, epoch 3".
FASTC_API tl::unexpected<Error> interrupted_error(std::string_view during);

}  // namespace fastc
