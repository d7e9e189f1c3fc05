// Catch2 version 2 generates its main() here; version 3 links one. And the only file that knows where the sources and the build
// lie, so that a compiler cache serves every other test of another checkout.
#if __has_include(<catch2/catch.hpp>)
#define CATCH_CONFIG_MAIN
#endif
#include "tests/catch.h"

namespace fastc::test {

std::filesystem::path source_path(const std::string& relative) { return std::filesystem::path(FASTC_SOURCE_DIR) / relative; }
std::filesystem::path built_path(const std::string& relative) { return std::filesystem::path(FASTC_BINARY_DIR) / relative; }

}  // namespace fastc::test
