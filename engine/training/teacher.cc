#include "engine/training/teacher.h"

#include <algorithm>

#include <ATen/Version.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>
#include <torch/headeronly/version.h>

#include "base/files.h"
#include "base/interrupt.h"
#include "base/sha256.h"
#include "engine/training/watch.h"
#include "ir/text.h"

namespace fastc::engine {
namespace {

constexpr int64_t kMostAtOnce = 64;  // samples: a batch that fills the caches, whatever the student's is

std::vector<std::vector<int64_t>> shapes_for(const std::vector<at::Tensor>& first, size_t rows) {
  std::vector<std::vector<int64_t>> shapes;
  for (const at::Tensor& t : first) {
    shapes.push_back(t.sizes().vec());
    shapes.back()[0] = static_cast<int64_t>(rows);
  }
  return shapes;
}

bool begins_with(const std::vector<at::Tensor>& all, const std::vector<at::Tensor>& first) {
  for (size_t i = 0; i < first.size(); ++i)
    if (!all[i].narrow(0, 0, first[i].size(0)).equal(first[i])) return false;
  return true;
}

}  // namespace

Teacher::Teacher(Plan plan, std::vector<NodeId> watched, TeacherSettings settings)
    : plan_(std::move(plan)), watched_(std::move(watched)), settings_(std::move(settings)), store_(settings_.cache_folder, settings_.folder_bytes),
      batch_(static_cast<size_t>(std::clamp<int64_t>(settings_.batch_size, 1, kMostAtOnce))) {}

Result<Teacher> Teacher::prepare(const Module& module, std::vector<NodeId> watched, TeacherSettings settings) {
  FASTC_TRY(Plan plan, Plan::prepare(module, Mode::kInfer));
  return Teacher(std::move(plan), std::move(watched), std::move(settings));
}

Result<std::vector<at::Tensor>> Teacher::answers(const FixedSamples* samples, std::span<const int64_t> indices, std::span<const at::Tensor> inputs) {
  const c10::AutoGradMode no_gradients(false);
  use_.used += static_cast<int64_t>(indices.size());
  if (samples == nullptr || !use_.not_kept.empty()) return compute(inputs);
  if (!kept_.contains(samples)) {
    FASTC_TRY(std::vector<at::Tensor> all, all_answers(*samples));
    if (all.empty()) return compute(inputs);
    kept_.emplace(samples, std::move(all));
  }
  const at::Tensor places = samples->places(indices);
  std::vector<at::Tensor> found;
  for (const at::Tensor& t : kept_.at(samples)) found.push_back(at::index_select(t, 0, places));
  return found;
}

Result<std::vector<at::Tensor>> Teacher::compute(std::span<const at::Tensor> inputs) {
  use_.computed += inputs.empty() || inputs[0].dim() == 0 ? 0 : inputs[0].size(0);
  if (watched_.empty()) return plan_.run(inputs);
  std::vector<at::Tensor> hidden;
  const Plan::Visitor visit = keep_results(watched_, hidden);
  FASTC_TRY(std::vector<at::Tensor> outputs, plan_.run(inputs, &visit));
  outputs.insert(outputs.end(), hidden.begin(), hidden.end());
  return outputs;
}

Result<std::vector<at::Tensor>> Teacher::compute_batch(const FixedSamples& samples, size_t begin) {
  const std::span<const int64_t> members(samples.members());
  FASTC_TRY(const Seen some, samples.batch(members.subspan(begin, std::min(batch_, members.size() - begin))));
  return compute(some.inputs);
}

// The first batch is computed in any case: its shapes say what all of it takes, and its bits whether a file was written by the same arithmetic.
Result<std::vector<at::Tensor>> Teacher::all_answers(const FixedSamples& samples) {
  const size_t rows = samples.members().size();
  FASTC_TRY(std::vector<at::Tensor> some, compute_batch(samples, 0));
  use_.not_kept = why_not_kept(some, static_cast<int64_t>(std::min(batch_, rows)));
  if (!use_.not_kept.empty()) return std::vector<at::Tensor>{};
  const auto shapes = shapes_for(some, rows);
  std::string key;
  if (store_.keeps()) {
    FASTC_TRY(key, key_for(samples));
    if (auto stored = store_.read(key, shapes); stored && begins_with(*stored, some)) {
      use_.read += static_cast<int64_t>(rows - std::min(batch_, rows));
      return std::move(*stored);
    }
  }
  std::vector<at::Tensor> all;
  for (const auto& shape : shapes) all.push_back(at::empty(shape, at::TensorOptions(at::kFloat)));
  ProgressStage progress(*settings_.progress, "the teacher's answers", static_cast<int64_t>(rows));
  for (size_t begin = 0;;) {
    for (size_t i = 0; i < all.size(); ++i) all[i].narrow(0, static_cast<int64_t>(begin), some[i].size(0)).copy_(some[i]);
    progress.step(some[0].size(0));
    begin += static_cast<size_t>(some[0].size(0));
    if (begin >= rows) break;
    if (interrupted()) return interrupted_error("the teacher's answers");
    FASTC_TRY(some, compute_batch(samples, begin));
  }
  FASTC_CHECK(store_.write(key, all));
  return all;
}

std::string Teacher::why_not_kept(const std::vector<at::Tensor>& first, int64_t samples) const {
  int64_t bytes = 0;
  for (const at::Tensor& t : first) {
    if (t.dim() == 0 || t.size(0) != samples) return "not every answer is a sample's own";
    if (t.scalar_type() != at::kFloat) return "not every answer is f32";
    bytes += static_cast<int64_t>(t.nbytes()) / samples * settings_.rows;
  }
  if (bytes <= settings_.max_bytes) return "";
  return fmt::format("they take {} bytes, and \"teacher_cache\" lets a teacher keep {}", bytes, settings_.max_bytes);
}

// All that decides the bits: what the teacher computes, how, and on what. LibTorch chooses its kernels by the CPU.
Result<std::string> Teacher::key_for(const FixedSamples& samples) {
  if (identity_.empty()) {
    Sha256 hash;
    const auto add = [&](const std::string& text) { hash.update(as_bytes_of(text + "\n")); };
    add(fmt::format("answers 1, LibTorch {}, {}, {} threads, batches of {}", TORCH_VERSION, at::get_cpu_capability(), settings_.threads, batch_));
    add(print(plan_.module()));
    for (const NodeId id : watched_) add(plan_.module().node(id).name);
    identity_ = hash.hex();
  }
  FASTC_TRY(const std::string content, samples.content());
  return sha256_hex(as_bytes_of(identity_ + content));
}

}  // namespace fastc::engine
