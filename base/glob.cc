#include "base/glob.h"

#include <cstddef>

namespace fastc {
namespace {

// Does the class that starts at pattern[p] == '[' hold `c`? Sets `end` to the position after ']'; end == p: no class here.
bool class_holds(std::string_view pattern, size_t p, char c, size_t& end) {
  size_t i = p + 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  const size_t first = i;
  bool found = false;
  for (; i < pattern.size() && (pattern[i] != ']' || i == first); ++i) {
    if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
      found |= pattern[i] <= c && c <= pattern[i + 2];
      i += 2;
    } else {
      found |= pattern[i] == c;
    }
  }
  end = i < pattern.size() ? i + 1 : p;  // without ']' the '[' is an ordinary character
  return found != negated;
}

}  // namespace

bool glob_match(std::string_view pattern, std::string_view name) {
  // Only the last `*` ever needs to be tried again, so no recursion and no exponential case.
  size_t p = 0, n = 0, star = std::string_view::npos, star_name = 0;
  while (n < name.size()) {
    size_t next = p + 1;
    bool matches = false;
    if (p < pattern.size()) {
      if (pattern[p] == '*') {
        star = p++;
        star_name = n;
        continue;
      }
      matches = pattern[p] == '?' || pattern[p] == name[n];
      if (pattern[p] == '[') {
        size_t end = p;
        const bool holds = class_holds(pattern, p, name[n], end);
        if (end != p) matches = holds, next = end;
      }
    }
    if (matches) {
      p = next;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++star_name;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace fastc
