#include "engine/eval.h"
#include "tests/catch.h"

using namespace fastc;

TEST_CASE("every op of the IR has an evaluation") {
  REQUIRE(all_ops().size() > 40);
  for (const OpDef* op : all_ops()) {
    INFO(op->name << ": add an evaluation in engine/ops");
    CHECK(engine::find_eval(op->name) != nullptr);
  }
}
