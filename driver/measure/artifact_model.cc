#include "driver/measure/artifact_model.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "backends/runtime/fastc_rt.h"

namespace fastc {
namespace {

constexpr size_t kErrorBytes = 512;

tl::unexpected<Error> runtime_error(std::string_view what, fastc_rt_status status, const char* detail) {
  const ErrorClass cls = status == FASTC_RT_BAD_FILE || status == FASTC_RT_IO || status == FASTC_RT_BAD_ARGUMENT ? ErrorClass::kInput : ErrorClass::kStage;
  return fail(cls, "{}: {}{}{}", what, fastc_rt_message(status), *detail ? ": " : "", detail);
}

// The runtime reads inputs and never writes them; its struct has one pointer for both directions.
fastc_rt_tensor describe(const Tensor& tensor) {
  fastc_rt_tensor out{};
  out.data = const_cast<void*>(tensor.raw());
  out.rank = static_cast<int32_t>(tensor.rank());
  std::copy(tensor.shape().begin(), tensor.shape().end(), out.shape);
  out.dtype = static_cast<int32_t>(tensor.dtype());
  return out;
}

std::vector<Tensor> dense(std::span<const Tensor> tensors) {
  std::vector<Tensor> out;
  for (const Tensor& t : tensors) out.push_back(t.to_contiguous());
  return out;
}

std::vector<fastc_rt_tensor> describe_all(const std::vector<Tensor>& tensors) {
  std::vector<fastc_rt_tensor> out;
  for (const Tensor& t : tensors) out.push_back(describe(t));
  return out;
}

}  // namespace

Result<ArtifactModel> ArtifactModel::open(const std::filesystem::path& path, int threads) {
  ArtifactModel m;
  m.threads_ = threads;
  char error[kErrorBytes] = "";
  if (const auto status = fastc_rt_open(path.c_str(), &m.model_, error, sizeof error)) return runtime_error(path.string(), status, error);
  fastc_rt_value_info info{};
  for (int i = 0; i < fastc_rt_input_count(m.model_); ++i) {
    if (const auto status = fastc_rt_input(m.model_, i, &info)) return runtime_error(path.string(), status, "");
    m.inputs_.push_back({info.name, static_cast<DType>(info.dtype), {info.shape, info.shape + info.rank}, {info.min, info.min + info.rank}, {info.max, info.max + info.rank}});
  }
  for (int i = 0; i < fastc_rt_output_count(m.model_); ++i) {
    if (const auto status = fastc_rt_output(m.model_, i, &info)) return runtime_error(path.string(), status, "");
    m.output_names_.push_back(info.name);
  }
  return m;
}

ArtifactModel::ArtifactModel(ArtifactModel&& other) noexcept { *this = std::move(other); }

ArtifactModel& ArtifactModel::operator=(ArtifactModel&& other) noexcept {
  std::swap(model_, other.model_);
  std::swap(session_, other.session_);
  std::swap(session_shapes_, other.session_shapes_);
  std::swap(threads_, other.threads_);
  std::swap(inputs_, other.inputs_);
  std::swap(output_names_, other.output_names_);
  return *this;
}

ArtifactModel::~ArtifactModel() {
  if (session_) fastc_rt_session_close(session_);
  if (model_) fastc_rt_close(model_);
}

Status ArtifactModel::ensure_session(std::span<const Tensor> inputs) {
  bool fits = session_ && session_shapes_.size() == inputs.size();
  for (size_t i = 0; fits && i < inputs.size(); ++i) {
    const auto &have = session_shapes_[i], &want = inputs[i].shape();
    fits = have.size() == want.size() && std::equal(want.begin(), want.end(), have.begin(), [](int64_t w, int64_t h) { return w <= h; });
  }
  if (fits) return {};
  if (session_) fastc_rt_session_close(std::exchange(session_, nullptr));
  session_shapes_.clear();
  std::vector<fastc_rt_tensor> shapes;
  for (const Tensor& t : inputs) shapes.push_back(describe(t)), session_shapes_.push_back(t.shape());
  char error[kErrorBytes] = "";
  if (const auto status = fastc_rt_session_open(model_, shapes.data(), static_cast<int32_t>(shapes.size()), threads_, &session_, error, sizeof error))
    return runtime_error("opening a session", status, error);
  return {};
}

Result<std::vector<Tensor>> ArtifactModel::run(std::span<const Tensor> given) {
  const std::vector<Tensor> inputs = dense(given);
  FASTC_CHECK(ensure_session(inputs));
  const std::vector<fastc_rt_tensor> in = describe_all(inputs);
  std::vector<Tensor> outputs;
  std::vector<fastc_rt_tensor> out(output_names_.size());
  for (size_t i = 0; i < out.size(); ++i) {
    if (const auto status = fastc_rt_output_shape(session_, in.data(), static_cast<int32_t>(in.size()), static_cast<int32_t>(i), &out[i]))
      return runtime_error("shape of output " + output_names_[i], status, "");
    outputs.push_back(Tensor::zeros(static_cast<DType>(out[i].dtype), {out[i].shape, out[i].shape + out[i].rank}));
    out[i].data = outputs.back().mutable_raw();
  }
  char error[kErrorBytes] = "";
  if (const auto status = fastc_rt_run(session_, in.data(), static_cast<int32_t>(in.size()), out.data(), static_cast<int32_t>(out.size()), error, sizeof error))
    return runtime_error("running the artifact", status, error);
  return outputs;
}

std::vector<RuntimeOp> ArtifactModel::ops() const {
  std::vector<RuntimeOp> ops;
  for (int i = 0; session_ && i < fastc_rt_op_count(model_); ++i) {
    fastc_rt_op_info info{};
    if (fastc_rt_op(session_, i, &info)) break;
    RuntimeOp op{info.name, info.kernel, info.isa, {}, {}};
    for (int k = 0; k < info.input_count; ++k)
      if (const char* name = fastc_rt_op_operand(model_, i, k)) op.operands.emplace_back(name);
    for (int k = 0; k < info.output_count; ++k)
      if (const char* name = fastc_rt_op_output(model_, i, k)) op.outputs.emplace_back(name);
    ops.push_back(std::move(op));
  }
  return ops;
}

Status ArtifactModel::run_op(int index, std::span<const Tensor> given, Tensor& output) {
  const std::vector<Tensor> operands = dense(given);
  const std::vector<fastc_rt_tensor> in = describe_all(operands);
  fastc_rt_tensor out = describe(output);
  out.data = output.mutable_raw();
  char error[kErrorBytes] = "";
  if (const auto status = fastc_rt_run_op(session_, index, in.data(), static_cast<int32_t>(in.size()), &out, error, sizeof error))
    return runtime_error(fmt::format("op {}", index), status, error);
  return {};
}

std::vector<StoredConstant> ArtifactModel::constants() const {
  std::vector<StoredConstant> out;
  for (int i = 0; i < fastc_rt_constant_count(model_); ++i) {
    fastc_rt_constant_info info{};
    if (fastc_rt_constant(model_, i, &info)) break;
    out.push_back({info.name, info.packing, static_cast<DType>(info.dtype), {info.shape, info.shape + info.rank}, info.bytes});
  }
  return out;
}

std::string ArtifactModel::metadata(const std::string& key) const {
  const char* value = fastc_rt_metadata(model_, key.c_str());
  return value ? value : "";
}

}  // namespace fastc
