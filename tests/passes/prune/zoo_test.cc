// Pruning on real architectures: how long grouping and surgery take, and which halves of transformers are found.
#include <ctime>

#include "frontends/frontend.h"
#include "passes/prune/blocks.h"
#include "tests/passes/prune/context.h"

using namespace fastc;
using namespace fastc::test;

namespace {

std::optional<Module> zoo(const std::string& name) {
  const auto path = test_data("zoo/" + name + ".pt2");
  if (!path) return {};
  auto module = import_model(*path);
  INFO(name << (module ? "" : module.error().message));
  REQUIRE(module);
  PlainContext context;
  pass_ok("graph.canonicalize", *module, context);
  return std::move(*module);
}

}  // namespace

TEST_CASE("half the channels of every architecture are found and removed within a second of computing") {
  for (const char* name : {"bert", "densenet", "efficientnet_b0", "gpt2", "llama", "lstm_classifier", "mlp_mixer", "mobilenet_v2", "resnet18", "resnet50", "shufflenet_v2",
                           "squeezenet", "textcnn", "unet", "vgg11_bn", "vit"}) {
    auto module = zoo(name);
    if (!module) return;
    const std::clock_t start = std::clock();  // of this process: what else the machine does is not counted
    const PassReport report = pass_ok("prune.channel", *module, R"({"ratio": 0.5, "round_to": 1})");
    const double seconds = double(std::clock() - start) / CLOCKS_PER_SEC;
    INFO(name << ": " << seconds << " s");
    CHECK(seconds < 1.0);
  }
}

TEST_CASE("layers of transformers and their halves are found, pre-norm and post-norm") {
  const struct { const char* name; size_t branches, layers; } known[] = {{"bert", 4, 2}, {"gpt2", 4, 2}, {"llama", 4, 2}, {"vit", 4, 2}, {"mlp_mixer", 2, 2}};
  for (const auto& [name, branches, layers] : known) {
    const auto module = zoo(name);
    if (!module) return;
    const auto blocks = prune::find_blocks(*module);
    std::string names;
    for (const auto& block : blocks) names += " " + block.name;
    INFO(name << ":" << names);
    CHECK(prune::units_of(*module, blocks, false).size() == branches);
    CHECK(prune::units_of(*module, blocks, true).size() == layers);
  }
}
