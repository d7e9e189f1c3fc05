#include "tests/tasks/helpers.h"

using namespace fastc;
using namespace fastc::test;

TEST_CASE("readers are found by their format, sorted, each with options") {
  std::vector<std::string> formats;
  for (const auto* reader : all_readers()) {
    formats.push_back(reader->format);
    CHECK(reader->options.fields().front().name == "format");
    CHECK(reader->options.schema()["required"][0] == "format");
  }
  CHECK(formats == std::vector<std::string>{"cifar10", "cifar100", "csv", "idx", "images", "jsonl", "npz", "random", "tsv"});
}

TEST_CASE("data that no reader takes") {
  const auto dir = TempDir::make();
  const struct {
    const char *recipe, *message;
  } kCases[] = {
      {"[]", "/task/train: expected an object, found a list of 0"},
      {"{}", "/task/train/format: expected one of cifar10, cifar100, csv, idx, images, jsonl, npz, random and tsv, found none"},
      {R"({"format": 3})", "/task/train/format: expected one of cifar10, cifar100, csv, idx, images, jsonl, npz, random and tsv, found the number 3"},
      {R"({"format": "cifar"})", "/task/train/format: expected one of cifar10, cifar100, csv, idx, images, jsonl, npz, random and tsv, found the text \"cifar\"; did you mean \"cifar10\"?"},
      {R"({"format": "idx"})", "/task/train: expected the key \"images\" (a text), found none"},
      {R"({"format": "npz", "path": "x", "lable": "y"})", "/task/train/lable: unknown key; did you mean \"label\"?"},
  };
  for (const auto& c : kCases) CHECK(problem(*dir, c.recipe) == c.message);
}
