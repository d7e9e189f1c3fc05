#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#include <stb_image_write.h>
#pragma GCC diagnostic pop

#include "tests/tasks/helpers.h"

using namespace fastc;
using namespace fastc::test;

namespace {

void append(void* to, void* data, int size) { static_cast<std::string*>(to)->append(static_cast<const char*>(data), static_cast<size_t>(size)); }

using Pixels = std::vector<uint8_t>;

std::string png(int height, int width, int channels, const Pixels& pixels) {
  std::string out;
  REQUIRE(stbi_write_png_to_func(append, &out, width, height, channels, pixels.data(), width * channels));
  return out;
}

std::string jpeg(int height, int width, const Pixels& pixels) {
  std::string out;
  REQUIRE(stbi_write_jpg_to_func(append, &out, width, height, 3, pixels.data(), 95));
  return out;
}

void write_in(const TempDir& dir, const std::string& name, const std::string& bytes) {
  REQUIRE(make_folders((dir.path() / name).parent_path()));
  write(dir, name, bytes);
}

const Inputs kSmall = {{"x", type_of_text(DType::kF32, {3, 1, 2})}};
const std::string kRecipe = R"({"format": "images", "path": "data", "scale": 1})";
const Pixels kTwo = {1, 2, 3, 4, 5, 6};  // two pixels, RGB

std::vector<float> sample(const Dataset& data, int64_t index) {
  const auto batch = data.batch(std::span(&index, 1));
  REQUIRE(batch);
  const auto values = batch->inputs[0].values<float>();
  return {values.begin(), values.end()};
}

}  // namespace

TEST_CASE("sub-folders are classes in the order of their names; files below them in the order of their paths") {
  const auto dir = TempDir::make();
  write_in(*dir, "data/dog/1.png", png(1, 2, 3, {9, 9, 9, 9, 9, 9}));
  write_in(*dir, "data/cat/b.PNG", png(1, 2, 3, kTwo));
  write_in(*dir, "data/cat/a/z.png", png(1, 2, 3, {7, 7, 7, 8, 8, 8}));
  write_in(*dir, "data/cat/notes.txt", "no picture");
  write_in(*dir, "data/.git/x.png", "hidden");
  const auto data = open_text(*dir, kRecipe, kSmall);
  REQUIRE(data);
  CHECK((*data)->size() == 3);
  CHECK(sample(**data, 0) == std::vector<float>{7, 8, 7, 8, 7, 8});
  CHECK(sample(**data, 1) == std::vector<float>{1, 4, 2, 5, 3, 6});  // planes
  const int64_t all[] = {0, 1, 2};
  const auto batch = (*data)->batch(all);
  CHECK(batch->labels.values<int64_t>()[1] == 0);
  CHECK(batch->labels.values<int64_t>()[2] == 1);
}

TEST_CASE("pixels are scaled as ToTensor does and normalized") {
  const auto dir = TempDir::make();
  write_in(*dir, "data/0/a.png", png(1, 2, 3, {0, 51, 255, 0, 51, 255}));
  const auto data = open_text(*dir, R"({"format": "images", "path": "data", "normalize": {"mean": [0, 0.5, 0], "std": [1, 0.5, 2]}})", kSmall);
  REQUIRE(data);
  CHECK(sample(**data, 0) == std::vector<float>{0, 0, (0.2f - 0.5f) / 0.5f, (0.2f - 0.5f) / 0.5f, 0.5f, 0.5f});
}

TEST_CASE("a picture is resized to just cover the network's size, or to a shorter side, then cut") {
  const auto dir = TempDir::make();
  Pixels wide(4 * 16 * 3);  // 4 high, 16 wide, left half 0, right half 200
  for (size_t i = 0; i < wide.size(); ++i) wide[i] = i / 3 % 16 < 8 ? 0 : 200;
  write_in(*dir, "data/0/a.png", png(4, 16, 3, wide));
  const Inputs square = {{"x", type_of_text(DType::kF32, {3, 2, 2})}};
  const auto covered = open_text(*dir, kRecipe, square);  // 2x8, then the middle 2x2
  REQUIRE(covered);
  CHECK(sample(**covered, 0)[0] < sample(**covered, 0)[1]);
  const auto larger = open_text(*dir, R"({"format": "images", "path": "data", "scale": 1, "resize": 8})", square);
  REQUIRE(larger);
  CHECK(sample(**larger, 0).size() == 12);
  const auto stated = open_text(*dir, R"({"format": "images", "path": "data", "size": [4, 6]})");
  REQUIRE(stated);
  CHECK(type_text((*stated)->input_types()[0]) == "f32[N,3,4,6]");
}

TEST_CASE("grey and RGB turn into what the network takes; JPEG reads too; pictures without classes have no labels") {
  const auto dir = TempDir::make();
  write_in(*dir, "data/a.png", png(1, 2, 1, {10, 20}));
  write_in(*dir, "data/b.jpg", jpeg(8, 16, Pixels(8 * 16 * 3, 128)));
  write_in(*dir, "data/c.png", png(1, 2, 4, {1, 2, 3, 0, 4, 5, 6, 255}));
  const auto colour = open_text(*dir, kRecipe, kSmall);
  REQUIRE(colour);
  CHECK_FALSE((*colour)->has_labels());
  CHECK(sample(**colour, 0) == std::vector<float>{10, 20, 10, 20, 10, 20});
  CHECK(sample(**colour, 1)[0] == Approx(128).margin(1));
  CHECK(sample(**colour, 2) == std::vector<float>{1, 4, 2, 5, 3, 6});  // transparency is dropped
  const auto grey = open_text(*dir, kRecipe, {{"x", type_of_text(DType::kF32, {1, 1, 2})}});
  REQUIRE(grey);
  CHECK(sample(**grey, 0) == std::vector<float>{10, 20});
}

TEST_CASE("folders and recipes that do not fit") {
  const auto dir = TempDir::make();
  write_in(*dir, "good/a/1.png", png(1, 2, 3, kTwo));
  write_in(*dir, "file", "");
  REQUIRE(make_folders(dir->path() / "empty"));
  write_in(*dir, "half/a/1.png", png(1, 2, 3, kTwo));
  REQUIRE(make_folders(dir->path() / "half/b"));
  const Inputs open_size = {{"x", {DType::kF32, {Dim::symbol("N"), Dim(3), Dim::symbol("H"), Dim::symbol("W")}, {}}}};
  const struct {
    const char* recipe;
    Inputs inputs;
    const char* message;
  } kCases[] = {
      {R"({"format": "images", "path": "good"})", kSmall, ""},
      {R"({"format": "images", "path": "none"})", kSmall, "none: expected a folder of pictures, found nothing"},
      {R"({"format": "images", "path": "file"})", kSmall, "file: expected a folder of pictures, found a file"},
      {R"({"format": "images", "path": "empty"})", kSmall, "empty: expected PNG or JPEG pictures, found none"},
      {R"({"format": "images", "path": "half"})", kSmall, "half/b: expected PNG or JPEG pictures in every class, found none"},
      {R"({"format": "images", "path": "good"})", open_size, "/task/train: the network does not say how large its pictures are; add \"size\": [height, width]"},
      {R"({"format": "images", "path": "good", "size": [4]})", open_size, "/task/train/size: expected height and width, found 1 number(s)"},
      {R"({"format": "images", "path": "good", "size": [4, 8], "resize": 7})", open_size, "/task/train/resize: expected at least 8, as 4x8 is cut out, found 7"},
      {R"({"format": "images", "path": "good"})", {{"x", type_of_text(DType::kF32, {4, 8, 8})}}, "/task/train: pictures have 1 or 3 channels, and the network takes 4"},
  };
  for (const auto& c : kCases) CHECK(problem(*dir, c.recipe, c.inputs) == c.message);
}

TEST_CASE("broken pictures are named when they are used") {
  const auto dir = TempDir::make();
  const std::string whole = png(1, 2, 3, kTwo), picture = jpeg(16, 16, Pixels(16 * 16 * 3, 77));
  std::string huge = whole;
  for (const size_t at : {16, 20}) huge.replace(at, 4, std::string("\0\0\x40\0", 4));  // 16384 x 16384 in the header
  const struct {
    std::string bytes, message;
  } kCases[] = {
      {"", "data/a.png: expected a PNG or JPEG picture, found other bytes (an empty file)"},
      {"GIF89a", "data/a.png: expected a PNG or JPEG picture, found other bytes (unknown image type)"},
      {whole.substr(0, 20), "data/a.png: expected a PNG or JPEG picture, found other bytes (unknown image type)"},
      {whole.substr(0, 45), "data/a.png: the picture is damaged or cut short ("},
      {picture.substr(0, 200), "data/a.png: the picture is damaged or cut short ("},
      {huge, "data/a.png: expected a picture of at most 67108864 pixels, found 16384x16384"},
  };
  for (const auto& c : kCases) {
    write_in(*dir, "data/a.png", c.bytes);
    const auto data = open_text(*dir, kRecipe, kSmall);
    REQUIRE(data);
    const int64_t first[] = {0};
    const auto batch = (*data)->batch(first);
    REQUIRE_FALSE(batch);
    CHECK(batch.error().cls == ErrorClass::kInput);
    CHECK(batch.error().message.substr(dir->path().string().size() + 1, c.message.size()) == c.message);
  }
  write_in(*dir, "data/a.png", png(1, 40000, 3, Pixels(40000 * 3)));  // a strip would grow beyond all bounds
  const auto strip = open_text(*dir, R"({"format": "images", "path": "data", "size": [1, 2], "resize": 16384})");
  REQUIRE(strip);
  const int64_t first[] = {0};
  CHECK((*strip)->batch(first).error().message.ends_with("resized to a shorter side of 16384 this picture of 40000x1 would have more than 67108864 pixels"));
}
