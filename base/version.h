// The version of fastc; CMakeLists.txt passes it, so that it is written once.
#pragma once

#ifndef FASTC_VERSION
#define FASTC_VERSION "0.1.0"
#endif
