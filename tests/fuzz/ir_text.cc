// Any bytes as IR text: a sentence of what is wrong, or a module whose text reads back to the same text. Long numbers are left
// out: a few characters may ask for gigabytes (4 GiB at most), which is allowed and would only tell of the memory here.
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "ir/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  size_t digits = 0;
  for (const char c : text) {
    digits = std::isdigit(static_cast<unsigned char>(c)) ? digits + 1 : 0;
    if (digits > 3) return 0;
  }
  const auto module = fastc::parse(text);
  if (!module) return 0;
  const fastc::PrintOptions everything{.literal_elements = int64_t{1} << 40};
  const std::string printed = print(*module, everything);
  const auto again = fastc::parse(printed);
  if (!again || print(*again, everything) != printed) std::abort();
  return 0;
}
