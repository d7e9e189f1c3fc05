// The files of a .pt2: its graph as JSON, and its tensors by name.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/zip.h"
#include "ir/tensor.h"

namespace fastc::torch_export {

class Archive {
 public:
  // `what` opens messages.
  static Result<Archive> open(const ZipReader& zip, std::string what);

  Result<nlohmann::json> graph() const;  // model.json, its schema's major checked
  struct Stored {
    Tensor data;
    bool trainable = false;
  };
  // By its name in the state dict, or in the constants.
  Result<Stored> tensor(const std::string& name) const;

 private:
  struct Entry {
    std::string file;
    DType dtype;
    std::vector<int64_t> sizes, strides;
    int64_t offset = 0;
    bool trainable = false, pickled = false;
  };
  Archive(const ZipReader& zip, std::string what) : zip_(zip), what_(std::move(what)) {}
  Status read_config(const std::string& folder, const std::string& file);
  Result<Entry> parse_entry(const nlohmann::json& json, const std::string& folder) const;

  const ZipReader& zip_;
  std::string what_, prefix_, model_;
  std::map<std::string, Entry> entries_;
  mutable std::map<std::string, SharedBytes> files_;  // several names may share one
};

// ScalarType and its like, as torch/_export/serde/schema.py numbers them.
Result<DType> parse_scalar_type(const nlohmann::json& number);

}  // namespace fastc::torch_export
