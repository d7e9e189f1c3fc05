#include "op.h"

#include <cstdarg>
#include <cstdio>

namespace fastc::rt {

bool misfit(PrepareContext& c, const char* format, ...) {
  char text[360];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return fail(c.error, FASTC_RT_BAD_FILE, "op \"%s\": %s", c.name, text);
}

bool Op::fits(PrepareContext& c) const {
  if (c.opening || (scratch_ <= c.scratch_limit && workspace_ <= c.workspace_limit)) return true;
  return fail(c.error, FASTC_RT_BAD_ARGUMENT, "op \"%s\": these shapes need more memory than the session was opened for", c.name);
}

}  // namespace fastc::rt
