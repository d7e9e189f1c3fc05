#include "tests/passes/support.h"

using namespace fastc;
using namespace fastc::test;

TEST_CASE("graph.clean: nothing is computed twice") {
  Module m = module_of(R"(module m (%x : f32[2]) -> (%y) {
    %a = relu(%x)
    %b = relu(%x)
    %c = exp(%a)
    %d = exp(%b)
    %y = add(%c, %d)
    %dead = sigmoid(%y)
  })");
  PlainContext context;
  const PassReport report = pass_ok("graph.clean", m, context);
  CHECK(print(m, {.types = false}) ==
        "module m (%x : f32[2]) -> (%y) {\n  %a = relu(%x)\n  %c = exp(%a)\n  %y = add(%c, %c)\n}\n");
  CHECK(report.numbers == std::vector<std::pair<std::string, double>>{{"nodes_joined", 2}, {"dead_removed", 1}});
  CHECK(m.node_count() == 3);
  CHECK_FALSE(pass_ok("graph.clean", m, context).changed);
}

TEST_CASE("graph.clean: different attributes and outputs' names stay") {
  const std::string text =
      "module m (%x : f32[2]) -> (%a, %b, %d) {\n  %a = relu(%x)\n  %b = relu(%x)\n  %c = clip(%x) {lo=0, hi=1}\n"
      "  %e = clip(%x) {lo=0, hi=2}\n  %d = add(%c, %e)\n}\n";
  Module m = module_of(text);
  PlainContext context;
  CHECK_FALSE(pass_ok("graph.clean", m, context).changed);
  CHECK(print(m, {.types = false}) == text);
}
