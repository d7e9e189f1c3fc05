#include "base/text.h"

#include "tests/catch.h"

using namespace fastc;

TEST_CASE("the nearest word is a likely typing error, or none") {
  const std::vector<std::string> words = {"ratio", "importance", "include"};
  CHECK(nearest("ratoi", words) == "ratio");
  CHECK(nearest("Ratio", words) == "ratio");
  CHECK(nearest("importence", words) == "importance");
  CHECK(nearest("imp", words) == "importance");
  CHECK(nearest("banana", words) == "");
  CHECK(nearest("", words) == "");
  CHECK(nearest("x", {}) == "");
}

TEST_CASE("lists of words") {
  const std::vector<std::string> words = {"a", "b", "c"};
  CHECK(list_words({}) == "none");
  CHECK(list_words(std::span(words).first(1)) == "a");
  CHECK(list_words(words) == "a, b and c");
  CHECK(list_words(words, 2) == "a, b and 1 more");
}
