// Passes of a user's own, in a shared library ("plugins": ["libmine.so"]).
#pragma once

#include <filesystem>

#include "base/api.h"
#include "base/result.h"

namespace fastc {

// Loads the library once. Before any C++ object crosses, its C entry fastc_plugin_abi() is compared with ours: fastc version, compiler, standard-library
// ABI; a mismatch is an error that names both. Its passes register themselves while it loads.
FASTC_API Status load_plugin(const std::filesystem::path& path);

}  // namespace fastc
