// Errors inside the runtime: a status of the C ABI and a sentence (what was expected, what was found, where). No exception
// carries them; every function that can fail returns false after fail().
#pragma once

#include "fastc_rt.h"

namespace fastc::rt {

struct Error {
  fastc_rt_status status = FASTC_RT_OK;
  char text[480] = "";
};

// Writes the sentence (cut to the buffer) and returns false, so that a check reads `return fail(error, …)`.
bool fail(Error& error, fastc_rt_status status, const char* format, ...) __attribute__((format(printf, 3, 4)));

}  // namespace fastc::rt
