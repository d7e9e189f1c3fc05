// Which tensors of an exported graph share memory. An export that was not decomposed keeps the ops that work in place: what they change is
// then also read under the names that stood for it before, and under those of its views.
#pragma once

#include <map>
#include <string>

namespace fastc::torch_export {

class Memory {
 public:
  void same(const std::string& name, const std::string& other) { same_[name] = tensor_of(other); }  // what an op in place gives back
  void view(const std::string& name, const std::string& other) { base_[name] = tensor_of(other); }

  // The name under which the newest value of the tensor is kept.
  std::string tensor_of(const std::string& name) const;
  // The tensor was changed in place: what shares its memory has no value any more that could be computed.
  void changed(const std::string& name, const std::string& where);
  // Where memory was changed that the tensor has a share of; nullptr when it was not.
  const std::string* stale(const std::string& name) const;

 private:
  std::string root(const std::string& name) const;

  std::map<std::string, std::string> same_, base_;  // to older names
  std::map<std::string, std::string> stale_;
};

}  // namespace fastc::torch_export
