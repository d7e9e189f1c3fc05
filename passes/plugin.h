// Put FASTC_PLUGIN at the end of one file of a shared library with passes of your own (examples/custom_pass). It exports the C
// entry that fastc compares before any C++ object crosses the border.
#pragma once

#include "base/api.h"
#include "base/version.h"
#include "passes/pass.h"

#define FASTC_STRING_(x) #x
#define FASTC_STRING(x) FASTC_STRING_(x)
// fastc version; compiler and its major version; which libstdc++ string ABI. All three decide the layout of what is passed.
#define FASTC_PLUGIN_ABI \
  "fastc " FASTC_VERSION ", gcc-abi " FASTC_STRING(__GXX_ABI_VERSION) ", gnuc " FASTC_STRING(__GNUC__) ", cxx11-abi " FASTC_STRING(_GLIBCXX_USE_CXX11_ABI)

#define FASTC_PLUGIN                                                              \
  extern "C" FASTC_API const char* fastc_plugin_abi() { return FASTC_PLUGIN_ABI; } \
  extern "C" FASTC_API void fastc_plugin_register() { ::fastc::run_pass_registrations(); }
