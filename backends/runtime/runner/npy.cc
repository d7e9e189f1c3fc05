#include "runner/npy.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>

namespace fastc::runner {
namespace {

constexpr int64_t kMaxBytes = int64_t{1} << 40;
constexpr const char* kDescr[] = {"<f4", "<f2", "<V2", "<f8", "<i8", "<i4", "|i1", "|u1", "|b1", "<i2"};
constexpr const char* kNames[] = {"float32", "float16", "bfloat16", "float64", "int64", "int32", "int8", "uint8", "bool", "int16"};
constexpr int32_t kTypes = 10;

// The text after 'key': in the header's Python dictionary.
bool field(const std::string& header, const std::string& key, std::string& value) {
  const size_t at = header.find("'" + key + "'");
  const size_t colon = at == std::string::npos ? at : header.find(':', at);
  if (colon == std::string::npos) return false;
  size_t begin = colon + 1;
  while (begin < header.size() && header[begin] == ' ') ++begin;
  const char close = begin < header.size() && header[begin] == '(' ? ')' : (begin < header.size() && header[begin] == '\'' ? '\'' : ',');
  const size_t end = header.find(close, begin + 1);
  if (end == std::string::npos) return false;
  value = header.substr(begin, end - begin + (close == ',' ? 0 : 1));
  return true;
}

bool parse_shape(const std::string& text, std::vector<int64_t>& shape) {
  shape.clear();
  for (size_t i = 1; i < text.size() && text[i] != ')';) {
    if (text[i] == ' ' || text[i] == ',') {
      ++i;
      continue;
    }
    int64_t size = 0;
    const size_t first = i;
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) {
      size = size * 10 + (text[i] - '0');
      if (size > kMaxBytes) return false;
    }
    if (i == first || shape.size() == 8) return false;
    shape.push_back(size);
  }
  return !text.empty() && text[0] == '(';
}

bool parse_header(const std::string& header, Array& array, std::string& error) {
  std::string descr, order, shape;
  if (!field(header, "descr", descr) || !field(header, "fortran_order", order) || !field(header, "shape", shape) || !parse_shape(shape, array.shape)) {
    error = "its header is not one of a .npy file";
    return false;
  }
  array.dtype = -1;
  for (int32_t i = 0; i < kTypes; ++i) {
    if (descr == std::string("'") + kDescr[i] + "'") array.dtype = i;
  }
  if (array.dtype < 0) error = "expected little-endian numbers, found type " + descr;
  if (order.rfind("False", 0) != 0) error = "expected C order, found Fortran order";
  return error.empty();
}

bool read_all(const std::string& path, std::string& bytes) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return false;
  const auto size = static_cast<int64_t>(file.tellg());
  if (size < 0 || size > kMaxBytes) return false;
  bytes.resize(static_cast<size_t>(size));
  file.seekg(0);
  file.read(bytes.data(), size);
  return static_cast<bool>(file);
}

}  // namespace

size_t dtype_bytes(int32_t dtype) {
  constexpr size_t kBytes[] = {4, 2, 2, 8, 8, 4, 1, 1, 1, 2};
  return dtype >= 0 && dtype < kTypes ? kBytes[dtype] : 0;
}

const char* dtype_name(int32_t dtype) { return dtype >= 0 && dtype < kTypes ? kNames[dtype] : "unknown"; }

int64_t Array::elements() const {
  int64_t count = 1;
  for (int64_t size : shape) {
    if (__builtin_mul_overflow(count, size, &count) || count > kMaxBytes) return -1;
  }
  return count;
}

fastc_rt_tensor Array::tensor() {
  fastc_rt_tensor t{data.data(), {}, static_cast<int32_t>(shape.size()), dtype};
  for (size_t i = 0; i < shape.size(); ++i) t.shape[i] = shape[i];
  return t;
}

bool read_npy(const std::string& path, Array& array, std::string& error) {
  std::string bytes;
  error.clear();
  if (!read_all(path, bytes)) {
    error = path + ": cannot be read";
    return false;
  }
  size_t start = 0, length = 0;
  if (bytes.size() < 12 || std::memcmp(bytes.data(), "\x93NUMPY", 6) != 0) {
    error = path + ": expected a .npy file, which begins with \\x93NUMPY";
    return false;
  }
  const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(bytes[i])); };
  if (bytes[6] == 1) start = 10, length = byte(8) | byte(9) << 8;
  else if (bytes[6] == 2 || bytes[6] == 3) start = 12, length = byte(8) | byte(9) << 8 | byte(10) << 16 | byte(11) << 24;
  if (start == 0 || length > bytes.size() - start) {
    error = path + ": its header has an unknown version or reaches beyond the file";
    return false;
  }
  if (!parse_header(bytes.substr(start, length), array, error)) {
    error = path + ": " + error;
    return false;
  }
  const int64_t count = array.elements();
  const size_t expected = count < 0 ? SIZE_MAX : static_cast<size_t>(count) * dtype_bytes(array.dtype), found = bytes.size() - start - length;
  if (count < 0 || found != expected) {
    error = path + ": expected " + std::to_string(expected) + " bytes of data as its shape says, found " + std::to_string(found);
    return false;
  }
  array.data.assign(bytes.begin() + static_cast<std::ptrdiff_t>(start + length), bytes.end());
  return true;
}

bool write_npy(const std::string& path, const Array& array, std::string& error) {
  std::string header = std::string("{'descr': '") + kDescr[array.dtype] + "', 'fortran_order': False, 'shape': (";
  for (int64_t size : array.shape) header += std::to_string(size) + ",";
  header += "), }";
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  const std::string temporary = path + ".partial";
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  const std::string magic = std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size() & 0xff) + static_cast<char>(header.size() >> 8);
  bool done = file >= 0;
  const auto put = [&](const void* data, size_t bytes) {
    for (size_t at = 0; done && at < bytes;) {
      const ssize_t wrote = ::write(file, static_cast<const char*>(data) + at, bytes - at);
      if (wrote <= 0) done = false;
      else at += static_cast<size_t>(wrote);
    }
  };
  put(magic.data(), magic.size());
  put(header.data(), header.size());
  put(array.data.data(), array.data.size());
  if (file >= 0) done = ::fsync(file) == 0 && done, ::close(file);
  if (done && std::rename(temporary.c_str(), path.c_str()) == 0) return true;
  std::remove(temporary.c_str());
  error = path + ": cannot be written";
  return false;
}

}  // namespace fastc::runner
