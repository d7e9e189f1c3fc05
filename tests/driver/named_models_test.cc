#include "driver/pipeline/named_models.h"

#include "base/files.h"
#include "ir/type.h"
#include "tests/catch.h"

using namespace fastc;

namespace {

// The message about this pipeline, of a network that takes one f32[N,4]; "" when every model it names is there.
std::string complaint(const std::string& pipeline) {
  const auto folder = TempDir::make();
  REQUIRE(folder);
  const auto network = [&](const char* name, const std::string& inputs) {
    REQUIRE(write_atomic(folder->path() / name, "module m (" + inputs + ") -> (%y) symbols N in [1, 9] { %y = relu(%x) }"));
  };
  network("same.ir", "%x : f32[N,4]");
  network("wider.ir", "%x : f32[N,5]");
  network("two.ir", "%x : f32[N,4], %z : f32[N,4]");
  REQUIRE(write_atomic(folder->path() / "words.txt", "no network"));
  const auto path = folder->path() / "r.json";
  REQUIRE(write_atomic(path, R"({"model": {"path": "same.ir"}, "pipeline": )" + pipeline + "}"));
  const auto recipe = read_recipe(path, {});
  if (!recipe) FAIL(recipe.error().message);
  const Status found = check_named_models(*recipe, {{"x", Type{DType::kF32, {Dim::symbol("N"), 4}, {}}}});
  if (found) return "";
  std::string message = found.error().message;
  const std::string prefix = folder->path().string() + "/";
  if (const size_t at = message.find(prefix); at != std::string::npos) message.erase(at, prefix.size());
  return message;
}

}  // namespace

TEST_CASE("models that stages name are there: the original, an earlier stage, a file") {
  CHECK(complaint(R"([{"pass": "finetune", "name": "tuned"}, {"pass": "distill.single_shot", "teacher": ["original", "stage:tuned", "same.ir"]},
                      {"pass": "distill.bidirectional", "peer": {"path": "same.ir", "initialize": "random"}}, {"pass": "prune.weight", "ratio": 0.5, "train": {"epochs": 1}}])") == "");
}

TEST_CASE("a model that is not there is named with its place in the recipe") {
  CHECK_THAT(complaint(R"([{"pass": "distill.single_shot", "teacher": "none.pt"}])"), Catch::Matchers::StartsWith("/pipeline/0/teacher: none.pt: "));
  CHECK_THAT(complaint(R"([{"pass": "distill.single_shot", "teacher": ["original", "none.pt"]}])"), Catch::Matchers::StartsWith("/pipeline/0/teacher/1: none.pt: "));
  CHECK_THAT(complaint(R"([{"pass": "distill.multi_level", "student": {"path": "none.pt"}}])"), Catch::Matchers::StartsWith("/pipeline/0/student/path: none.pt: "));
  CHECK_THAT(complaint(R"([{"pass": "finetune"}, {"pass": "distill.bidirectional", "peer": {"path": "."}}])"), Catch::Matchers::StartsWith("/pipeline/1/peer/path: "));
  CHECK_THAT(complaint(R"([{"pass": "quantize.static"}, {"pass": "quantize.bias_correct", "reference": "none.pt"}])"), Catch::Matchers::StartsWith("/pipeline/1/reference: none.pt: "));
  CHECK_THAT(complaint(R"([{"pass": "prune.weight", "ratio": 0.5, "train": {"teacher": "words.txt"}}])"), Catch::Matchers::StartsWith("/pipeline/0/train/teacher: words.txt: "));
}

TEST_CASE("a stage is known to those after it only") {
  CHECK(complaint(R"([{"pass": "distill.single_shot", "teacher": "stage:tuned"}, {"pass": "finetune", "name": "tuned"}])") ==
        "/pipeline/0/teacher: no earlier stage is called \"tuned\"; named stages before this one: none");
  CHECK(complaint(R"([{"pass": "finetune", "name": "a"}, {"pass": "finetune", "name": "b"}, {"pass": "distill.single_shot", "name": "c", "teacher": "stage:c"}])") ==
        "/pipeline/2/teacher: no earlier stage is called \"c\"; named stages before this one: a, b");
}

TEST_CASE("other inputs than the network's are seen before weights are read") {
  CHECK(complaint(R"([{"pass": "distill.single_shot", "teacher": "wider.ir"}])") ==
        "/pipeline/0/teacher: wider.ir takes f32[N,5] as input x and the network f32[N,4]; name a model with the network's inputs");
  CHECK(complaint(R"([{"pass": "distill.single_shot", "teacher": "two.ir"}])") ==
        "/pipeline/0/teacher: two.ir takes 2 inputs and the network 1; name a model with the network's inputs");
}
