#include "tests/tasks/helpers.h"

using namespace fastc;
using namespace fastc::test;

namespace {

// A record of CIFAR-10: every pixel of channel c is 10·label + c, but for the first one, which is 255.
std::string record(int label) {
  std::string out(3073, '\0');
  out[0] = static_cast<char>(label);
  for (int i = 0; i < 3072; ++i) out[1 + i] = static_cast<char>(10 * label + i / 1024);
  out[1] = '\xff';
  return out;
}

}  // namespace

TEST_CASE("CIFAR-10 records become normalized images and labels") {
  const auto dir = TempDir::make();
  write(*dir, "a.bin", record(3) + record(9));
  write(*dir, "b.bin", record(0));
  const auto data = open_text(*dir, R"({"format": "cifar10", "path": ["a.bin", "b.bin"], "normalize": {"mean": [0.5, 0, 0], "std": [0.25, 1, 2]}})");
  REQUIRE(data);
  CHECK((*data)->size() == 3);
  CHECK((*data)->has_labels());
  CHECK((*data)->input_names() == std::vector<std::string>{"input_0"});
  CHECK(type_text((*data)->input_types()[0]) == "f32[N,3,32,32]");
  const int64_t indices[] = {2, 1};
  const auto batch = (*data)->batch(indices);
  REQUIRE(batch);
  CHECK(batch->labels.values<int64_t>()[0] == 0);
  CHECK(batch->labels.values<int64_t>()[1] == 9);
  const auto x = batch->inputs[0].values<float>();
  CHECK(batch->inputs[0].shape() == std::vector<int64_t>{2, 3, 32, 32});
  CHECK(x[0] == (1.0f - 0.5f) / 0.25f);
  CHECK(x[1] == (0.0f - 0.5f) / 0.25f);
  CHECK(x[3072 + 1] == (90.0f / 255.0f - 0.5f) / 0.25f);
  CHECK(x[3072 + 1024] == 91.0f / 255.0f);
  CHECK(x[3072 + 2048] == 92.0f / 255.0f / 2.0f);
}

TEST_CASE("limit takes the first ones, and CIFAR-100 has two label bytes") {
  const auto dir = TempDir::make();
  write(*dir, "a.bin", record(3) + record(9));
  CHECK((*open_text(*dir, R"({"format": "cifar10", "path": "a.bin", "limit": 1})"))->size() == 1);
  CHECK((*open_text(*dir, R"({"format": "cifar10", "path": "a.bin", "limit": 100})"))->size() == 2);
  write(*dir, "c.bin", std::string("\x07") + static_cast<char>(99) + std::string(3072, '\5'));
  const auto data = open_text(*dir, R"({"format": "cifar100", "path": "c.bin"})");
  REQUIRE(data);
  const int64_t first[] = {0};
  const auto batch = (*data)->batch(first);
  CHECK(batch->labels.values<int64_t>()[0] == 99);
  CHECK(batch->inputs[0].values<float>()[0] == 5.0f / 255.0f);
}

TEST_CASE("broken CIFAR files and options that do not fit") {
  const auto dir = TempDir::make();
  write(*dir, "good", record(1));
  write(*dir, "empty", "");
  write(*dir, "short", record(1).substr(0, 3072));
  write(*dir, "long", record(1) + "x");
  write(*dir, "label", record(1) + record(10));
  const Inputs image = {{"x", type_of_text(DType::kF32, {3, 32, 32})}};
  const Inputs small = {{"x", type_of_text(DType::kF32, {3, 28, 28})}}, tokens = {{"ids", type_of_text(DType::kI32, {3, 32, 32})}};
  const struct {
    std::string recipe, message;
    Inputs inputs;
  } kCases[] = {
      {R"("path": "good")", "", image},
      {R"("path": "none")", "none: cannot be opened: No such file or directory", {}},
      {R"("path": "empty")", "empty: expected records of 3073 bytes, found 0 bytes (0 left over)", {}},
      {R"("path": "short")", "short: expected records of 3073 bytes, found 3072 bytes (3072 left over)", {}},
      {R"("path": "long")", "long: expected records of 3073 bytes, found 3074 bytes (1 left over)", {}},
      {R"("path": "label")", "label: expected a label from 0 to 9 at offset 3073, found 10", {}},
      {R"("path": "good", "limit": 0)", "/task/train/limit: expected an integer of at least 1, found the number 0", {}},
      {R"("path": "good", "normalize": {"mean": [1, 2]})", "/task/train/normalize/mean: expected one number, or one for each of 3 channels, found 2", {}},
      {R"("path": "good", "normalize": {"std": [1, 0, 1]})", "/task/train/normalize/std/1: expected a number above 0, found the number 0", {}},
      {R"("path": "good", "augment": ["flop"])", "/task/train/augment/0: expected \"flip\" or \"crop1\" to \"crop99\", found the text \"flop\"", {}},
      {R"("path": "good", "augment": ["crop0"])", "/task/train/augment/0: expected \"flip\" or \"crop1\" to \"crop99\", found the text \"crop0\"", {}},
      {R"("path": "good")", "/task/train: expected samples for the network's input x of type f32[N,3,28,28], found 3x32x32", small},
      {R"("path": "good")", "", tokens},
      {R"("path": "good")", "/task/train: the format cifar10 gives one input, and the network has a and b; use \"npz\" with an array for each",
       {{"a", image.at("x")}, {"b", image.at("x")}}},
  };
  for (const auto& c : kCases) CHECK(problem(*dir, R"({"format": "cifar10", )" + c.recipe + "}", c.inputs) == c.message);
}

TEST_CASE("the real CIFAR-10 files") {
  const auto path = test_data("data/cifar10/eval_batch.bin");
  if (!path) return;
  const auto dir = TempDir::make();
  const auto data = open_text(*dir, R"({"format": "cifar10", "path": ")" + path->string() + R"("})");
  REQUIRE(data);
  REQUIRE((*data)->size() == 3000);
  std::vector<int64_t> all(3000), counts(10);
  for (int64_t i = 0; i < 3000; ++i) all[i] = i;
  const auto batch = (*data)->batch(all);
  for (const int64_t label : batch->labels.values<int64_t>()) ++counts[label];
  CHECK(counts == std::vector<int64_t>(10, 300));  // 300 a class
}
