// An artifact opened in the runtime its users get (the C ABI of backends/runtime/fastc_rt.h), fed with ir Tensors.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "ir/module.h"
#include "ir/tensor.h"

struct fastc_rt_model;
struct fastc_rt_session;

namespace fastc {

struct ModelInput {
  std::string name;
  DType dtype;
  std::vector<int64_t> shape, min, max;  // shape -1 where symbolic
};

struct RuntimeOp {
  std::string name, kernel, isa;
  std::vector<std::string> operands;  // names of the non-constant operands
  std::vector<std::string> outputs;
};

struct StoredConstant {
  std::string name, packing;
  DType dtype;
  std::vector<int64_t> shape;  // logical
  uint64_t bytes = 0;          // as stored, padding included
};

class ArtifactModel {
 public:
  static Result<ArtifactModel> open(const std::filesystem::path& path, int threads);
  ArtifactModel(ArtifactModel&&) noexcept;
  ArtifactModel& operator=(ArtifactModel&&) noexcept;
  ~ArtifactModel();

  const std::vector<ModelInput>& inputs() const { return inputs_; }
  const std::vector<std::string>& output_names() const { return output_names_; }
  // Outputs for these inputs, any batch; a session is reopened when the batch grows past what it was opened for.
  Result<std::vector<Tensor>> run(std::span<const Tensor> inputs);

  // --- node by node (a session must be open: call run() first)
  std::vector<RuntimeOp> ops() const;
  // One op alone, operands in the logical order; `output` has the dtype and shape wanted.
  Status run_op(int index, std::span<const Tensor> operands, Tensor& output);
  std::vector<StoredConstant> constants() const;
  std::string metadata(const std::string& key) const;

 private:
  ArtifactModel() = default;
  Status ensure_session(std::span<const Tensor> inputs);
  fastc_rt_model* model_ = nullptr;
  fastc_rt_session* session_ = nullptr;
  std::vector<std::vector<int64_t>> session_shapes_;
  int threads_ = 1;
  std::vector<ModelInput> inputs_;
  std::vector<std::string> output_names_;
};

}  // namespace fastc
