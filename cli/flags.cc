#include "cli/flags.h"

#include <iostream>

namespace fastc::cli {

Result<Flags> parse_flags(cxxopts::Options& options, int argc, char** argv) {
  options.add_options()("h,help", "print this");
  try {
    Flags flags{options.parse(argc, argv)};
    if (!flags.values.unmatched().empty()) return usage_error("unexpected argument \"{}\"; try --help", flags.values.unmatched()[0]);
    flags.help = flags.values.count("help") > 0;
    if (flags.help) std::cout << options.help() << "\n";
    return flags;
  } catch (const std::exception& error) {
    return usage_error("{}; try --help", error.what());
  }
}

std::vector<std::string> all_of(const Flags& flags, const std::string& name) {
  return flags.values.count(name) ? flags.values[name].as<std::vector<std::string>>() : std::vector<std::string>{};
}

Result<std::string> required(const Flags& flags, const std::string& name, const std::string& what) {
  if (!flags.values.count(name)) return usage_error("expected {}; try --help", what);
  return flags.values[name].as<std::string>();
}

}  // namespace fastc::cli
