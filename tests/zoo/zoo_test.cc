// Sixteen architectures (FASTC_TEST_DATA/zoo) through import from both formats, engine and runtime, every method and chains of them.
#include <chrono>
#include <map>
#include <set>

#include "ir/cost.h"
#include "tests/zoo/methods.h"

using namespace fastc;
using test::Specimen;

namespace {

constexpr const char* kZoo[] = {"resnet18",        "resnet50", "vgg11_bn", "densenet",  "mobilenet_v2",    "squeezenet", "shufflenet_v2", "efficientnet_b0",
                                "vit",             "unet",     "mlp_mixer", "lstm_classifier", "textcnn", "bert",       "gpt2",          "llama"};

std::optional<Specimen> zoo(const std::string& name, const std::string& extension) {
  const auto npz = test::test_data("zoo/" + name + ".npz");
  if (!npz) return std::nullopt;
  return test::specimen(std::filesystem::path(*npz).replace_extension(extension), *npz);
}

}  // namespace

TEST_CASE("the zoo gives the recorded outputs in engine and runtime") {
  for (const char* name : kZoo) {
    for (const char* extension : {".pt", ".pt2"}) {
      const auto s = zoo(name, extension);
      if (!s) return;
      INFO(name << extension);
      const auto module = test::imported(*s);
      const Status status = module ? test::agree(*module, *s, true) : Status(tl::unexpected(module.error()));
      CHECK((status ? "" : status.error().message) == std::string());
    }
  }
}

TEST_CASE("the zoo survives every method and chains of them") {
  std::set<std::string> refusals;
  for (const char* name : kZoo) {
    const auto s = zoo(name, ".pt2");
    if (!s) return;
    const auto module = test::imported(*s);
    REQUIRE(module);
    for (const auto& stages : test::pipelines()) {
      INFO(name << ": " << test::name_of(stages));
      std::vector<std::string> refused;
      CHECK(test::failure_of(*s, *module, stages, refused) == "");
      for (const auto& sentence : refused) refusals.insert(fmt::format("{}: {}", name, sentence.substr(0, sentence.find(':'))));
    }
  }
  // These have no residual block whose input and result have one type.
  CHECK(refusals == std::set<std::string>{"densenet: prune.structural", "lstm_classifier: prune.structural", "shufflenet_v2: prune.structural", "squeezenet: prune.structural",
                                          "textcnn: prune.structural", "unet: prune.structural", "vgg11_bn: prune.structural"});
}

// What is left of the parameters when every layer loses half of the channels that may go, the residual stream's too: a quarter where all may.
TEST_CASE("half of the zoo's channels go in less than a second") {
  const std::map<std::string, double> left{{"resnet18", 0.252},    {"resnet50", 0.257},      {"vgg11_bn", 0.253},        {"densenet", 0.294},
                                           {"mobilenet_v2", 0.29}, {"squeezenet", 0.253},    {"shufflenet_v2", 0.313},   {"efficientnet_b0", 0.298},
                                           {"vit", 0.432},         {"unet", 0.256},          {"mlp_mixer", 0.404},       {"lstm_classifier", 0.277},
                                           {"textcnn", 0.37},      {"bert", 0.311},          {"gpt2", 0.296},            {"llama", 0.296}};
  for (const char* name : kZoo) {
    const auto s = zoo(name, ".pt2");
    if (!s) return;
    const auto original = test::imported(*s);
    REQUIRE(original);
    Module module = *original;
    const auto start = std::chrono::steady_clock::now();
    const auto report = test::apply({"prune.channel", {{"ratio", 0.5}, {"round_to", 1}, {"scope", "all"}}}, module, *s, *original);
    INFO(name << (report ? "" : ": " + report.error().message));
    CHECK(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < 1);
    REQUIRE(report);
    const auto before = module_cost(*original), after = module_cost(module);
    REQUIRE(before);
    REQUIRE(after);
    CHECK(double(after->parameters) / double(before->parameters) == Approx(left.at(name)).margin(0.001));
    const Status same = test::agree(module, *s, false);
    CHECK((same ? "" : same.error().message) == std::string());
  }
}
