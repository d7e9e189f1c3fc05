#include "base/process.h"

#include "tests/catch.h"

using namespace fastc;

TEST_CASE("a child answers line by line") {
  auto child = Child::start({"cat"}, {});
  REQUIRE(child);
  REQUIRE(child->write_line("one"));
  const auto line = child->read_line(5);
  REQUIRE(line);
  CHECK(*line == "one");
}

TEST_CASE("a child that ends leaves its last words in the error") {
  auto child = Child::start({"sh", "-c", "echo sorry >&2; exit 3"}, {});
  REQUIRE(child);
  const auto line = child->read_line(5);
  REQUIRE_FALSE(line);
  CHECK(line.error().message.find("sorry") != std::string::npos);
}

TEST_CASE("a program that is not there is an error") { CHECK_FALSE(run_to_end({"/no/such/program"}, 5)); }

TEST_CASE("exit status and output of a finished program") {
  const auto finished = run_to_end({"sh", "-c", "echo out; echo err >&2; exit 4"}, 5);
  REQUIRE(finished);
  CHECK(finished->status == 4);
  CHECK(finished->output.find("out") != std::string::npos);
  CHECK(finished->output.find("err") != std::string::npos);
}
