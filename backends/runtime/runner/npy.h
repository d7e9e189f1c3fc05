// Arrays in and out of .npy files (NEP 1), versions 1 to 3, C order, little-endian.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fastc_rt.h"

namespace fastc::runner {

struct Array {
  int32_t dtype = FASTC_RT_F32;
  std::vector<int64_t> shape;
  std::vector<unsigned char> data;

  int64_t elements() const;
  fastc_rt_tensor tensor();
};

size_t dtype_bytes(int32_t dtype);
const char* dtype_name(int32_t dtype);

// False with a sentence in `error`: what was expected, what was found, in which file.
bool read_npy(const std::string& path, Array& array, std::string& error);
bool write_npy(const std::string& path, const Array& array, std::string& error);  // temporary name, sync, rename

}  // namespace fastc::runner
