// A pass without a test is named here: passes/prune/channel.cc registers "prune.channel" and is tested by
// tests/passes/prune/channel_test.cc.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <regex>
#include <vector>

#include "tests/catch.h"

namespace {

namespace fs = std::filesystem;

struct RegisteredPass {
  fs::path file;  // relative to passes/
  std::string name;
};

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<RegisteredPass> registered_passes(const fs::path& root) {
  static const std::regex kRegistration(R"re(FASTC_REGISTER_PASS\([^"]*\.name\s*=\s*"([^"]+)")re");
  std::vector<RegisteredPass> passes;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.path().extension() != ".cc") continue;
    const std::string text = read(entry.path());
    for (std::sregex_iterator it(text.begin(), text.end(), kRegistration), end; it != end; ++it) {
      passes.push_back({entry.path().lexically_relative(root), (*it)[1]});
    }
  }
  return passes;
}

// passes/quantize/static.cc → "quantize.static"; passes/finetune.cc or passes/distill/finetune.cc → also plain
// "finetune".
bool name_fits(const RegisteredPass& pass) {
  std::string dotted = (pass.file.parent_path() / pass.file.stem()).generic_string();
  std::replace(dotted.begin(), dotted.end(), '/', '.');
  return pass.name == dotted || pass.name == pass.file.stem().string();
}

}  // namespace

TEST_CASE("every pass has a test of the same name in the mirrored folder") {
  for (const auto& pass : registered_passes(fastc::test::source_path("passes"))) {
    const fs::path test =
        fastc::test::source_path("tests/passes") / pass.file.parent_path() / (pass.file.stem().string() + "_test.cc");
    INFO(pass.name << " in passes/" << pass.file.generic_string() << " needs " << test.string());
    CHECK(fs::exists(test));
    CHECK(read(test).find("TEST_CASE") != std::string::npos);
  }
}

TEST_CASE("a pass is called as its file") {
  for (const auto& pass : registered_passes(fastc::test::source_path("passes"))) {
    INFO("passes/" << pass.file.generic_string() << " registers " << pass.name);
    CHECK(name_fits(pass));
  }
}

TEST_CASE("registrations are found by the macro, over several lines too") {
  const fs::path root = fs::temp_directory_path() / ("fastc_house_" + std::to_string(std::rand()));
  fs::create_directories(root / "prune");
  std::ofstream(root / "prune" / "channel.cc")
      << "FASTC_REGISTER_PASS(prune_channel, Options,\n    {.name = \"prune.channel\"}, options, run);\n";
  const auto passes = registered_passes(root);
  fs::remove_all(root);
  REQUIRE(passes.size() == 1);
  CHECK(passes[0].name == "prune.channel");
  CHECK(name_fits(passes[0]));
  CHECK_FALSE(name_fits({"prune/channel.cc", "prune.weight"}));
}
