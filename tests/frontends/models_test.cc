// Models imported from every format give the recorded outputs, at the recorded batch and at another.
#include <algorithm>

#include "engine/engine.h"
#include "ir/op.h"
#include "ir/text.h"
#include "tests/recorded.h"

namespace fastc {
namespace {

using test::batch_options, test::recorded, test::Recorded;

// The largest difference over the largest recorded output.
double relative_error(const Module& module, const Recorded& r) {
  auto evaluator = Evaluator::prepare(module);
  if (!evaluator) FAIL(evaluator.error().message);
  auto outputs = evaluator->run(r.inputs);
  if (!outputs) FAIL(outputs.error().message);
  REQUIRE(outputs->size() == 1);
  return test::relative_error(outputs->front(), r.output);
}

void check_model(const std::filesystem::path& model, const std::filesystem::path& npz, bool any_batch = true) {
  INFO(model.string());
  auto first = recorded(npz, "");
  REQUIRE(first);
  auto module = import_model(model, model.extension() == ".pt" ? batch_options(*first) : ImportOptions{});
  if (!module) FAIL(module.error().message);
  CHECK(verify(*module));
  CHECK(relative_error(*module, *first) <= 1e-4);
  if (auto other = recorded(npz, "batch3_"); other && any_batch) CHECK(relative_error(*module, *other) <= 1e-4);
}

TEST_CASE("the project's own models are right from .pt and .pt2", "[models]") {
  auto folder = test::source_path("tests/data/models");
  for (const char* name : {"convs.pt", "convs.pt2", "convs_raw.pt2", "tokens.pt", "tokens.pt2", "tokens_raw.pt2", "recurrent.pt", "recurrent_raw.pt2", "scripted.pt", "inplace_raw.pt2"}) {
    std::string stem = std::string(name).substr(0, std::string(name).find_first_of("._"));
    check_model(folder / name, folder / (stem + ".npz"));
  }
}

// x + 1, whose first column goes through relu_ as a view: the sum of the rows, and that column.
TEST_CASE("a tensor is read after a view of it was changed", "[models]") {
  const Recorded r{{Tensor::of<float>({2, 4}, {-3, 1, 2, 3, 1, 0, 0, 0})}, Tensor::of<float>({2}, {9, 7})};
  for (const char* name : {"stale.pt", "stale.pt2"}) {
    INFO(name);
    const auto path = test::source_path("tests/data/models") / name;
    auto module = import_model(path, path.extension() == ".pt" ? batch_options(r) : ImportOptions{});
    if (!module) FAIL(module.error().message);
    CHECK(relative_error(*module, r) == 0);
  }
}

TEST_CASE("the zoo is right from .pt and .pt2", "[models][zoo]") {
  for (const char* name : {"resnet18", "resnet50", "vgg11_bn", "densenet", "mobilenet_v2", "squeezenet", "unet", "mlp_mixer", "textcnn", "bert", "shufflenet_v2",
                           "efficientnet_b0", "vit", "lstm_classifier", "gpt2", "llama"}) {
    auto npz = test::test_data(std::string("zoo/") + name + ".npz");
    if (!npz) return;
    for (const char* extension : {".pt", ".pt2"}) {
      DYNAMIC_SECTION(name << extension) { check_model(std::filesystem::path(*npz).replace_extension(extension), *npz); }
    }
  }
}

// Patterns on names must find the same layers in both formats. (vit's trace holds attention as one packed op, its export does not.)
TEST_CASE("layers have the same names from .pt and .pt2", "[models][zoo]") {
  for (const char* name : {"resnet18", "densenet", "mobilenet_v2", "squeezenet", "shufflenet_v2", "efficientnet_b0", "unet", "mlp_mixer", "textcnn", "bert",
                           "lstm_classifier", "gpt2", "llama"}) {
    auto npz = test::test_data(std::string("zoo/") + name + ".npz");
    if (!npz) return;
    INFO(name);
    auto traced = import_model(std::filesystem::path(*npz).replace_extension(".pt"), batch_options(*recorded(*npz, "")));
    auto exported = import_model(std::filesystem::path(*npz).replace_extension(".pt2"));
    REQUIRE(traced);
    REQUIRE(exported);
    auto layers = [](const Module& module) {
      std::vector<std::string> names;
      for (NodeId id : module.order())
        if (module.node(id).op->trainable) names.push_back(module.node(id).name + " " + std::string(module.node(id).op->name));
      std::sort(names.begin(), names.end());
      return names;
    };
    CHECK(layers(*traced) == layers(*exported));
    auto weights = [](const Module& module) {
      std::vector<std::string> names;
      for (const auto& [weight, data] : module.weights)
        if (data.trainable) names.push_back(weight);
      return names;
    };
    CHECK(weights(*traced) == weights(*exported));
    // bert's export computes a mask that is always true; its trace leaves it out.
    if (std::string_view(name) != "bert") CHECK(canonical_text(*traced) == canonical_text(*exported));
  }
}

TEST_CASE("a trace and an export of one network read alike", "[models]") {
  for (const char* name : {"cifar10_resnet20", "cifar10_resnet56"}) {
    auto pt = test::test_data(std::string("models/") + name + ".pt");
    if (!pt) return;
    ImportOptions options;
    options.inputs["x"].shape = Shape{Dim::symbol("N"), 3, 32, 32};
    auto traced = import_model(*pt, options);
    if (!traced) FAIL(traced.error().message);
    auto exported = import_model(std::filesystem::path(*pt).replace_extension(".pt2"));
    if (!exported) FAIL(exported.error().message);
    CHECK(canonical_text(*traced) == canonical_text(*exported));
    CHECK(traced->find_node("layer1.0.conv1") != kNoId);
    CHECK(traced->find_node("layer1.0.relu_1") != kNoId);
    CHECK(traced->find_node("layer2.0.shortcut.pad_1") != kNoId);
    CHECK(traced->weights.contains("layer1.0.bn1.running_mean"));
    CHECK_FALSE(traced->weights.at("layer1.0.bn1.running_mean").trainable);
    CHECK(traced->weights.at("layer1.0.conv1.weight").trainable);
  }
}

}  // namespace
}  // namespace fastc
