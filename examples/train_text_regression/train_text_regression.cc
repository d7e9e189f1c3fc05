// Trains a small network that says how alike two sentences are, from 0 to 5, and writes what a recipe needs: FOLDER/pair.pt (TorchScript) and
// FOLDER/vocabulary.txt.
//
//   train_text_regression FOLDER --data D/data/stsb_en [--epochs N]
//
// The data is a folder with sts-train.csv and sts-dev.csv, tab separated, the score in column 5, the sentences in columns 6 and 7 (the STS benchmark,
// Cer et al. 2017). Texts go through fastc's own reader and tokenizer. Seeded, on one thread: the same CPU gives the same file.
//
// Each word has a vector. Of the two sentences, a network compares the sums of their words' vectors, by the cosine (which is that of their weighted counts at
// first: a word's vector begins as long as its inverse frequency says, Spärck Jones 1972), and the largest values of convolutions over three words, by
// product and distance (as InferSent does, Conneau et al. 2017).
#include <cstring>
#include <sstream>

#include <nlohmann/json.hpp>
#include <ATen/Parallel.h>

#include "examples/text.h"

namespace {

using examples::wrap;
using torch::jit::Module;

constexpr int64_t kLength = 64, kEmbedding = 128, kFilters = 64, kHidden = 32, kBatch = 32;
constexpr double kLearningRate = 1e-3, kDropout = 0.3;
const std::vector<std::string> kInputs{"tokens", "mask", "types"};

Module network(const std::vector<int64_t>& counts) {
  Module m("SentencePair");
  m.register_attribute("training", c10::BoolType::get(), true);
  Module words = examples::embedding(static_cast<int64_t>(counts.size()), kEmbedding);
  const double total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), int64_t{0}));
  {
    at::NoGradGuard no_grad;
    at::Tensor table = words.attr("weight").toTensor();
    for (size_t i = 2; i < counts.size(); ++i) table[static_cast<int64_t>(i)].mul_(std::log(total / static_cast<double>(counts[i])));
  }
  Module head = examples::linear(kHidden + 1, 1);
  {
    at::NoGradGuard no_grad;
    head.attr("weight").toTensor().zero_().select(1, kHidden).fill_(1);  // at first the score is five times the cosine
  }
  m.register_module("embedding", words);
  m.register_module("conv", examples::conv(kEmbedding, kFilters, 3, 1));
  m.register_module("compare", examples::linear(2 * kFilters, kHidden));
  m.register_module("head", head);
  m.define("def forward(self, tokens, mask, types):\n"
           "  x = torch.dropout(self.embedding.forward(tokens), " + std::to_string(kDropout) + ", self.training)\n"
           "  b = types * 1.0\n"
           "  a = mask * 1.0 - b\n"
           "  u = torch.sum(x * a.unsqueeze(2), [1])\n"
           "  v = torch.sum(x * b.unsqueeze(2), [1])\n"
           "  cosine = torch.sum(u * v, [1], True) / torch.sqrt(torch.sum(u * u, [1], True) * torch.sum(v * v, [1], True) + 1e-6)\n"
           "  h = torch.relu(self.conv.forward(x.transpose(1, 2)))\n"
           "  p = torch.amax(h * a.unsqueeze(1), [2])\n"
           "  q = torch.amax(h * b.unsqueeze(1), [2])\n"
           "  d = torch.relu(self.compare.forward(torch.cat([p * q, torch.abs(p - q)], 1)))\n"
           "  return self.head.forward(torch.cat([d, cosine * 5.0], 1))\n");
  return m;
}

// Words as the tokenizer's "basic" split has them, for texts in ASCII: white space separates, and a punctuation character is a word.
void count_words(std::string_view text, std::map<std::string, int64_t>& counts) {
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) ++counts[word];
    word.clear();
  };
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isspace(byte) || std::ispunct(byte)) end_word();
    else word += static_cast<char>(std::tolower(byte));
    if (std::ispunct(byte)) ++counts[std::string(1, c)];
  }
  end_word();
}

std::map<std::string, int64_t> word_counts(const std::string& rows) {
  std::map<std::string, int64_t> counts;
  std::istringstream lines(rows);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string field;
    for (int column = 1; std::getline(fields, field, '\t'); ++column)
      if (column == 6 || column == 7) count_words(field, counts);
  }
  return counts;
}

at::Tensor scores(Module& net, const fastc::Batch& batch) {
  return net.forward({wrap(batch.inputs[0], at::kLong), wrap(batch.inputs[1], at::kLong), wrap(batch.inputs[2], at::kLong)}).toTensor();
}

fastc::Result<std::string> dev_pearson(Module& net, const fastc::Task& task) {
  at::NoGradGuard no_grad;
  const fastc::Dataset& data = *task.evaluation();
  const auto metric = task.metric();
  for (int64_t first = 0; first < data.size(); first += kBatch) {
    FASTC_TRY(const fastc::Batch batch, data.batch(examples::samples_from(first, std::min(kBatch, data.size() - first))));
    const at::Tensor found = scores(net, batch).contiguous();
    const fastc::Tensor output = fastc::Tensor::of<float>({batch.size, 1}, std::span<const float>(found.const_data_ptr<float>(), static_cast<size_t>(batch.size)));
    FASTC_CHECK(metric->add(batch, {&output, 1}, {}));
  }
  return fmt::format("dev Pearson {:.4f}", metric->values().at("pearson"));
}

fastc::Result<std::unique_ptr<fastc::Task>> open_task(const std::filesystem::path& data, const std::filesystem::path& vocabulary) {
  const auto part = [&](const char* file) {
    return nlohmann::json{{"format", "tsv"}, {"path", std::filesystem::absolute(data / file).string()}, {"header", false}, {"text", {"6", "7"}}, {"label", "5"},
                          {"tokenizer", {{"type", "word"}, {"split", "basic"}, {"vocabulary", std::filesystem::absolute(vocabulary).string()}, {"max_length", kLength}}}};
  };
  std::map<std::string, fastc::Type> inputs;
  for (const std::string& name : kInputs) inputs[name] = {fastc::DType::kI64, {fastc::Dim::symbol("N"), kLength}, {}};
  return fastc::make_task({{"type", "regression"}, {"train", part("sts-train.csv")}, {"evaluation", part("sts-dev.csv")}}, ".", inputs, 1, kInputs);
}

fastc::Status run(const std::filesystem::path& folder, const std::filesystem::path& data, int epochs) {
  FASTC_CHECK(fastc::make_folders(folder));
  FASTC_TRY(const std::string rows, fastc::read_text(data / "sts-train.csv"));
  FASTC_TRY(const std::vector<int64_t> words, examples::write_vocabulary(word_counts(rows), folder / "vocabulary.txt"));
  FASTC_TRY(const auto task, open_task(data, folder / "vocabulary.txt"));
  at::set_num_threads(1);
  at::manual_seed(1);
  Module net = network(words);
  const auto loss = [&](const fastc::Batch& batch) { return at::mse_loss(scores(net, batch).squeeze(1), wrap(batch.labels, at::kFloat)); };
  FASTC_CHECK(examples::train(net, *task->train(), epochs, kBatch, kLearningRate, loss, [&] { return dev_pearson(net, *task); }));
  const std::string file = (folder / "pair.pt").string();
  net.save(file);
  std::printf("wrote %s: %lld words\n", file.c_str(), static_cast<long long>(words.size()));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  std::string data;
  int epochs = 3;
  for (int i = 2; i + 1 < argc; i += 2) {
    if (!std::strcmp(argv[i], "--data")) data = argv[i + 1];
    if (!std::strcmp(argv[i], "--epochs")) epochs = std::atoi(argv[i + 1]);
  }
  if (argc < 2 || data.empty()) return std::fprintf(stderr, "usage: train_text_regression FOLDER --data FOLDER [--epochs N]\n"), 2;
  if (const auto status = run(argv[1], data, epochs); !status) return std::fprintf(stderr, "train_text_regression: %s\n", status.error().message.c_str()), 1;
}
