#include "tests/house/includes.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <regex>
#include <sstream>

namespace fastc::test {
namespace {

namespace fs = std::filesystem;

// Room → what it may include beside itself.
const std::map<std::string, std::set<std::string>> kMayInclude = {
    {"base", {}},
    {"ir", {"base"}},
    {"tasks", {"ir", "base"}},
    {"frontends", {"ir", "base"}},
    {"backends", {"ir", "base"}},
    {"engine", {"tasks", "ir", "base"}},
    {"passes", {"engine", "tasks", "ir", "base"}},
    {"driver", {"frontends", "passes", "engine", "tasks", "backends", "ir", "base"}},
    {"cli", {"driver", "frontends", "passes", "engine", "tasks", "backends", "ir", "base"}},
};

std::string room_of(const std::string& path) { return path.substr(0, path.find('/')); }
bool starts_with(const std::string& text, const std::string& start) { return text.rfind(start, 0) == 0; }
bool is_header(const std::string& path) { return fs::path(path).extension() != ".cc"; }
bool is_runtime(const std::string& path) { return starts_with(path, "backends/runtime/"); }

// Headers that plugins see, where every include counts in every plugin's build.
bool is_installed(const std::string& path) {
  static const std::set<std::string> kRooms = {"base", "ir", "tasks", "engine", "passes"};
  return kRooms.count(room_of(path)) == 1;
}

bool is_libtorch(const Include& include) {
  for (const char* start : {"ATen/", "torch/", "c10/", "caffe2/"}) {
    if (starts_with(include.target, start)) return true;
  }
  return false;
}

bool may_see_libtorch(const std::string& path) {
  // frontends/aten is what the two readers of PyTorch files share.
  for (const char* folder : {"engine/", "frontends/aten/", "frontends/torchscript/", "frontends/torch_export/"}) {
    if (starts_with(path, folder)) return true;
  }
  return room_of(path) == "passes" && !is_header(path);
}

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// The file of the tree that an #include means: from the repository root, else from the including file's folder.
std::optional<std::string> resolve(const SourceTree& tree, const std::string& from, const Include& include) {
  if (!include.quoted) return std::nullopt;
  if (tree.count(include.target)) return include.target;
  // The runtime is compiled on its own in the stub, so its includes start at its own folder.
  if (is_runtime(from) && tree.count("backends/runtime/" + include.target)) return "backends/runtime/" + include.target;
  const std::string beside = (fs::path(from).parent_path() / include.target).lexically_normal().generic_string();
  if (tree.count(beside)) return beside;
  return std::nullopt;
}

// The way from `path` to a LibTorch header, as "a.h, which includes <ATen/…>"; empty where there is none.
std::string way_to_libtorch(const SourceTree& tree, const std::string& path, std::set<std::string>& seen) {
  if (!seen.insert(path).second) return "";
  for (const Include& include : tree.at(path)) {
    if (is_libtorch(include)) return "<" + include.target + ">";
    const auto next = resolve(tree, path, include);
    if (!next) continue;
    const std::string way = way_to_libtorch(tree, *next, seen);
    if (!way.empty()) return *next + ", which includes " + way;
  }
  return "";
}

std::string place(const std::string& path, const Include& include) {
  return path + ":" + std::to_string(include.line) + ": ";
}

// Blanks raw string literals: the stub's templates hold #include lines that are not of the file they stand in.
std::string without_raw_strings(std::string text) {
  for (size_t start = 0; (start = text.find("R\"", start)) != std::string::npos;) {
    const size_t open = text.find('(', start);
    if (open == std::string::npos || open - start > 18) {  // a delimiter has at most 16 characters
      start += 2;
      continue;
    }
    const std::string close = ")" + text.substr(start + 2, open - start - 2) + "\"";
    const size_t end = std::min(text.find(close, open), text.size());
    std::replace_if(
        text.begin() + open, text.begin() + end, [](char c) { return c != '\n'; }, ' ');
    start = end;
  }
  return text;
}

}  // namespace

std::vector<Include> includes_of(const std::string& source) {
  static const std::regex kLine(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  std::vector<Include> includes;
  std::istringstream lines(without_raw_strings(source));
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::smatch match;
    if (line.find('#') != std::string::npos && std::regex_search(line, match, kLine)) {
      includes.push_back({number, match[2], match[1] == "\""});
    }
  }
  return includes;
}

SourceTree read_tree(const fs::path& root) {
  SourceTree tree;
  for (const auto& [room, allowed] : kMayInclude) {
    if (!fs::is_directory(root / room)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / room)) {
      const std::string extension = entry.path().extension().string();
      if (!entry.is_regular_file() || (extension != ".h" && extension != ".hpp" && extension != ".cc")) continue;
      tree[entry.path().lexically_relative(root).generic_string()] = includes_of(read(entry.path()));
    }
  }
  return tree;
}

std::vector<std::string> room_violations(const SourceTree& tree) {
  std::vector<std::string> found;
  for (const auto& [path, includes] : tree) {
    const std::string room = room_of(path);
    for (const Include& include : includes) {
      const auto target = resolve(tree, path, include);
      if (!target) {
        if (include.quoted) found.push_back(place(path, include) + "\"" + include.target + "\" is no file of the tree");
        continue;
      }
      if (is_runtime(path) && !is_runtime(*target)) {
        found.push_back(place(path, include) + "the runtime includes nothing from outside its folder, found " +
                        *target);
      } else if (room_of(*target) != room && !kMayInclude.at(room).count(room_of(*target))) {
        found.push_back(place(path, include) + room + "/ may not include " + *target);
      }
    }
  }
  return found;
}

std::vector<std::string> libtorch_violations(const SourceTree& tree) {
  std::vector<std::string> found;
  for (const auto& [path, includes] : tree) {
    if (may_see_libtorch(path)) continue;
    // A driver's .cc may hold an engine object, but the engine's public headers then must not show LibTorch either.
    std::set<std::string> seen;
    const std::string way = way_to_libtorch(tree, path, seen);
    if (!way.empty()) found.push_back(path + ": may not see LibTorch, but includes " + way);
  }
  return found;
}

std::vector<std::string> umbrella_violations(const SourceTree& tree) {
  static const std::set<std::string> kUmbrellas = {"torch/torch.h", "torch/all.h",      "torch/extension.h",
                                                   "ATen/ATen.h",   "ATen/Functions.h", "ATen/NativeFunctions.h"};
  std::vector<std::string> found;
  for (const auto& [path, includes] : tree) {
    for (const Include& include : includes) {
      if (kUmbrellas.count(include.target))
        found.push_back(place(path, include) + "<" + include.target + "> is too wide; name the ops used");
      if (is_header(path) && is_installed(path) && include.target == "nlohmann/json.hpp") {
        found.push_back(place(path, include) + "headers take <nlohmann/json_fwd.hpp>");
      }
    }
  }
  return found;
}

}  // namespace fastc::test
