// Errors are values. Every fallible function of fastc returns Result<T>; nothing throws across a room's border.
//
// The class of an error says whose fault it is, and so which exit code the command ends with (cli/ maps it). The message
// is one sentence for a person: what was expected, what was found, where (JSON pointer, file offset, node name).
#pragma once

#include <string>
#include <utility>

#include <fmt/core.h>
#include <tl/expected.hpp>

namespace fastc {

enum class ErrorClass {
  kInternal,     // our bug: exit 1
  kUsage,        // wrong command line or recipe: exit 2
  kInput,        // unusable model or data: exit 3
  kGate,         // a gate failed: exit 4
  kStage,        // a stage failed, or engine, artifact and stub disagree: exit 5
  kInterrupted,  // stopped by a signal: exit 130
};

struct Error {
  ErrorClass cls = ErrorClass::kInternal;
  std::string message;
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

template <typename... Args>
tl::unexpected<Error> fail(ErrorClass cls, fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected<Error>(Error{cls, fmt::format(format, std::forward<Args>(args)...)});
}
template <typename... Args>
tl::unexpected<Error> input_error(fmt::format_string<Args...> format, Args&&... args) {
  return fail(ErrorClass::kInput, format, std::forward<Args>(args)...);
}
template <typename... Args>
tl::unexpected<Error> usage_error(fmt::format_string<Args...> format, Args&&... args) {
  return fail(ErrorClass::kUsage, format, std::forward<Args>(args)...);
}
template <typename... Args>
tl::unexpected<Error> stage_error(fmt::format_string<Args...> format, Args&&... args) {
  return fail(ErrorClass::kStage, format, std::forward<Args>(args)...);
}
template <typename... Args>
tl::unexpected<Error> internal_error(fmt::format_string<Args...> format, Args&&... args) {
  return fail(ErrorClass::kInternal, format, std::forward<Args>(args)...);
}

// The same error with the place put in front: `"conv1: expected 3 channels, found 4"`.
inline tl::unexpected<Error> at(std::string_view place, Error error) {
  error.message = fmt::format("{}: {}", place, error.message);
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace fastc

#define FASTC_CONCAT_(a, b) a##b
#define FASTC_CONCAT(a, b) FASTC_CONCAT_(a, b)
// FASTC_TRY(auto module, import(path)); declares `module`, or returns the error to the caller.
#define FASTC_TRY(decl, expr) FASTC_TRY_(FASTC_CONCAT(fastc_try_, __LINE__), decl, expr)
#define FASTC_TRY_(tmp, decl, expr)                                        \
  auto tmp = (expr);                                                       \
  if (!tmp) return ::tl::unexpected<::fastc::Error>(std::move(tmp).error()); \
  decl = std::move(*tmp)
// FASTC_CHECK(verify(module)); for a Status, or a Result whose value is not needed.
#define FASTC_CHECK(expr)                                                                          \
  do {                                                                                             \
    if (auto fastc_status = (expr); !fastc_status)                                                 \
      return ::tl::unexpected<::fastc::Error>(std::move(fastc_status).error());                    \
  } while (0)
