#include "driver/pipeline/order.h"

#include "base/files.h"
#include "tests/catch.h"

using namespace fastc;

namespace {

// The message about this pipeline; "" when the order is good.
std::string complaint(const std::string& pipeline) {
  const auto folder = TempDir::make();
  REQUIRE(folder);
  const auto path = folder->path() / "r.json";
  REQUIRE(write_atomic(path, R"({"model": {"path": "m.pt"}, "pipeline": )" + pipeline + "}"));
  const auto recipe = read_recipe(path, {});
  if (!recipe) FAIL(recipe.error().message);
  const Status order = check_order(*recipe, true);
  return order ? "" : order.error().message;
}

}  // namespace

TEST_CASE("training comes before folding, or after quantization") {
  CHECK(complaint(R"([{"pass": "finetune"}, {"pass": "quantize.static"}])") == "");
  CHECK(complaint(R"([{"pass": "quantize.static"}, {"pass": "finetune"}])") == "");
  CHECK(complaint(R"([{"pass": "quantize.static"}, {"pass": "distill.single_shot"}, {"pass": "quantize.bias_correct"}])") == "");
  CHECK(complaint(R"([{"pass": "graph.fold"}, {"pass": "finetune"}])") ==
        "/pipeline/1 (finetune) trains with batch norm, but /pipeline/0 (graph.fold) folds it away; put the training first");
  CHECK(complaint(R"([{"pass": "quantize.equalize"}, {"pass": "finetune"}])") ==
        "/pipeline/1 (finetune) trains with batch norm, but /pipeline/0 (quantize.equalize) folds it away; put the training first");
}

TEST_CASE("a quantized network stays one, whatever trained it") {
  CHECK(complaint(R"([{"pass": "quantize.static"}, {"pass": "finetune"}, {"pass": "prune.channel"}])") ==
        "/pipeline/2 (prune.channel) needs a float network, but /pipeline/0 (quantize.static) leaves a quantized one; put it before");
  CHECK(complaint(R"([{"pass": "quantize.static"}, {"pass": "quantize.static"}])") ==
        "/pipeline/1 (quantize.static) needs a float network, but /pipeline/0 (quantize.static) leaves a quantized one; put it before");
  CHECK(complaint(R"([{"pass": "quantize.bias_correct"}])") ==
        "/pipeline/0 (quantize.bias_correct) needs a quantized network, but the model as imported leaves a float one; put it after a quantizing stage");
}
