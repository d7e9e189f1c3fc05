// plugin_host PLUGIN: loads the plugin as fastc does, and finds its pass in the one registry of libfastc.so.
#include <dlfcn.h>

#include <cstdio>
#include <cstring>

#include "passes/pass.h"
#include "passes/plugin.h"

int main(int argc, char** argv) {
  void* library = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : nullptr;
  if (library == nullptr) {
    std::printf("cannot load the plugin: %s\n", dlerror());
    return 1;
  }
  const auto abi = reinterpret_cast<const char* (*)()>(dlsym(library, "fastc_plugin_abi"));
  const auto enter = reinterpret_cast<void (*)()>(dlsym(library, "fastc_plugin_register"));
  if (abi == nullptr || enter == nullptr || std::strcmp(abi(), FASTC_PLUGIN_ABI) != 0) return 2;
  const bool before = fastc::find_pass("consumer.nothing") != nullptr;
  enter();
  const fastc::Pass* pass = fastc::find_pass("consumer.nothing");
  std::printf("%s: %zu passes, the plugin's %s\n", abi(), fastc::all_passes().size(),
              pass ? "is among them" : "is missing");
  return !before && pass != nullptr ? 0 : 3;
}
