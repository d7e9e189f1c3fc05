#include "tasks/augment.h"

#include <set>

#include "base/files.h"
#include "tests/tasks/helpers.h"

using namespace fastc;
using namespace fastc::test;

namespace {

std::string changed(const Augment& augment, uint64_t seed, const std::string& image, const std::vector<int64_t>& shape) {
  Random random(seed);
  std::string out(image.size(), '?');
  augment_image(augment, random, shape, 1, reinterpret_cast<const std::byte*>(image.data()), reinterpret_cast<std::byte*>(out.data()));
  return out;
}

}  // namespace

TEST_CASE("a flip mirrors each row or leaves all of them") {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 20; ++seed) seen.insert(changed({.flip = true}, seed, "abcdefghijkl", {2, 2, 3}));
  CHECK(seen == std::set<std::string>{"abcdefghijkl", "cbafedihglkj"});
}

TEST_CASE("a crop moves the image by at most its padding, and fills with zeros") {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 200; ++seed) seen.insert(changed({.crop = 1}, seed, "abcd", {1, 2, 2}));
  const std::string o(1, '\0');
  CHECK(seen.size() == 9);
  CHECK(seen.count("abcd") == 1);
  CHECK(seen.count("b" + o + "d" + o) == 1);
  CHECK(seen.count("d" + o + o + o) == 1);
  CHECK(seen.count(o + o + o + "a") == 1);
}

TEST_CASE("the same seed changes the same way, and nothing changes without one") {
  const auto dir = TempDir::make();
  std::string records;
  for (int i = 0; i < 4; ++i) {
    records += static_cast<char>(i);
    for (int k = 0; k < 3072; ++k) records += static_cast<char>(k * 31 + i);
  }
  write(*dir, "a", records);
  const auto data = open_text(*dir, R"({"format": "cifar10", "path": "a", "augment": ["flip", "crop4"]})");
  const int64_t indices[] = {0, 1, 2, 3};
  Random first(5), second(5), third(6);
  const auto a = (*data)->batch(indices, &first), b = (*data)->batch(indices, &second), c = (*data)->batch(indices, &third);
  const auto plain = (*data)->batch(indices);
  CHECK(equal(a->inputs[0], b->inputs[0]));
  CHECK_FALSE(equal(a->inputs[0], c->inputs[0]));
  CHECK_FALSE(equal(a->inputs[0], plain->inputs[0]));
  CHECK(plain->inputs[0].values<float>()[1] == 31.0f / 255.0f);
}
