#include <cctype>
#include <set>

#include "ir/cost.h"
#include "ir/op.h"
#include "tests/ir/ops/ops_test.h"

using namespace fastc;
using namespace fastc::test;

TEST_CASE("every op is described") {
  CHECK(all_ops().size() >= 65);
  for (const OpDef* op : all_ops()) {
    INFO(op->name);
    CHECK(op->infer != nullptr);
    CHECK_FALSE(op->summary.empty());
    CHECK(op->result_count >= 1);
    std::set<std::string_view> names;
    for (const AttrDef& def : op->attributes) {
      CHECK(names.insert(def.name).second);
      CHECK_FALSE(def.help.empty());
    }
    // A variadic operand is the last.
    for (size_t i = 0; i + 1 < op->operands.size(); ++i) CHECK(op->operands[i].kind != OperandDef::Kind::kVariadic);
  }
}

namespace {
std::pair<int64_t, int64_t> cost_of(const std::string& line) {
  auto module = one_op(line);
  REQUIRE(module);
  module->outputs = {module->find_value("y")};
  module->erase_dead();
  auto cost = module_cost(*module, {{"N", 1}, {"L", 5}});
  REQUIRE(cost);
  return {cost->macs, cost->flops};
}
}  // namespace

TEST_CASE("costs are counted by hand") {
  using Pair = std::pair<int64_t, int64_t>;
  CHECK(cost_of("%y = conv(%x, @w) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1]}") == Pair{6 * 64 * 36, 2 * 6 * 64 * 36});
  CHECK(cost_of(R"(%y = conv(%x, @w, _, _) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1], activation="relu"})") ==
        Pair{6 * 64 * 36, 2 * 6 * 64 * 36 + 6 * 64});
  CHECK(cost_of("%y = conv(%x, @dw) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1], groups=4}") == Pair{8 * 64 * 9, 2 * 8 * 64 * 9});
  CHECK(cost_of("%y = linear(%t, @lin)") == Pair{5 * 6 * 5, 2 * 5 * 6 * 5});
  CHECK(cost_of("%y = attention(%q, %k, %k) {scale=1}") == Pair{2 * 25 * 16, 2 * 2 * 25 * 16 + 2 * 25});
  CHECK(cost_of("%y, %h, %c = lstm(%t, _, _, @w_ih, @w_hh, @b_h, @b_h) {hidden=3, batch_first=true}") == Pair{5 * 12 * 9, 2 * 5 * 12 * 9});
  CHECK(cost_of("%y = reshape(%x) {shape=[N,256]}") == Pair{0, 0});
  CHECK(cost_of("%y = relu(%x)") == Pair{0, 256});
}
