// The right half of a weight's line in ir/text.h: encoding and data. Used by the parser only.
#pragma once

#include <filesystem>
#include <optional>

#include "ir/sidecar.h"
#include "ir/text_scan.h"
#include "ir/type.h"

namespace fastc::text {

class WeightReader {
 public:
  WeightReader(Scanner& scan, std::filesystem::path sidecar) : scan_(scan), sidecar_path_(std::move(sidecar)) {}

  Result<Type> type();    // f32[N,3,32,32], u8[2] q(0.5, 128)
  Result<Quant> quant();  // after the word q: (0.5, 128)
  // After the type: encoding, `sparse(…)`, `buffer`, `=`, data.
  Result<Weight> weight(const Type& type);

 private:
  Status encoding(Encoding& e, const std::vector<int64_t>& shape);
  Status sparsity(Encoding& e);
  Result<Tensor> data(DType dtype, const std::vector<int64_t>& shape);
  Result<Tensor> generated(DType dtype, const std::vector<int64_t>& shape);
  Status literal(Tensor& out, size_t axis, int64_t& next);
  Status element(Tensor& out, int64_t index);
  Result<Tensor> hashed(DType dtype, const std::vector<int64_t>& shape);

  Scanner& scan_;
  std::filesystem::path sidecar_path_;
  std::optional<Sidecar> sidecar_;
  int64_t generated_bytes_ = 0;  // of all tensors whose data is not in the text
};

}  // namespace fastc::text
