#include "engine/training/fixed_samples.h"

#include <algorithm>

#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <fmt/format.h>

#include "base/files.h"
#include "base/random.h"
#include "base/sha256.h"
#include "engine/autograd.h"

namespace fastc::engine {
namespace {
constexpr size_t kRead = 256;  // samples at a time, for hashing

// Pictures as the convolutions read them fastest.
at::Tensor laid_out(const at::Tensor& input) { return input.dim() == 4 ? input.contiguous(at::MemoryFormat::ChannelsLast) : input; }
}  // namespace

Seen seen(const Batch& batch) {
  Seen out;
  for (const Tensor& t : batch.inputs) out.inputs.push_back(laid_out(wrap(t)));
  if (batch.labels.defined()) out.labels = wrap(batch.labels);
  return out;
}

FixedSamples::FixedSamples(const Dataset& data, std::vector<int64_t> members, std::optional<uint64_t> draw) : data_(data), members_(std::move(members)), draw_(draw) {}

// One by one where they are changed: a data set draws for all samples of a batch in turn, and neighbours differ from epoch to epoch.
Result<Seen> FixedSamples::batch(std::span<const int64_t> indices) const {
  if (!draw_) {
    FASTC_TRY(const Batch batch, data_.batch(indices));
    return seen(batch);
  }
  std::vector<std::vector<at::Tensor>> inputs;
  std::vector<at::Tensor> labels;
  for (const int64_t index : indices) {
    Random random(seed_for(*draw_, static_cast<uint64_t>(index)));
    FASTC_TRY(const Batch one, data_.batch({&index, 1}, &random));
    inputs.resize(one.inputs.size());
    for (size_t i = 0; i < inputs.size(); ++i) inputs[i].push_back(wrap(one.inputs[i]));
    if (one.labels.defined()) labels.push_back(wrap(one.labels));
  }
  Seen out;
  for (const auto& parts : inputs) out.inputs.push_back(laid_out(at::cat(parts)));
  if (!labels.empty()) out.labels = at::cat(labels);
  return out;
}

at::Tensor FixedSamples::places(std::span<const int64_t> indices) const {
  std::vector<int64_t> found;
  for (const int64_t index : indices) found.push_back(std::lower_bound(members_.begin(), members_.end(), index) - members_.begin());
  return at::tensor(found);
}

Result<std::string> FixedSamples::content() const {
  Sha256 hash;
  for (size_t begin = 0; begin < members_.size(); begin += kRead) {
    FASTC_TRY(const Seen some, batch(std::span(members_).subspan(begin, std::min(kRead, members_.size() - begin))));
    for (const at::Tensor& input : some.inputs) {
      const at::Tensor dense = input.contiguous();
      hash.update(as_bytes_of(fmt::format("{} {}\n", c10::toString(dense.scalar_type()), fmt::join(dense.sizes(), ","))));
      hash.update({static_cast<const std::byte*>(dense.const_data_ptr()), dense.nbytes()});
    }
  }
  return hash.hex();
}

}  // namespace fastc::engine
