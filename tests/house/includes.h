// Reads a source tree's #include lines and finds those that break the house's rules ("who may include whom" in
// HACKING.md).
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace fastc::test {

struct Include {
  int line = 0;
  std::string target;   // as written between the quotes or brackets
  bool quoted = false;  // "x" (ours) rather than <x>
};

// Path relative to the root, with '/' → its #include lines.
using SourceTree = std::map<std::string, std::vector<Include>>;

// The #include lines of one file's text; those inside a raw string literal do not count.
std::vector<Include> includes_of(const std::string& source);

// Every .h and .cc under the rooms of `root`; a room that is not there is passed over.
SourceTree read_tree(const std::filesystem::path& root);

// Each answer is a list of sentences, "file:line: …", empty where the rule holds.
std::vector<std::string> room_violations(const SourceTree& tree);
// Who sees LibTorch, directly or through another header of ours.
std::vector<std::string> libtorch_violations(const SourceTree& tree);
// Umbrella headers that cost ten seconds a file.
std::vector<std::string> umbrella_violations(const SourceTree& tree);

}  // namespace fastc::test
