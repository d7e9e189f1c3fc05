#include "driver/plugins.h"

#include <dlfcn.h>

#include <cstring>

#include "passes/plugin.h"

namespace fastc {

// RTLD_LAZY: a plugin for another fastc may lack symbols, and the sentence about the ABI is to come first.
Status load_plugin(const std::filesystem::path& path) {
  void* handle = dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (!handle) return usage_error("plugin {}: cannot be loaded: {}", path.string(), dlerror());
  const auto abi_of = reinterpret_cast<const char* (*)()>(dlsym(handle, "fastc_plugin_abi"));
  const auto register_passes = reinterpret_cast<void (*)()>(dlsym(handle, "fastc_plugin_register"));
  if (!abi_of || !register_passes) return usage_error("plugin {}: has no fastc_plugin_abi(); put FASTC_PLUGIN (passes/plugin.h) in one of its files", path.string());
  const char* abi = abi_of();
  if (std::strcmp(abi, FASTC_PLUGIN_ABI) != 0)
    return usage_error("plugin {}: built for [{}], this is [{}]; build it again against this fastc", path.string(), abi, FASTC_PLUGIN_ABI);
  register_passes();
  return {};
}

}  // namespace fastc
