// Small versions of architectures that torchvision and transformers hold, and the project's other small models (tests/data), from both
// formats, through engine, runtime, every method and chains of them. What was seen on the way is docs/support.md.
#include <fstream>
#include <set>

#include "tests/zoo/methods.h"
#include "tests/zoo/support.h"

using namespace fastc;
using test::Specimen;

namespace {

// Every .pt and .pt2 with recorded tensors of two batches.
std::vector<Specimen> specimens(const std::string& extension) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(test::source_path("tests/data"))) {
    if (entry.path().extension() == extension) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Specimen> out;
  for (const auto& path : paths) {
    const std::string stem = path.stem().string();
    const auto npz = path.parent_path() / (stem.substr(0, stem.find("_raw")) + ".npz");
    if (std::filesystem::exists(npz) && test::recorded(npz, "batch3_")) out.push_back(test::specimen(path, npz));
  }
  return out;
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

TEST_CASE("small architectures: recorded outputs, every method and chains of them, and docs/support.md") {
  test::Support support;
  for (const char* extension : {".pt", ".pt2"}) {
    REQUIRE(specimens(extension).size() >= 9);
    for (const Specimen& s : specimens(extension)) {
      INFO(s.model.filename().string());
      const auto module = test::imported(s);
      const Status status = module ? test::agree(*module, s, true) : Status(tl::unexpected(module.error()));
      CHECK((status ? "" : status.error().message) == std::string());
      if (!status) continue;
      support.imported(extension, *module);
      support.ran(*module);
    }
  }
  std::set<std::string> refusals;
  for (const Specimen& s : specimens(".pt")) {
    const auto module = test::imported(s);
    if (!module) continue;
    for (const auto& stages : test::pipelines()) {
      INFO(s.model.stem().string() << ": " << test::name_of(stages));
      std::vector<std::string> refused;
      CHECK(test::failure_of(s, *module, stages, refused, [&](const auto& pass, const Module& before, const Module& after) { support.changed(pass, before, after); }) == "");
      for (const auto& sentence : refused) refusals.insert(fmt::format("{}: {}", s.model.stem().string(), sentence.substr(0, sentence.find(':'))));
    }
  }
  // No residual block of layers with one type at both ends (convs adds a pad of itself); nothing but LSTMs, which have no static integer form and no
  // weights that are kept in fewer bits and computed on as floats.
  std::set<std::string> expected{"recurrent: quantize.static", "recurrent: quantize.weight_only", "recurrent: quantize.cast"};
  for (const char* name : {"control", "convs", "einsum", "elementwise", "gru", "lstm", "norms", "recommender", "recurrent", "segment", "tokens", "window"}) expected.insert(std::string(name) + ": prune.structural");
  CHECK(refusals == expected);
  const std::string page = support.markdown();
  if (page != text_of(test::source_path("docs/support.md"))) std::ofstream(test::built_path("support.md"), std::ios::binary) << page;
  INFO("docs/support.md is not what the tests see; cp " << test::built_path("support.md").string() << " docs/support.md");
  CHECK(page == text_of(test::source_path("docs/support.md")));
}
