#include "base/json.h"

#include <nlohmann/json.hpp>

#include "tests/catch.h"

using namespace fastc;
using nlohmann::json;

TEST_CASE("JSON that is right") {
  const auto value = parse_json(R"({"a": [1, -2, 2.5, true, null], "b": {"c": "x\u00e9"}, "d": {}})", "r");
  REQUIRE(value);
  CHECK(*value == json::parse(R"({"a": [1, -2, 2.5, true, null], "b": {"c": "xé"}, "d": {}})"));
  CHECK(parse_json("3", "r").value() == 3);
}

TEST_CASE("JSON that is wrong") {
  const struct {
    std::string text, message;
  } kCases[] = {
      {"", "r, line 1, column 1: syntax error while parsing value - unexpected end of input; expected '[', '{', or a literal"},
      {"{\"a\": 1,\n \"b\" 2}",
       "r, line 2, column 6: syntax error while parsing object separator - unexpected number literal; expected ':'"},
      {"{\"a\": 1, \"a\": 2}", "r: expected every key once, found \"a\" again"},
      {"[1, 2", "r, line 1, column 6: syntax error while parsing array - unexpected end of input; expected ']'"},
      {"[1] x", "r, line 1, column 5: syntax error while parsing value - invalid literal; expected end of input"},
      {"[1e999]", "r, line 1, column 6: number overflow parsing '1e999'"},
  };
  for (const auto& c : kCases) {
    const auto value = parse_json(c.text, "r", ErrorClass::kUsage);
    REQUIRE_FALSE(value);
    CHECK(value.error().message == c.message);
    CHECK(value.error().cls == ErrorClass::kUsage);
  }
}

TEST_CASE("depth and size are bounded") {
  CHECK(parse_json(std::string(64, '[') + std::string(64, ']'), "r"));
  CHECK(parse_json(std::string(65, '[') + std::string(65, ']'), "r").error().message ==
        "r: expected at most 64 levels of nesting, found more");
  CHECK_FALSE(parse_json(std::string(1000000, '['), "r"));
  CHECK(parse_json("[1, 2, 3]", "r", ErrorClass::kInput, {.max_bytes = 5}).error().message ==
        "r: expected at most 5 bytes of JSON, found 9");
}

TEST_CASE("invalid UTF-8 is refused, not passed on") {
  const auto value = parse_json("\"\xff\"", "r");
  REQUIRE_FALSE(value);
  CHECK_THAT(value.error().message, Catch::Matchers::Contains("r, line 1, column 2: ") && Catch::Matchers::Contains("UTF-8"));
}

TEST_CASE("pointers and what was found") {
  CHECK(json_child("/pipeline", 2) == "/pipeline/2");
  CHECK(json_child("", "a/b~c") == "/a~1b~0c");
  CHECK(json_found(1.5) == "the number 1.5");
  CHECK(json_found("x") == "the text \"x\"");
  CHECK(json_found(json::array({1, 2})) == "a list of 2");
  CHECK(json_found(json::object()) == "an object");
  CHECK(json_found(nullptr) == "null");
  CHECK(json_found(std::string(59, 'x') + "é…") == "the text \"" + std::string(59, 'x') + "…\"");
}
