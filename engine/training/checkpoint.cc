#include "engine/training/checkpoint.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include <ATen/ops/empty.h>

#include "base/files.h"
#include "base/npy.h"

namespace fastc::engine {
namespace {

template <typename T>
std::span<const std::byte> bytes_of(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();  // of a number that a row does not have
constexpr size_t kColumns = 4;

std::vector<double> flat(const std::vector<std::vector<EpochRow>>& curves) {
  std::vector<double> numbers;
  for (const auto& curve : curves)
    for (const EpochRow& row : curve) numbers.insert(numbers.end(), {row.loss, row.accuracy.value_or(kNone), row.held_out_loss.value_or(kNone), row.held_out_accuracy.value_or(kNone)});
  return numbers;
}

// `numbers` is curves × epochs × kColumns long.
std::vector<std::vector<EpochRow>> curves_of(std::span<const double> numbers, size_t curves, size_t epochs) {
  const auto maybe = [](double value) { return std::isnan(value) ? std::nullopt : std::optional(value); };
  std::vector<std::vector<EpochRow>> all(curves);
  for (size_t i = 0; i < curves * epochs; ++i) {
    const double* row = &numbers[i * kColumns];
    all[i / epochs].push_back({static_cast<int64_t>(i % epochs) + 1, row[0], maybe(row[1]), maybe(row[2]), maybe(row[3])});
  }
  return all;
}

}  // namespace

Checkpoint::Checkpoint(const std::string& folder, std::string key, std::map<std::string, at::Tensor> tensors)
    : key_(std::move(key)), tensors_(std::move(tensors)) {
  if (!folder.empty()) path_ = std::filesystem::path(folder) / "training.npz";
}

Status Checkpoint::save(const Standing& standing) const {
  if (path_.empty()) return {};
  FASTC_CHECK(make_folders(path_.parent_path()));  // a pass that trains several times gives each run a folder of its own
  std::vector<std::pair<std::string, NpyArray>> arrays;
  const auto curves = static_cast<int64_t>(standing.curves.size());
  const std::vector<int64_t> progress{standing.epochs, standing.steps, standing.updates, curves};
  arrays.emplace_back("key", make_npy("|u1", {static_cast<int64_t>(key_.size())}, as_bytes_of(key_)));
  arrays.emplace_back("progress", make_npy("<i8", {static_cast<int64_t>(progress.size())}, bytes_of(progress)));
  const std::vector<double> numbers = flat(standing.curves);
  arrays.emplace_back("curves", make_npy("<f8", {static_cast<int64_t>(numbers.size())}, bytes_of(numbers)));
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
  FASTC_TRY(const NpyArray curves, file.read("curves"));
  int64_t numbers[4] = {};
  const auto wrong = [&] { return input_error("{}: not a checkpoint of this version", path_.string()); };
  if (progress.data.bytes.size() != sizeof numbers) return wrong();
  std::memcpy(numbers, progress.data.bytes.data(), sizeof numbers);
  const int64_t epochs = numbers[0], count = numbers[3];
  std::vector<double> rows(curves.data.bytes.size() / sizeof(double));
  if (epochs < 1 || count < 1 || count > 2 || rows.size() != static_cast<size_t>(epochs * count) * kColumns) return wrong();
  std::memcpy(rows.data(), curves.data.bytes.data(), rows.size() * sizeof(double));
  Standing standing{epochs, numbers[1], numbers[2], curves_of(rows, static_cast<size_t>(count), static_cast<size_t>(epochs))};
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
  return standing;
}

}  // namespace fastc::engine
