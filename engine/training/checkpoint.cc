#include "engine/training/checkpoint.h"

#include <cstring>

#include <ATen/ops/empty.h>

#include "base/files.h"
#include "base/npy.h"

namespace fastc::engine {
namespace {

template <typename T>
std::span<const std::byte> bytes_of(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

}  // namespace

Checkpoint::Checkpoint(const std::string& folder, std::string key, std::map<std::string, at::Tensor> tensors, Optimizer& optimizer)
    : key_(std::move(key)), tensors_(std::move(tensors)), optimizer_(optimizer) {
  if (!folder.empty()) path_ = std::filesystem::path(folder) / "training.npz";
  for (const auto& [slot, state] : optimizer_.state())
    for (size_t i = 0; i < state->size(); ++i) tensors_.emplace("optimizer/" + slot + "/" + std::to_string(i), (*state)[i]);
}

Status Checkpoint::save(const Standing& standing) const {
  if (path_.empty()) return {};
  FASTC_CHECK(make_folders(path_.parent_path()));  // a pass that trains several times gives each run a folder of its own
  std::vector<std::pair<std::string, NpyArray>> arrays;
  const std::vector<int64_t> progress{standing.epochs, standing.steps, optimizer_.steps};
  arrays.emplace_back("key", make_npy("|u1", {static_cast<int64_t>(key_.size())}, as_bytes_of(key_)));
  arrays.emplace_back("progress", make_npy("<i8", {3}, bytes_of(progress)));
  std::vector<double> curve;
  for (const EpochRow& row : standing.curve) curve.insert(curve.end(), {row.loss, row.accuracy.value_or(-1)});
  arrays.emplace_back("curve", make_npy("<f8", {static_cast<int64_t>(standing.curve.size()), 2}, bytes_of(curve)));
  for (const auto& [name, tensor] : tensors_) {
    const at::Tensor dense = tensor.detach().contiguous();
    const std::span<const std::byte> bytes(static_cast<const std::byte*>(dense.const_data_ptr()), dense.nbytes());
    arrays.emplace_back(name, make_npy("<f4", {dense.sizes().begin(), dense.sizes().end()}, bytes));
  }
  return write_npz(path_, arrays);
}

Result<Standing> Checkpoint::restore() const {
  std::error_code ignored;
  if (path_.empty() || !std::filesystem::exists(path_, ignored)) return Standing{};
  FASTC_TRY(const NpzReader file, NpzReader::open(path_));
  FASTC_TRY(const NpyArray key, file.read("key"));
  if (key.data.bytes.size() != key_.size() || std::memcmp(key.data.bytes.data(), key_.data(), key_.size()) != 0) return Standing{};
  FASTC_TRY(const NpyArray progress, file.read("progress"));
  FASTC_TRY(const NpyArray curve, file.read("curve"));
  int64_t numbers[3] = {};
  if (progress.data.bytes.size() != sizeof numbers || curve.data.bytes.size() % (2 * sizeof(double)) != 0)
    return input_error("{}: not a checkpoint of this version", path_.string());
  std::memcpy(numbers, progress.data.bytes.data(), sizeof numbers);
  Standing standing{numbers[0], numbers[1], {}};
  for (size_t i = 0; i < curve.data.bytes.size() / (2 * sizeof(double)); ++i) {
    double row[2];
    std::memcpy(row, curve.data.bytes.data() + i * sizeof row, sizeof row);
    standing.curve.push_back({static_cast<int64_t>(i) + 1, row[0], row[1] < 0 ? std::nullopt : std::optional(row[1])});
  }
  // Everything is read and checked before anything is changed.
  std::vector<std::pair<at::Tensor, at::Tensor>> copies;
  for (const auto& [name, tensor] : tensors_) {
    FASTC_TRY(const NpyArray array, file.read(name));
    at::Tensor loaded = at::empty(tensor.sizes(), at::TensorOptions(at::kFloat));
    if (array.data.bytes.size() != loaded.nbytes()) return input_error("{}: {} has another size than in the network", path_.string(), name);
    if (loaded.nbytes() > 0) std::memcpy(loaded.mutable_data_ptr(), array.data.bytes.data(), loaded.nbytes());
    copies.emplace_back(tensor.detach(), loaded);
  }
  for (auto& [tensor, loaded] : copies) tensor.copy_(loaded);
  optimizer_.steps = numbers[2];
  return standing;
}

}  // namespace fastc::engine
