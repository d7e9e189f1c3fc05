#include "tests/tasks/helpers.h"

using namespace fastc;
using namespace fastc::test;

namespace {

const Inputs kInputs = {{"ids", Type{DType::kI64, {Dim::symbol("N"), Dim::symbol("L")}, {}}},
                        {"x", type_of_text(DType::kF32, {3, 4})}};

}  // namespace

TEST_CASE("random inputs have the network's types, and a sample does not depend on its batch") {
  const auto dir = TempDir::make();
  const auto data = open_text(*dir, R"({"format": "random", "samples": 10, "length": 5, "below": 7})", kInputs);
  REQUIRE(data);
  CHECK((*data)->size() == 10);
  CHECK_FALSE((*data)->has_labels());
  CHECK(type_text((*data)->input_types()[0]) == "i64[N,5]");
  const int64_t pair[] = {4, 9}, one[] = {9};
  const auto both = (*data)->batch(pair), alone = (*data)->batch(one);
  REQUIRE(both);
  for (const int64_t id : both->inputs[0].values<int64_t>()) CHECK((id >= 0 && id < 7));
  for (size_t i = 0; i < 2; ++i) CHECK(equal(alone->inputs[i], select(both->inputs[i], 0, std::vector<int64_t>{1})));
  CHECK_FALSE(equal(select(both->inputs[1], 0, std::vector<int64_t>{0}), alone->inputs[1]));
}

TEST_CASE("random inputs need shapes") {
  const auto dir = TempDir::make();
  CHECK(problem(*dir, R"({"format": "random"})") == "/task/train: random inputs need the network's inputs, and none are known");
  CHECK(problem(*dir, R"({"format": "random"})", {{"x", Type{}}}) ==
        "/task/train: random inputs need the shape of x; add \"inputs\": {\"x\": {\"shape\": [\"N\", …], \"dtype\": \"float32\"}} to the model");
  CHECK(problem(*dir, R"({"format": "random"})", {{"x", type_of_text(DType::kF16, {3})}}) ==
        "/task/train: random inputs are not drawn as f16, which x takes; use \"npz\"");
  CHECK(problem(*dir, R"({"format": "random"})", {{"x", type_of_text(DType::kF32, {1 << 20, 1 << 20})}}) ==
        "/task/train: a random sample for x of type f32[N,1048576,1048576] would have no or too many numbers");
}
