#include "base/npy.h"
#include "tests/tasks/helpers.h"

using namespace fastc;
using namespace fastc::test;

namespace {

template <typename T>
NpyArray array(const char* descr, std::vector<int64_t> shape, std::vector<T> values) {
  return make_npy(descr, std::move(shape), std::as_bytes(std::span(values)));
}

void write_sample(const TempDir& dir) {
  REQUIRE(write_npz(dir.path() / "x.npz", {{"images", array<uint8_t>("|u1", {2, 1, 1, 2}, {0, 255, 51, 102})},
                                           {"floats", array<double>("<f8", {2, 2}, {0.5, 1.5, 2.5, 3.5})},
                                           {"halves", array<uint16_t>("<f2", {2, 2}, {0x3c00, 0xc000, 0x0001, 0x7c00})},
                                           {"ids", array<int64_t>("<i8", {2, 3}, {1, 2, 3, 4, 5, 6})},
                                           {"labels", array<int32_t>("<i4", {2, 1}, {7, 8})},
                                           {"three", array<int32_t>("<i4", {3}, {7, 8, 9})},
                                           {"single", array<float>("<f4", {}, {1})},
                                           {"input_0", array<float>("<f4", {2, 1}, {3, 4})},
                                           {"input_1", array<float>("<f4", {2, 1}, {5, 6})}}));
}

}  // namespace

TEST_CASE("arrays go to the inputs that the recipe names, in the network's types") {
  const auto dir = TempDir::make();
  write_sample(*dir);
  const Inputs inputs = {{"x", type_of_text(DType::kF32, {1, 1, 2})}, {"ids", type_of_text(DType::kI64, {3})}};
  const auto data = open_text(*dir, R"({"format": "npz", "path": "x.npz", "inputs": {"x": "images", "ids": "ids"}, "label": "labels", "normalize": {"mean": [0.5], "std": [0.5]}})", inputs);
  REQUIRE(data);
  CHECK((*data)->input_names() == std::vector<std::string>{"ids", "x"});
  const int64_t indices[] = {1};
  const auto batch = (*data)->batch(indices);
  CHECK(batch->inputs[0].values<int64_t>()[2] == 6);
  CHECK(batch->inputs[1].values<float>()[0] == (51.0f / 255.0f - 0.5f) / 0.5f);
  CHECK(batch->labels.values<int64_t>()[0] == 8);
}

TEST_CASE("without a mapping, arrays named as the inputs are taken, else input_0, input_1") {
  const auto dir = TempDir::make();
  write_sample(*dir);
  const std::string recipe = R"({"format": "npz", "path": "x.npz"})";
  CHECK((*open_text(*dir, recipe, {{"ids", type_of_text(DType::kI64, {3})}}))->input_names() == std::vector<std::string>{"ids"});
  CHECK((*open_text(*dir, recipe))->input_names() == std::vector<std::string>{"input_0", "input_1"});
  CHECK(type_text((*open_text(*dir, recipe))->input_types()[1]) == "f32[N,1]");
}

TEST_CASE("batches come in forward's order, which input_0, input_1 count in") {
  const auto dir = TempDir::make();
  write_sample(*dir);
  const Inputs inputs = {{"a", type_of_text(DType::kF32, {1})}, {"z", type_of_text(DType::kF32, {1})}};
  for (const char* recipe : {R"({"format": "npz", "path": "x.npz"})", R"({"format": "npz", "path": "x.npz", "inputs": {"a": "input_1", "z": "input_0"}})",
                             R"({"format": "npz", "path": "x.npz", "inputs": {"a": "input_1", "input_0": "input_0"}})"}) {
    const auto data = open_dataset(nlohmann::json::parse(recipe), {dir->path(), inputs, 7, "/task/train", {"z", "a"}});
    REQUIRE(data);
    CHECK((*data)->input_names() == std::vector<std::string>{"z", "a"});
    const int64_t first[] = {0};
    CHECK((*data)->batch(first)->inputs[0].values<float>()[0] == 3);
  }
}

TEST_CASE("doubles and halves become floats") {
  const auto dir = TempDir::make();
  write_sample(*dir);
  const int64_t both[] = {0, 1};
  const auto floats = open_text(*dir, R"({"format": "npz", "path": "x.npz", "inputs": {"x": "floats"}, "scale": 2})");
  CHECK((*floats)->batch(both)->inputs[0].values<float>()[3] == 7.0f);
  const auto halves = open_text(*dir, R"({"format": "npz", "path": "x.npz", "inputs": {"x": "halves"}})");
  const auto batch = (*halves)->batch(both);
  const auto values = batch->inputs[0].values<float>();
  CHECK(values[0] == 1.0f);
  CHECK(values[1] == -2.0f);
  CHECK(values[2] == 0x1p-24f);
  CHECK(values[3] == std::numeric_limits<float>::infinity());
}

TEST_CASE("npz files and mappings that do not fit") {
  const auto dir = TempDir::make();
  write_sample(*dir);
  write(*dir, "text.npz", "no archive at all, but long enough");
  const Inputs x = {{"x", type_of_text(DType::kI64, {2})}};
  const struct {
    std::string recipe, message;
    Inputs inputs;
  } kCases[] = {
      {R"("path": "none.npz")", "none.npz: cannot be opened: No such file or directory", {}},
      {R"("path": "text.npz")", "text.npz: expected a zip archive, found no end-of-directory record (a truncated file?)", {}},
      {R"("path": "x.npz", "inputs": {"x": "pictures"})", "x.npz: expected an array \"pictures\", found images, floats, halves, ids, labels, three, single, input_0 and input_1", {}},
      {R"("path": "x.npz", "inputs": {"y": "ids"})", "/task/train/inputs: expected names of the network's inputs (x), found \"y\"", x},
      {R"("path": "x.npz", "inputs": {"x": "floats"})", "/task/train: expected i64 for the network's input x, found float64", x},
      {R"("path": "x.npz", "inputs": {"x": "ids"})", "/task/train: expected samples for the network's input x of type i64[N,2], found 3", x},
      {R"("path": "x.npz", "inputs": {"x": "single"})", "x.npz, array single: expected samples along the first axis, found a single number", {}},
      {R"("path": "x.npz", "inputs": {"a": "ids", "b": "three"})", "/task/train: expected 2 samples for b as for a, found 3", {}},
      {R"("path": "x.npz", "inputs": {"a": "ids"}, "label": "three")", "/task/train: expected 2 labels, one a sample, found 3", {}},
      {R"("path": "x.npz", "inputs": {"a": "ids"}, "label": "floats")", "x.npz, array floats: expected one label a sample, found 2", {}},
      {R"("path": "x.npz", "inputs": {"a": "ids"}, "label": "input_0")", "x.npz, array input_0: expected labels as integers, found float32", {}},
      {R"("path": "x.npz", "inputs": {"a": "ids"}, "augment": "flip")", "/task/train/augment: expected images of channels, height and width, found samples of 3", {}},
  };
  for (const auto& c : kCases) CHECK(problem(*dir, R"({"format": "npz", )" + c.recipe + "}", c.inputs) == c.message);
}

TEST_CASE("an .npz without arrays for the network says what it has") {
  const auto dir = TempDir::make();
  REQUIRE(write_npz(dir->path() / "x.npz", {{"a", array<float>("<f4", {1, 1}, {1})}}));
  CHECK(problem(*dir, R"({"format": "npz", "path": "x.npz"})") ==
        "x.npz: expected arrays named as the network's inputs (not known yet) or input_0, input_1 …, found a; say which with \"inputs\"");
}

TEST_CASE("regression takes any array of numbers as labels") {
  const auto dir = TempDir::make();
  write_sample(*dir);
  const auto data = open_dataset({{"format", "npz"}, {"path", "x.npz"}, {"inputs", {{"x", "images"}}}, {"label", "input_0"}}, {dir->path(), {}, 7, "/task/train", {}, DType::kF32});
  REQUIRE(data);
  const int64_t second[] = {1};
  CHECK((*data)->batch(second)->labels.values<float>()[0] == 4);
}
