// What a pass may know of the machine that will run the result: plain facts, no code.
#pragma once

#include <cstdint>
#include <string>

namespace fastc {

struct TargetInfo {
  std::string isa = "auto";  // generic, avx2, avx512, avx512_vnni, amx, neon
  int threads = 1;
  int64_t batch = 1;
  int channel_block = 16;    // output channels a kernel computes at once: fewer are padded
  int input_block = 4;       // int8 inputs a kernel takes at once
};

}  // namespace fastc
