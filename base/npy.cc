#include "base/npy.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "base/text.h"

namespace fastc {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr size_t kMaxHeader = size_t{1} << 20, kMaxRank = 32;

struct Header {
  std::string descr;
  std::vector<int64_t> shape;
  bool fortran = false;
};

// Reads the Python literal {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } and nothing else.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, std::string_view what) : text_(text), what_(what) {}

  Result<Header> parse() {
    Header header;
    bool descr = false, fortran = false, shape = false;
    if (!take('{')) return broken("'{'");
    while (!take('}')) {
      const auto key = string();
      if (!key || !take(':')) return broken("a key and ':'");
      if (*key == "descr") {
        auto value = string();
        if (!value) return peek() == '[' ? structured() : broken("the element type as a text");
        header.descr = *value, descr = true;
      } else if (*key == "fortran_order") {
        const auto value = word();
        if (value != "True" && value != "False") return broken("True or False");
        header.fortran = value == "True", fortran = true;
      } else if (*key == "shape") {
        if (!tuple(header.shape)) return broken("a shape of at most 32 sizes");
        shape = true;
      } else {
        return broken("descr, fortran_order or shape");
      }
      take(',');
    }
    if (!descr || !fortran || !shape) return broken("descr, fortran_order and shape");
    return header;
  }

 private:
  tl::unexpected<Error> broken(std::string_view expected) {
    skip();
    const size_t at = at_;
    std::string found;
    for (const char c : text_.substr(at, 20)) found += std::isprint(static_cast<unsigned char>(c)) ? c : '?';
    return input_error("{}: expected {} in the .npy header, found \"{}\"", what_, expected, found);
  }
  tl::unexpected<Error> structured() {
    return input_error("{}: expected a plain element type, found a structured one", what_);
  }
  void skip() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }
  char peek() {
    skip();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  std::optional<std::string> string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') return std::nullopt;
    const size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) return std::nullopt;
    std::string out(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return out;
  }
  std::string_view word() {
    skip();
    const size_t start = at_;
    while (at_ < text_.size() && std::isalpha(static_cast<unsigned char>(text_[at_]))) ++at_;
    return text_.substr(start, at_ - start);
  }
  bool tuple(std::vector<int64_t>& out) {
    if (!take('(')) return false;
    while (!take(')')) {
      int64_t value = 0;
      const size_t start = (skip(), at_);
      for (; at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])); ++at_) {
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, text_[at_] - '0', &value)) return false;
      }
      if (at_ == start || out.size() == kMaxRank) return false;
      out.push_back(value);
      if (peek() == 'L') ++at_;  // Python 2 wrote long integers so
      if (!take(',') && peek() != ')') return false;
    }
    return true;
  }

  std::string_view text_;
  std::string_view what_;
  size_t at_ = 0;
};

// Elements × item size, or nothing when that does not fit 63 bits.
std::optional<uint64_t> data_bytes(const std::vector<int64_t>& shape, size_t item) {
  int64_t bytes = static_cast<int64_t>(item);
  for (const int64_t size : shape) {
    if (size == 0) return 0;
  }
  for (const int64_t size : shape) {
    if (__builtin_mul_overflow(bytes, size, &bytes)) return std::nullopt;
  }
  return static_cast<uint64_t>(bytes);
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

int64_t NpyArray::elements() const {
  const size_t item = npy_item_size(descr);  // not the product of the sizes: (0, 2^62, 2^62) would overflow
  return item == 0 ? 0 : static_cast<int64_t>(data.bytes.size() / item);
}

size_t npy_item_size(std::string_view descr) {
  if (descr.size() != 3) return 0;
  const std::string_view kind = descr.substr(1);
  if (kind == "u1" || kind == "i1" || kind == "b1") return descr[0] == '|' || descr[0] == '<' ? 1 : 0;
  if (descr[0] != '<') return 0;
  if (kind == "f4" || kind == "i4") return 4;
  if (kind == "f8" || kind == "i8") return 8;
  return kind == "f2" || kind == "i2" ? 2 : 0;
}

Result<NpyArray> parse_npy(SharedBytes file, std::string_view what) {
  const std::string_view text = text_of(file.bytes);
  if (text.substr(0, 6) != kMagic) return input_error("{}: expected a .npy file, found other bytes at its start", what);
  if (text.size() < 10) return input_error("{}: expected a .npy header, found the end of the file", what);
  const int major = text[6];
  if (major < 1 || major > 3) return input_error("{}: expected .npy version 1, 2 or 3, found {}", what, major);
  const size_t prefix = major == 1 ? 10 : 12;
  size_t length = 0;
  for (size_t i = prefix; i-- > 8 && text.size() >= prefix;) length = length << 8 | static_cast<uint8_t>(text[i]);
  if (text.size() < prefix || length > text.size() - prefix)
    return input_error("{}: expected a .npy header of {} bytes, found the end of the file", what, length);
  if (length > kMaxHeader) return input_error("{}: expected a .npy header of at most {} bytes, found {}", what, kMaxHeader, length);
  FASTC_TRY(Header header, HeaderParser(text.substr(prefix, length), what).parse());
  const size_t item = npy_item_size(header.descr);
  if (item == 0)
    return input_error("{}: expected elements of <f4, <f8, <f2, <i8, <i4, <i2, |i1, |u1 or |b1, found {}", what, header.descr);
  if (header.fortran && header.shape.size() > 1)
    return input_error("{}: expected rows one after another (C order), found Fortran order; save numpy.ascontiguousarray(x)", what);
  const auto bytes = data_bytes(header.shape, item);
  const auto data = file.bytes.subspan(prefix + length);
  if (!bytes) return input_error("{}: its shape has more elements than memory can hold", what);
  if (*bytes != data.size()) return input_error("{}: expected {} bytes of data, found {}", what, *bytes, data.size());
  return NpyArray{std::move(header.descr), std::move(header.shape), {data, std::move(file.owner)}};
}

Result<NpyArray> read_npy(const std::filesystem::path& path) {
  FASTC_TRY(auto file, MappedFile::open(path));
  return parse_npy({file->bytes(), file}, path.string());
}

std::string npy_header(std::string_view descr, const std::vector<int64_t>& shape) {
  std::string sizes;
  for (const int64_t size : shape) sizes += fmt::format("{}, ", size);
  if (shape.size() > 1) sizes.resize(sizes.size() - 2);  // (3,) but (3, 4)
  if (shape.size() == 1) sizes.pop_back();
  std::string dict = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr, sizes);
  dict.append(63 - (10 + dict.size()) % 64, ' ');  // the data starts at a multiple of 64
  dict += '\n';
  std::string out(kMagic);
  out += '\1';
  out += '\0';
  out += static_cast<char>(dict.size() & 0xff);
  out += static_cast<char>(dict.size() >> 8);
  return out + dict;
}

Status write_npy(const std::filesystem::path& path, const NpyArray& array) {
  return write_atomic(path, [&](const ByteSink& sink) -> Status {
    FASTC_CHECK(sink(as_bytes_of(npy_header(array.descr, array.shape))));
    return sink(array.data.bytes);
  });
}

NpyArray make_npy(std::string_view descr, std::vector<int64_t> shape, std::span<const std::byte> bytes) {
  auto buffer = std::make_shared<std::vector<std::byte>>(bytes.begin(), bytes.end());
  return {std::string(descr), std::move(shape), {*buffer, buffer}};
}

Result<NpzReader> NpzReader::open(const std::filesystem::path& path) {
  FASTC_TRY(auto zip, ZipReader::open(path));
  return NpzReader(std::move(zip), path.string());
}

std::vector<std::string> NpzReader::names() const {
  std::vector<std::string> out;
  for (const auto& entry : zip_.entries()) {
    if (entry.name.ends_with(".npy")) out.push_back(entry.name.substr(0, entry.name.size() - 4));
  }
  return out;
}

bool NpzReader::has(std::string_view name) const { return zip_.find(std::string(name) + ".npy") != nullptr; }

Result<NpyArray> NpzReader::read(std::string_view name) const {
  const auto* entry = zip_.find(std::string(name) + ".npy");
  if (entry == nullptr) return input_error("{}: expected an array \"{}\", found {}", what_, name, list_words(names()));
  FASTC_TRY(auto bytes, zip_.read(*entry));
  return parse_npy(std::move(bytes), fmt::format("{}, array {}", what_, name));
}

Status write_npz(const std::filesystem::path& path, const std::vector<std::pair<std::string, NpyArray>>& arrays) {
  std::vector<ZipItem> items;
  for (const auto& [name, array] : arrays)
    items.push_back({name + ".npy", array.data.bytes, npy_header(array.descr, array.shape)});
  return write_zip(path, items);
}

}  // namespace fastc
