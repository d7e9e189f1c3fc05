// Any bytes as a table: a sentence of what is wrong with it, or rows that all read back. The first byte picks the format.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "tasks/tables/table.h"

namespace {

using namespace fastc;

void read_all(const Result<std::unique_ptr<Table>>& table) {
  if (!table) return;
  std::vector<std::string> cells;
  for (int64_t row = 0; row < (*table)->rows(); ++row) {
    if (!(*table)->read(row, cells) || cells.size() != 1) std::abort();
  }
}

// Fields that were read, written out in quotes, read as the same fields.
void round_trip(std::string_view text) {
  std::vector<std::string> fields, again;
  if (text.empty() || !read_delimited(text, {}, fields)) return;
  std::string written;
  for (const auto& field : fields) {
    written += written.empty() ? "\"" : ",\"";
    for (const char c : field) written += c == '"' ? std::string("\"\"") : std::string(1, c);
    written += '"';
  }
  if (!read_delimited(written, {}, again) || again != fields) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  static const int file = memfd_create("table", 0);  // a file that lies in memory
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (ftruncate(file, 0) != 0 || pwrite(file, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) std::abort();
  switch (data[0] % 4) {
    case 0: read_all(open_delimited(path, {}, {"1"}, {})); break;
    case 1: read_all(open_delimited(path, {'\t', false, false}, {"2"}, {})); break;
    case 2: read_all(open_json_lines(path, {"a"}, {})); break;
    default: round_trip(text);
  }
  return 0;
}
