#include "tasks/images/image.h"

#include "tests/catch.h"

using namespace fastc;

namespace {

const Image kGrey{3, 4, 1, {0, 50, 100, 200, 10, 60, 110, 210, 255, 0, 255, 0}};

std::vector<int> numbers(const Image& image) { return {image.pixels.begin(), image.pixels.end()}; }

}  // namespace

// Expected: Pillow 13, Image.fromarray(…).resize((width, height), Image.BILINEAR).
TEST_CASE("resizing gives Pillow's bytes, larger and smaller") {
  CHECK(numbers(resize_image(kGrey, 2, 2)) == std::vector<int>{40, 140, 109, 123});
  CHECK(numbers(resize_image(kGrey, 3, 5)) == std::vector<int>{0, 35, 75, 130, 200, 10, 45, 85, 140, 210, 255, 76, 128, 179, 0});
  CHECK(numbers(resize_image(kGrey, 5, 3)) == std::vector<int>{15, 75, 170, 19, 79, 174, 25, 85, 180, 117, 111, 118, 179, 128, 76});
  CHECK(numbers(resize_image(kGrey, 1, 1)) == std::vector<int>{102});
  CHECK(numbers(resize_image(kGrey, 3, 4)) == numbers(kGrey));
}

TEST_CASE("colours do not mix") {
  const Image two{1, 2, 3, {0, 100, 255, 100, 200, 255}};
  CHECK(numbers(resize_image(two, 1, 1)) == std::vector<int>{50, 150, 255});
}

TEST_CASE("the shorter side is resized, the longer one keeps the proportion, rounded down") {
  const auto sizes = [](int64_t height, int64_t width, int64_t side) {
    const Image image = resize_shorter({height, width, 1, std::vector<uint8_t>(static_cast<size_t>(height * width))}, side);
    return std::pair(image.height, image.width);
  };
  CHECK(sizes(3, 4, 2) == std::pair<int64_t, int64_t>(2, 2));
  CHECK(sizes(3, 4, 6) == std::pair<int64_t, int64_t>(6, 8));
  CHECK(sizes(5, 3, 4) == std::pair<int64_t, int64_t>(6, 4));
  CHECK(sizes(4, 4, 4) == std::pair<int64_t, int64_t>(4, 4));
}

TEST_CASE("the cut is out of the middle, half a pixel rounded to even, plane by plane") {
  std::byte one[2];
  crop_planes(kGrey, 1, 2, one);  // top (3-1)/2 = 1, left (4-2)/2 = 1
  CHECK(std::to_integer<int>(one[0]) == 60);
  CHECK(std::to_integer<int>(one[1]) == 110);
  crop_planes(kGrey, 2, 1, one);  // top 0.5 → 0, left 1.5 → 2
  CHECK(std::to_integer<int>(one[0]) == 100);
  CHECK(std::to_integer<int>(one[1]) == 110);
  std::byte planes[6];
  crop_planes({1, 2, 3, {1, 2, 3, 4, 5, 6}}, 1, 2, planes);
  CHECK(std::vector<int>{std::to_integer<int>(planes[0]), std::to_integer<int>(planes[1]), std::to_integer<int>(planes[2])} == std::vector<int>{1, 4, 2});
}
