// The house stands: rooms include only what they may, and LibTorch stays where it is used.
#include "tests/house/includes.h"

#include "tests/catch.h"

using namespace fastc::test;

namespace {

std::string lines(const std::vector<std::string>& sentences) {
  std::string text;
  for (const auto& sentence : sentences) text += sentence + "\n";
  return text;
}

SourceTree the_tree() { return read_tree(fastc::test::source_path("")); }

}  // namespace

TEST_CASE("rooms include only the rooms below them") { CHECK(lines(room_violations(the_tree())) == ""); }
TEST_CASE("LibTorch is seen only where it is used") { CHECK(lines(libtorch_violations(the_tree())) == ""); }
TEST_CASE("no umbrella headers") { CHECK(lines(umbrella_violations(the_tree())) == ""); }
TEST_CASE("the tree was really read") { CHECK(the_tree().count("base/result.h") == 1); }

// The checks themselves, on trees that break the rules.
TEST_CASE("a lower room that includes a higher one is named") {
  const SourceTree tree = {{"ir/a.cc", {{3, "driver/plan.h", true}}}, {"driver/plan.h", {}}};
  CHECK(lines(room_violations(tree)) == "ir/a.cc:3: ir/ may not include driver/plan.h\n");
}
TEST_CASE("a pass that includes a back end is named, the driver that does is not") {
  const SourceTree tree = {
      {"passes/a.cc", {{1, "backends/b.h", true}}}, {"driver/d.cc", {{1, "backends/b.h", true}}}, {"backends/b.h", {}}};
  CHECK(lines(room_violations(tree)) == "passes/a.cc:1: passes/ may not include backends/b.h\n");
}
TEST_CASE("the runtime includes only itself, also by a path from its folder") {
  const SourceTree tree = {{"backends/runtime/k/a.cc", {{1, "../b.h", true}, {2, "../../artifact/c.h", true}}},
                           {"backends/runtime/b.h", {}},
                           {"backends/artifact/c.h", {}}};
  CHECK(
      lines(room_violations(tree)) ==
      "backends/runtime/k/a.cc:2: the runtime includes nothing from outside its folder, found backends/artifact/c.h\n");
}
TEST_CASE("an include of ours that does not exist is named") {
  CHECK(lines(room_violations({{"ir/a.cc", {{7, "ir/gone.h", true}}}})) ==
        "ir/a.cc:7: \"ir/gone.h\" is no file of the tree\n");
}
TEST_CASE("LibTorch is also found through another header") {
  const SourceTree tree = {{"driver/d.cc", {{1, "engine/train.h", true}}},
                           {"engine/train.h", {{1, "engine/autograd.h", true}}},
                           {"engine/autograd.h", {{1, "ATen/core/Tensor.h", false}}}};
  CHECK(lines(libtorch_violations(tree)) ==
        "driver/d.cc: may not see LibTorch, but includes engine/train.h, which includes engine/autograd.h, which "
        "includes <ATen/core/Tensor.h>\n");
}
TEST_CASE("a pass's .cc may see LibTorch, its header may not") {
  const SourceTree tree = {{"passes/p.cc", {{1, "c10/util/Half.h", false}}},
                           {"passes/p.h", {{1, "c10/util/Half.h", false}}}};
  CHECK(lines(libtorch_violations(tree)) == "passes/p.h: may not see LibTorch, but includes <c10/util/Half.h>\n");
}
TEST_CASE("#include lines are read with their line number, those inside a raw string are not") {
  const auto found =
      includes_of("// a\n#include \"x.h\"\nauto t = R\"cpp(\n#include \"y.h\"\n)cpp\";\n  # include <z>\n");
  REQUIRE(found.size() == 2);
  CHECK((found[0].line == 2 && found[0].target == "x.h" && found[0].quoted));
  CHECK((found[1].line == 6 && found[1].target == "z" && !found[1].quoted));
}
TEST_CASE("an umbrella header is named") {
  CHECK(umbrella_violations({{"engine/e.cc", {{1, "torch/torch.h", false}}}}).size() == 1);
}
