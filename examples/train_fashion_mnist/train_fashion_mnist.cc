// Trains the small network the quickstart starts from, in C++, and writes it as TorchScript: configs/models/fashion_mnist.pt.
//
//   train_fashion_mnist OUT.pt [--epochs 6] [--data /usr/share/datasets/fashion-mnist]
//
// Three stages of residual blocks with batch norm on 28x28 grey images (about 170,000 parameters). The data is Debian's package
// dataset-fashion-mnist (60,000 training images, MIT licence), read through fastc's own reader. Seeded: the same threads and CPU give the same file.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <string>

#include <nlohmann/json.hpp>
#include <torch/script.h>

#include "base/random.h"
#include "examples/training.h"
#include "tasks/task.h"

namespace {

using examples::Adam;
using examples::set_training;
using examples::wrap;
using torch::jit::Module;

constexpr int64_t kBatch = 128;
constexpr double kLearningRate = 2e-3;

at::Tensor kaiming(std::vector<int64_t> shape) {
  const double fan_in = static_cast<double>(shape[1]) * shape[2] * shape[3];
  return (at::randn(shape) * std::sqrt(2.0 / fan_in)).set_requires_grad(true);
}

Module conv(int64_t in, int64_t out, int64_t stride, int64_t kernel = 3) {
  Module m("Conv2d");
  m.register_parameter("weight", kaiming({out, in, kernel, kernel}), false);
  m.define("def forward(self, x):\n  return torch.conv2d(x, self.weight, None, [" + std::to_string(stride) + ", " + std::to_string(stride) + "], [" + std::to_string(kernel / 2) + ", " +
           std::to_string(kernel / 2) + "], [1, 1], 1)\n");
  return m;
}

Module batch_norm(int64_t channels) {
  Module m("BatchNorm2d");
  m.register_parameter("weight", at::ones({channels}).set_requires_grad(true), false);
  m.register_parameter("bias", at::zeros({channels}).set_requires_grad(true), false);
  m.register_buffer("running_mean", at::zeros({channels}));
  m.register_buffer("running_var", at::ones({channels}));
  m.register_attribute("training", c10::BoolType::get(), true);
  m.define("def forward(self, x):\n  return torch.batch_norm(x, self.weight, self.bias, self.running_mean, self.running_var, self.training, 0.1, 1e-5, False)\n");
  return m;
}

Module block(int64_t in, int64_t out, int64_t stride) {
  Module m("Block");
  m.register_module("conv1", conv(in, out, stride));
  m.register_module("bn1", batch_norm(out));
  m.register_module("conv2", conv(out, out, 1));
  m.register_module("bn2", batch_norm(out));
  if (in != out) {
    m.register_module("shortcut", conv(in, out, stride, 1));
    m.define("def forward(self, x):\n  y = torch.relu(self.bn1.forward(self.conv1.forward(x)))\n  return torch.relu(self.bn2.forward(self.conv2.forward(y)) + self.shortcut.forward(x))\n");
  } else {
    m.define("def forward(self, x):\n  y = torch.relu(self.bn1.forward(self.conv1.forward(x)))\n  return torch.relu(self.bn2.forward(self.conv2.forward(y)) + x)\n");
  }
  return m;
}

Module network() {
  Module m("FashionNet");
  m.register_module("stem", conv(1, 16, 1));
  m.register_module("bn", batch_norm(16));
  m.register_module("block1", block(16, 16, 1));
  m.register_module("block2", block(16, 32, 2));
  m.register_module("block3", block(32, 64, 2));
  Module head("Linear");
  head.register_parameter("weight", (at::randn({10, 64}) / 8).set_requires_grad(true), false);
  head.register_parameter("bias", at::zeros({10}).set_requires_grad(true), false);
  head.define("def forward(self, x):\n  return torch.linear(x, self.weight, self.bias)\n");
  m.register_module("head", head);
  m.define(
      "def forward(self, x):\n  x = torch.relu(self.bn.forward(self.stem.forward(x)))\n  x = self.block3.forward(self.block2.forward(self.block1.forward(x)))\n"
      "  return self.head.forward(torch.flatten(torch.adaptive_avg_pool2d(x, [1, 1]), 1))\n");
  return m;
}

int fail(const fastc::Error& error) { return std::fprintf(stderr, "train_fashion_mnist: %s\n", error.message.c_str()), 1; }

double accuracy(Module& net, const fastc::Dataset& data) {
  at::NoGradGuard no_grad;
  set_training(net, false);
  int64_t right = 0;
  std::vector<int64_t> indices(500);
  for (int64_t first = 0; first + 500 <= data.size(); first += 500) {
    std::iota(indices.begin(), indices.end(), first);
    const auto batch = data.batch(indices);
    if (!batch) return 0;
    right += net.forward({wrap(batch->inputs[0], at::kFloat)}).toTensor().argmax(1).eq(wrap(batch->labels, at::kLong)).sum().item<int64_t>();
  }
  return static_cast<double>(right) / static_cast<double>(data.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: train_fashion_mnist OUT.pt [--epochs N] [--data FOLDER]\n"), 2;
  std::string folder = "/usr/share/datasets/fashion-mnist";
  int epochs = 6;
  for (int i = 2; i + 1 < argc; i += 2) {
    if (!std::strcmp(argv[i], "--epochs")) epochs = std::atoi(argv[i + 1]);
    if (!std::strcmp(argv[i], "--data")) folder = argv[i + 1];
  }
  const auto set = [&](const char* kind) { return nlohmann::json{{"format", "idx"}, {"images", folder + "/" + kind + "-images-idx3-ubyte.gz"}, {"labels", folder + "/" + kind + "-labels-idx1-ubyte.gz"},
                                                                 {"normalize", {{"mean", {0.286}}, {"std", {0.353}}}}}; };
  const auto task = fastc::make_task({{"type", "image_classification"}, {"train", set("train")}, {"evaluation", set("t10k")}}, ".", {}, 1);
  if (!task) return fail(task.error());

  at::manual_seed(1);
  Module net = network();
  Adam adam(net);
  const fastc::Dataset& train = *(*task)->train();
  std::vector<int64_t> order(static_cast<size_t>(train.size()));
  std::iota(order.begin(), order.end(), 0);
  fastc::Random random(1);
  const int64_t steps = train.size() / kBatch * epochs;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    set_training(net, true);
    random.shuffle(std::span<int64_t>(order));
    double loss_sum = 0;
    for (int64_t first = 0; first + kBatch <= train.size(); first += kBatch) {
      const auto batch = train.batch(std::span<const int64_t>(order).subspan(static_cast<size_t>(first), kBatch));
      if (!batch) return fail(batch.error());
      const at::Tensor loss = at::cross_entropy_loss(net.forward({wrap(batch->inputs[0], at::kFloat)}).toTensor(), wrap(batch->labels, at::kLong));
      loss.backward();
      adam.update(kLearningRate * 0.5 * (1 + std::cos(M_PI * static_cast<double>(adam.step) / static_cast<double>(steps))));
      loss_sum += loss.item<double>();
    }
    std::printf("epoch %d of %d: loss %.4f, test accuracy %.4f\n", epoch + 1, epochs, loss_sum / static_cast<double>(train.size() / kBatch), accuracy(net, *(*task)->evaluation()));
    std::fflush(stdout);
  }
  set_training(net, false);
  net.save(argv[1]);
  std::printf("wrote %s\n", argv[1]);
}
