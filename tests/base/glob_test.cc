#include "base/glob.h"

#include <string>

#include "tests/catch.h"

using fastc::glob_match;

TEST_CASE("globs on node names") {
  CHECK(glob_match("*", ""));
  CHECK(glob_match("*", "layer1.0.conv1"));
  CHECK(glob_match("layer1.*", "layer1.0.conv1"));  // crosses dots
  CHECK(glob_match("*conv?", "layer1.0.conv2"));
  CHECK(glob_match("layer[12].0.*", "layer2.0.conv1"));
  CHECK(glob_match("layer[1-3].*", "layer3.x"));
  CHECK(glob_match("*.conv[!1]", "layer1.0.conv2"));
  CHECK(glob_match("a*b*c", "a__b__b_c"));
  CHECK(glob_match("", ""));
  CHECK(glob_match("x[", "x["));  // no class without its ]
  CHECK(glob_match("[]]", "]"));

  CHECK_FALSE(glob_match("", "a"));
  CHECK_FALSE(glob_match("layer1", "layer1.0"));
  CHECK_FALSE(glob_match("*.conv[!1]", "layer1.0.conv1"));
  CHECK_FALSE(glob_match("layer[12].*", "layer3.0"));
  CHECK_FALSE(glob_match("?", ""));
  CHECK_FALSE(glob_match("a*b", "a"));
}

TEST_CASE("a hostile pattern takes no exponential time") {
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "a*";
  CHECK_FALSE(glob_match(pattern + "b", std::string(5000, 'a')));
}
