#include "tests/passes/prune/importance/support.h"

using namespace fastc;
using namespace fastc::test;

TEST_CASE("every importance is listed once, sorted, with its file and its test") {
  const auto all = prune::all_importances();
  REQUIRE(all.size() >= 8);
  for (size_t i = 0; i < all.size(); ++i) {
    const std::string name(all[i]->name);
    INFO(name);
    if (i > 0) CHECK(all[i - 1]->name < all[i]->name);
    CHECK_FALSE(all[i]->summary.empty());
    CHECK(prune::find_importance(name) == all[i]);
    CHECK(std::filesystem::exists(source_path("passes/prune/importance/" + name + ".cc")));
    CHECK(std::filesystem::exists(source_path("tests/passes/prune/importance/" + name + "_test.cc")));
  }
  CHECK(prune::find_importance("l3") == nullptr);
}
