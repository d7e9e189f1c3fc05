#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "passes/pass.h"

namespace fastc {
namespace {

using Registry = std::map<std::string, std::unique_ptr<Pass>, std::less<>>;

Registry& table() {
  static Registry passes;
  return passes;
}

// The built-in passes, then whatever plugins added.
Registry& registry() {
  run_pass_registrations();
  return table();
}

}  // namespace

// The first of a name wins: a plugin cannot change what a built-in pass means under a recipe's feet.
void register_pass(std::unique_ptr<Pass> pass) {
  std::string name = pass->traits().name;
  table().emplace(std::move(name), std::move(pass));
}

const Pass* find_pass(std::string_view name) {
  const auto found = registry().find(name);
  return found == registry().end() ? nullptr : found->second.get();
}

std::vector<const Pass*> all_passes() {
  std::vector<const Pass*> passes;
  for (const auto& [name, pass] : registry()) passes.push_back(pass.get());
  return passes;
}

std::string resolved_text(const OptionTable& table, const void* options) { return table.write(options).dump(); }

}  // namespace fastc
