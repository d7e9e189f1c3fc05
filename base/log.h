// Lines for people on stderr. Levels: errors and warnings always matter; info is the default; debug is asked for.
#pragma once

#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "base/api.h"

namespace fastc {

enum class LogLevel { kQuiet, kError, kWarning, kInfo, kDebug };

FASTC_API void set_log_level(LogLevel level);
FASTC_API LogLevel log_level();
FASTC_API void log_line(LogLevel level, std::string_view text);  // one write per line, so threads do not mix lines

template <typename... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  if (log_level() >= LogLevel::kWarning) log_line(LogLevel::kWarning, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  if (log_level() >= LogLevel::kInfo) log_line(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  if (log_level() >= LogLevel::kDebug) log_line(LogLevel::kDebug, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace fastc
