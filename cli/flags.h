// cxxopts without exceptions.
#pragma once

#include <string>
#include <vector>

// A repeated flag is a list; a comma inside a value is part of it (shapes hold commas).
#define CXXOPTS_VECTOR_DELIMITER '\0'
#include <cxxopts.hpp>

#include "base/result.h"

namespace fastc::cli {

// Parses; nullopt-like `help` is set when --help was asked for (then the text was printed).
struct Flags {
  cxxopts::ParseResult values;
  bool help = false;
};

Result<Flags> parse_flags(cxxopts::Options& options, int argc, char** argv);
// All values of a repeatable flag.
std::vector<std::string> all_of(const Flags& flags, const std::string& name);
// The positional argument `name`, or a sentence that says what is missing.
Result<std::string> required(const Flags& flags, const std::string& name, const std::string& what);

}  // namespace fastc::cli
