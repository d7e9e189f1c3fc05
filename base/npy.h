// NumPy's .npy (versions 1, 2, 3) and .npz (stored or deflated). Little-endian f4 f8 f2 i8 i4 i2 i1 u1 b1, C order; anything
// else is refused by name. Source: numpy.lib.format's documentation (NEP 1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/api.h"
#include "base/result.h"
#include "base/zip.h"

namespace fastc {

struct NpyArray {
  std::string descr;           // "<f4", "|u1", …, as in the file
  std::vector<int64_t> shape;  // empty: one element
  SharedBytes data;            // elements × item size bytes; may be a view into the mapped file, of any alignment

  int64_t elements() const;
};

// Bytes of one element: 4 for "<f4"; 0 for what fastc does not read.
FASTC_API size_t npy_item_size(std::string_view descr);

// `what` opens every message ("test.npz, array images").
FASTC_API Result<NpyArray> parse_npy(SharedBytes file, std::string_view what);
FASTC_API Result<NpyArray> read_npy(const std::filesystem::path& path);
// Header and data as one .npy file.
FASTC_API std::string npy_header(std::string_view descr, const std::vector<int64_t>& shape);
FASTC_API Status write_npy(const std::filesystem::path& path, const NpyArray& array);

// A copy of `values` as an array; the vector overloads cover what tests and outputs need.
FASTC_API NpyArray make_npy(std::string_view descr, std::vector<int64_t> shape, std::span<const std::byte> bytes);

class FASTC_API NpzReader {
 public:
  static Result<NpzReader> open(const std::filesystem::path& path);
  std::vector<std::string> names() const;  // without ".npy", in the archive's order
  bool has(std::string_view name) const;
  // An unknown name is an error that lists those there are. A stored array is a view into the mapping.
  Result<NpyArray> read(std::string_view name) const;

 private:
  explicit NpzReader(ZipReader zip, std::string what) : zip_(std::move(zip)), what_(std::move(what)) {}
  ZipReader zip_;
  std::string what_;
};

FASTC_API Status write_npz(const std::filesystem::path& path,
                           const std::vector<std::pair<std::string, NpyArray>>& arrays);

}  // namespace fastc
