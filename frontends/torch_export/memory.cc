#include "frontends/torch_export/memory.h"

namespace fastc::torch_export {

std::string Memory::tensor_of(const std::string& name) const {
  const auto it = same_.find(name);
  return it == same_.end() ? name : it->second;
}

std::string Memory::root(const std::string& name) const {
  std::string at = tensor_of(name);
  for (auto it = base_.find(at); it != base_.end(); it = base_.find(at)) at = it->second;
  return at;
}

void Memory::changed(const std::string& name, const std::string& where) {
  const std::string tensor = tensor_of(name), group = root(name);
  if (tensor != group) stale_[group] = where;
  for (const auto& [view, base] : base_)
    if (view != tensor && root(view) == group) stale_[view] = where;
}

const std::string* Memory::stale(const std::string& name) const {
  const auto it = stale_.find(tensor_of(name));
  return it == stale_.end() ? nullptr : &it->second;
}

}  // namespace fastc::torch_export
