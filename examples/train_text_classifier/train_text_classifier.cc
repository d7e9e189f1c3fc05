// Trains a small text classifier in C++ and writes what a recipe needs: FOLDER/NAME.pt (TorchScript) and FOLDER/vocabulary.txt.
//
//   train_text_classifier FOLDER --data D/data/sst2 [--model textcnn|lstm] [--epochs N]
//
// The data is a folder with train.tsv and dev.tsv, a text and its class (0 or 1) in each line, words apart by spaces (here: the
// Stanford Sentiment Treebank, two classes). Texts go through fastc's own reader and tokenizer. Seeded, on one thread: the same
// CPU gives the same file.
//
//   textcnn  Kim 2014, "Convolutional Neural Networks for Sentence Classification": convolutions 3, 4 and 5 words wide, the largest value of
//            each over the text, a linear layer.
//   lstm     one layer in both directions, the largest value of each feature over the text, a linear layer.
#include <cstring>
#include <sstream>

#include <nlohmann/json.hpp>
#include <ATen/Parallel.h>

#include "examples/text.h"

namespace {

using examples::uniform;
using examples::wrap;
using torch::jit::Module;

constexpr int64_t kLength = 52, kEmbedding = 128, kFilters = 100, kHidden = 128, kBatch = 64;
constexpr double kLearningRate = 1e-3, kDropout = 0.5;

Module lstm() {
  Module m("LSTM");
  for (const char* direction : {"", "_reverse"}) {
    const double bound = 1 / std::sqrt(static_cast<double>(kHidden));
    m.register_parameter(std::string("weight_ih_l0") + direction, uniform({4 * kHidden, kEmbedding}, bound), false);
    m.register_parameter(std::string("weight_hh_l0") + direction, uniform({4 * kHidden, kHidden}, bound), false);
    m.register_parameter(std::string("bias_ih_l0") + direction, at::zeros({4 * kHidden}).set_requires_grad(true), false);
    m.register_parameter(std::string("bias_hh_l0") + direction, at::zeros({4 * kHidden}).set_requires_grad(true), false);
  }
  m.define("def forward(self, x):\n  zero = torch.zeros([2, x.size(0), " + std::to_string(kHidden) + "])\n"
           "  y, h, c = torch.lstm(x, [zero, zero], [self.weight_ih_l0, self.weight_hh_l0, self.bias_ih_l0, self.bias_hh_l0, self.weight_ih_l0_reverse,"
           " self.weight_hh_l0_reverse, self.bias_ih_l0_reverse, self.bias_hh_l0_reverse], True, 1, 0.0, False, True, True)\n  return y\n");
  return m;
}

Module network(const std::string& kind, int64_t words) {
  Module m("TextClassifier");
  m.register_attribute("training", c10::BoolType::get(), true);
  m.register_module("embedding", examples::embedding(words, kEmbedding));
  const std::string dropout = "torch.dropout(x, " + std::to_string(kDropout) + ", self.training)";
  if (kind == "lstm") {
    m.register_module("lstm", lstm());
    m.register_module("head", examples::linear(2 * kHidden, 2));
    m.define("def forward(self, tokens):\n  x = self.embedding.forward(tokens)\n  x = " + dropout + "\n  x = torch.amax(self.lstm.forward(x), [1])\n  x = " + dropout + "\n  return self.head.forward(x)\n");
    return m;
  }
  for (const int64_t width : {3, 4, 5}) m.register_module("conv" + std::to_string(width), examples::conv(kEmbedding, kFilters, width, 0));
  m.register_module("head", examples::linear(3 * kFilters, 2));
  m.define("def forward(self, tokens):\n  x = self.embedding.forward(tokens).transpose(1, 2)\n"
           "  a = torch.amax(torch.relu(self.conv3.forward(x)), [2])\n  b = torch.amax(torch.relu(self.conv4.forward(x)), [2])\n"
           "  c = torch.amax(torch.relu(self.conv5.forward(x)), [2])\n  x = torch.cat([a, b, c], 1)\n  x = " + dropout + "\n  return self.head.forward(x)\n");
  return m;
}

std::map<std::string, int64_t> word_counts(const std::string& texts) {
  std::map<std::string, int64_t> counts;
  std::istringstream lines(texts);
  for (std::string line, word; std::getline(lines, line);) {
    std::istringstream words(line.substr(0, line.find('\t')));
    while (words >> word) ++counts[word];
  }
  return counts;
}

fastc::Result<std::string> dev_accuracy(Module& net, const fastc::Dataset& data) {
  at::NoGradGuard no_grad;
  int64_t right = 0;
  for (int64_t first = 0; first < data.size(); first += kBatch) {
    FASTC_TRY(const fastc::Batch batch, data.batch(examples::samples_from(first, std::min(kBatch, data.size() - first))));
    right += net.forward({wrap(batch.inputs[0], at::kLong)}).toTensor().argmax(1).eq(wrap(batch.labels, at::kLong)).sum().item<int64_t>();
  }
  return fmt::format("dev accuracy {:.4f}", static_cast<double>(right) / static_cast<double>(data.size()));
}

fastc::Status run(const std::filesystem::path& folder, const std::filesystem::path& data, const std::string& kind, int epochs) {
  FASTC_CHECK(fastc::make_folders(folder));
  FASTC_TRY(const std::string texts, fastc::read_text(data / "train.tsv"));
  FASTC_TRY(const std::vector<int64_t> words, examples::write_vocabulary(word_counts(texts), folder / "vocabulary.txt"));
  const auto part = [&](const char* file) {
    return nlohmann::json{{"format", "tsv"}, {"path", std::filesystem::absolute(data / file).string()}, {"header", false}, {"text", "1"}, {"label", "2"},
                          {"tokenizer", {{"type", "word"}, {"vocabulary", std::filesystem::absolute(folder / "vocabulary.txt").string()}, {"max_length", kLength}}}};
  };
  FASTC_TRY(const auto task, fastc::make_task({{"type", "text_classification"}, {"train", part("train.tsv")}, {"evaluation", part("dev.tsv")}}, ".", {}, 1));
  at::set_num_threads(1);
  at::manual_seed(1);
  Module net = network(kind, static_cast<int64_t>(words.size()));
  const auto loss = [&](const fastc::Batch& batch) {
    return at::cross_entropy_loss(net.forward({wrap(batch.inputs[0], at::kLong)}).toTensor(), wrap(batch.labels, at::kLong));
  };
  FASTC_CHECK(examples::train(net, *task->train(), epochs, kBatch, kLearningRate, loss, [&] { return dev_accuracy(net, *task->evaluation()); }));
  const std::string file = (folder / (kind + ".pt")).string();
  net.save(file);
  std::printf("wrote %s: %lld words\n", file.c_str(), static_cast<long long>(words.size()));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  std::string data, kind = "textcnn";
  int epochs = 5;
  for (int i = 2; i + 1 < argc; i += 2) {
    if (!std::strcmp(argv[i], "--data")) data = argv[i + 1];
    if (!std::strcmp(argv[i], "--model")) kind = argv[i + 1];
    if (!std::strcmp(argv[i], "--epochs")) epochs = std::atoi(argv[i + 1]);
  }
  if (argc < 2 || data.empty() || (kind != "textcnn" && kind != "lstm"))
    return std::fprintf(stderr, "usage: train_text_classifier FOLDER --data FOLDER [--model textcnn|lstm] [--epochs N]\n"), 2;
  if (const auto status = run(argv[1], data, kind, epochs); !status) return std::fprintf(stderr, "train_text_classifier: %s\n", status.error().message.c_str()), 1;
}
