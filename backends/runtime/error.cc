#include "error.h"

#include <cstdarg>
#include <cstdio>

namespace fastc::rt {

bool fail(Error& error, fastc_rt_status status, const char* format, ...) {
  error.status = status;
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(error.text, sizeof error.text, format, arguments);
  va_end(arguments);
  return false;
}

}  // namespace fastc::rt
