// The version of fastc, written only here: CMakeLists.txt reads it, and the plugin ABI carries it.
#pragma once

#define FASTC_VERSION "0.1.0"
