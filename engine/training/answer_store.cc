#include "engine/training/answer_store.h"

#include <algorithm>
#include <cstring>

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include "base/files.h"
#include "base/npy.h"

namespace fastc::engine {
namespace {

constexpr int64_t kHeads = 512;  // of an array and of the file, at most

std::string array_name(size_t output) { return fmt::format("answers_{}", output); }

struct Stored {
  std::filesystem::file_time_type used;
  std::filesystem::path path;
  int64_t bytes = 0;
};

// The one that was longest not used first.
std::vector<Stored> stored_in(const std::filesystem::path& folder) {
  std::vector<Stored> found;
  std::error_code problem;
  for (std::filesystem::directory_iterator i(folder, problem), end; !problem && i != end; i.increment(problem)) {
    std::error_code one;
    if (i->path().extension() != ".npz" || !i->is_regular_file(one)) continue;
    found.push_back({i->last_write_time(one), i->path(), static_cast<int64_t>(i->file_size(one))});
    if (one) found.pop_back();  // taken away by another run meanwhile
  }
  std::sort(found.begin(), found.end(), [](const Stored& a, const Stored& b) { return a.used < b.used; });
  return found;
}

}  // namespace

std::optional<std::vector<at::Tensor>> AnswerStore::read(const std::string& key, const std::vector<std::vector<int64_t>>& shapes) const {
  if (!keeps()) return {};
  const auto path = folder_ / (key + ".npz");
  const auto file = NpzReader::open(path);
  if (!file || file->names().size() != shapes.size()) return {};
  std::vector<at::Tensor> answers;
  for (size_t i = 0; i < shapes.size(); ++i) {
    const auto array = file->read(array_name(i));  // its length and checksum hold
    if (!array || array->descr != "<f4" || array->shape != shapes[i]) return {};
    answers.push_back(at::empty(shapes[i], at::TensorOptions(at::kFloat)));
    if (!array->data.bytes.empty()) std::memcpy(answers.back().mutable_data_ptr(), array->data.bytes.data(), array->data.bytes.size());
  }
  std::error_code ignored;
  std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now(), ignored);
  return answers;
}

Status AnswerStore::write(const std::string& key, const std::vector<at::Tensor>& answers) const {
  int64_t bytes = kHeads;
  for (const at::Tensor& t : answers) bytes += static_cast<int64_t>(t.nbytes()) + kHeads;
  if (!keeps() || bytes > max_bytes_) return {};
  std::vector<std::pair<std::string, NpyArray>> arrays;
  for (size_t i = 0; i < answers.size(); ++i)  // views: the answers outlive the writing
    arrays.emplace_back(array_name(i), NpyArray{"<f4", answers[i].sizes().vec(), {{static_cast<const std::byte*>(answers[i].const_data_ptr()), answers[i].nbytes()}, nullptr}});
  FASTC_CHECK(make_folders(folder_));
  FASTC_CHECK(make_room(bytes));
  return write_npz(folder_ / (key + ".npz"), arrays);
}

Status AnswerStore::make_room(int64_t bytes) const {
  const std::vector<Stored> files = stored_in(folder_);
  int64_t all = bytes;
  for (const Stored& file : files) all += file.bytes;
  for (const Stored& file : files) {
    if (all <= max_bytes_) break;
    std::error_code problem;
    std::filesystem::remove(file.path, problem);
    if (problem) return input_error("{}: cannot be removed to make room for a teacher's answers: {}", file.path.string(), problem.message());
    all -= file.bytes;
  }
  return {};
}

}  // namespace fastc::engine
