#include <algorithm>

#include "passes/prune/importance/importance.h"

namespace fastc::prune {
namespace {

std::vector<Importance>& table() {
  static std::vector<Importance> importances;
  return importances;
}

}  // namespace

RegisterImportance::RegisterImportance(const Importance& importance) { table().push_back(importance); }

std::vector<const Importance*> all_importances() {
  std::vector<const Importance*> out;
  for (const Importance& importance : table()) out.push_back(&importance);
  std::sort(out.begin(), out.end(), [](const Importance* a, const Importance* b) { return a->name < b->name; });
  return out;
}

const Importance* find_importance(std::string_view name) {
  for (const Importance& importance : table()) {
    if (importance.name == name) return &importance;
  }
  return nullptr;
}

}  // namespace fastc::prune
