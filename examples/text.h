// What the text examples share: layers as TorchScript modules with seeded weights, the vocabulary, the loop over epochs.
#pragma once

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include <torch/script.h>

#include "base/files.h"
#include "base/random.h"
#include "examples/training.h"
#include "tasks/task.h"

namespace examples {

inline at::Tensor uniform(std::vector<int64_t> shape, double bound) { return (at::rand(shape) * 2 - 1).mul_(bound).set_requires_grad(true); }

inline torch::jit::Module embedding(int64_t words, int64_t width) {
  torch::jit::Module m("Embedding");
  at::Tensor table = at::randn({words, width}) * 0.1;
  table[0].zero_();  // padding
  m.register_parameter("weight", table.set_requires_grad(true), false);
  m.define("def forward(self, x):\n  return torch.embedding(self.weight, x)\n");
  return m;
}

inline torch::jit::Module linear(int64_t in, int64_t out) {
  torch::jit::Module m("Linear");
  m.register_parameter("weight", uniform({out, in}, 1 / std::sqrt(static_cast<double>(in))), false);
  m.register_parameter("bias", at::zeros({out}).set_requires_grad(true), false);
  m.define("def forward(self, x):\n  return torch.linear(x, self.weight, self.bias)\n");
  return m;
}

// Along the words of a text.
inline torch::jit::Module conv(int64_t in, int64_t out, int64_t width, int64_t padding) {
  torch::jit::Module m("Conv1d");
  m.register_parameter("weight", uniform({out, in, width}, 1 / std::sqrt(static_cast<double>(in * width))), false);
  m.register_parameter("bias", at::zeros({out}).set_requires_grad(true), false);
  m.define("def forward(self, x):\n  return torch.conv1d(x, self.weight, self.bias, [1], [" + std::to_string(padding) + "], [1], 1)\n");
  return m;
}

// The words that stand twice or more, the most frequent ones first, one on each line after [PAD] and [UNK]. Returns how often each stands; 0 for those two.
inline fastc::Result<std::vector<int64_t>> write_vocabulary(const std::map<std::string, int64_t>& counts, const std::filesystem::path& out) {
  std::vector<std::pair<int64_t, std::string>> order;
  for (const auto& [word, count] : counts)
    if (count > 1) order.emplace_back(-count, word);
  std::sort(order.begin(), order.end());
  std::string vocabulary = "[PAD]\n[UNK]\n";
  std::vector<int64_t> kept{0, 0};
  for (const auto& [count, word] : order) vocabulary += word + "\n", kept.push_back(-count);
  FASTC_CHECK(fastc::write_atomic(out, vocabulary));
  return kept;
}

inline std::vector<int64_t> samples_from(int64_t first, int64_t count) {
  std::vector<int64_t> indices(static_cast<size_t>(count));
  std::iota(indices.begin(), indices.end(), first);
  return indices;
}

// Adam, the rate falling along a cosine; `loss` of a batch, and after each epoch what `judge` says of the network. A batch that is not full is left out.
inline fastc::Status train(torch::jit::Module& net, const fastc::Dataset& data, int epochs, int64_t batch_size, double rate,
                           const std::function<at::Tensor(const fastc::Batch&)>& loss, const std::function<fastc::Result<std::string>()>& judge) {
  Adam adam(net);
  std::vector<int64_t> order = samples_from(0, data.size());
  fastc::Random random(1);
  const int64_t steps = data.size() / batch_size * epochs;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    set_training(net, true);
    random.shuffle(std::span<int64_t>(order));
    double sum = 0;
    for (int64_t first = 0; first + batch_size <= data.size(); first += batch_size) {
      FASTC_TRY(const fastc::Batch batch, data.batch(std::span<const int64_t>(order).subspan(static_cast<size_t>(first), static_cast<size_t>(batch_size))));
      const at::Tensor value = loss(batch);
      value.backward();
      adam.update(rate * 0.5 * (1 + std::cos(M_PI * static_cast<double>(adam.step) / static_cast<double>(steps))));
      sum += value.item<double>();
    }
    set_training(net, false);
    FASTC_TRY(const std::string judged, judge());
    std::printf("epoch %d of %d: loss %.4f, %s\n", epoch + 1, epochs, sum / static_cast<double>(data.size() / batch_size), judged.c_str());
    std::fflush(stdout);
  }
  return {};
}

}  // namespace examples
