#include "tasks/task.h"

#include "tests/tasks/helpers.h"

using namespace fastc;
using namespace fastc::test;
using nlohmann::json;

namespace {

const Inputs kImage = {{"x", type_of_text(DType::kF32, {3, 32, 32})}};

std::string make_problem(const TempDir& dir, const char* recipe, const Inputs& inputs = kImage) {
  const auto task = make_task(json::parse(recipe), dir.path(), inputs, 1);
  return task ? "" : task.error().message;
}

}  // namespace

TEST_CASE("image classification opens what the recipe names") {
  const auto dir = TempDir::make();
  write(*dir, "a", std::string(3073, '\1'));
  const auto task = make_task(json::parse(R"({"type": "image_classification", "calibration": {"format": "random"},
                                              "evaluation": {"format": "cifar10", "path": "a"}})"), dir->path(), kImage, 1);
  REQUIRE(task);
  CHECK((*task)->type() == "image_classification");
  CHECK((*task)->primary() == "accuracy");
  CHECK_FALSE((*task)->needs_reference());
  CHECK((*task)->train() == nullptr);
  REQUIRE((*task)->evaluation() != nullptr);
  CHECK((*task)->evaluation()->input_names()[0] == "x");
  REQUIRE((*task)->calibration() != nullptr);
  CHECK((*task)->metric()->values().count("accuracy") == 1);
}

TEST_CASE("text classification and regression read tables; a regression's labels are numbers") {
  const auto dir = TempDir::make();
  write(*dir, "words", "[PAD]\n[UNK]\ngood\n");
  write(*dir, "a.tsv", "good\t1\t2.5\n");
  const auto recipe = [](const char* type, const char* label) {
    const json data = {{"format", "tsv"}, {"path", "a.tsv"}, {"header", false}, {"text", "1"}, {"label", label}, {"tokenizer", {{"type", "word"}, {"vocabulary", "words"}}}};
    return json{{"type", type}, {"train", data}, {"evaluation", data}};
  };
  const int64_t first[] = {0};
  const auto texts = make_task(recipe("text_classification", "2"), dir->path(), {}, 1);
  REQUIRE(texts);
  CHECK((*texts)->primary() == "accuracy");
  CHECK((*texts)->metric()->values().count("macro_f1") == 1);
  CHECK((*texts)->evaluation()->batch(first)->labels.values<int64_t>()[0] == 1);
  const auto numbers = make_task(recipe("regression", "3"), dir->path(), {}, 1);
  REQUIRE(numbers);
  CHECK((*numbers)->primary() == "pearson");
  CHECK((*numbers)->metric()->values().count("spearman") == 1);
  CHECK((*numbers)->train()->batch(first)->labels.values<float>()[0] == 2.5f);
  CHECK_FALSE(make_task(recipe("text_classification", "3"), dir->path(), {}, 1));  // 2.5 is no class
}

TEST_CASE("a file of data or words that is not there is named with who asked for it") {
  const auto dir = TempDir::make();
  write(*dir, "a.tsv", "good\t1\n");
  const std::string prefix = dir->path().string() + "/";
  const auto text = [&](const char* path) {
    std::string recipe = R"({"type": "text_classification", "evaluation": {"format": "tsv", "header": false, "text": "1", "label": "2", "tokenizer": {"type": "word", "vocabulary": "words"}, "path": ")";
    return make_problem(*dir, (recipe + path + "\"}}").c_str(), {});
  };
  CHECK(text("a.tsv") == "/task/evaluation: " + prefix + "words: cannot be opened: No such file or directory");
  write(*dir, "words", "[PAD]\n[UNK]\ngood\n");
  CHECK(text("a.tsv") == "");
  CHECK(text("b.tsv") == "/task/evaluation: " + prefix + "b.tsv: cannot be opened: No such file or directory");
  CHECK(make_problem(*dir, R"({"type": "image_classification", "train": {"format": "cifar10", "path": "none"}, "evaluation": {"format": "random"}})") ==
        "/task/train: " + prefix + "none: cannot be opened: No such file or directory");
}

TEST_CASE("fidelity falls back to random inputs, different ones for calibration and evaluation") {
  const auto dir = TempDir::make();
  const auto task = make_task(json::parse(R"({"type": "fidelity"})"), dir->path(), kImage, 1);
  REQUIRE(task);
  CHECK((*task)->primary() == "agreement");
  CHECK((*task)->metric()->values().count("agreement") == 1);
  CHECK((*task)->needs_reference());
  REQUIRE((*task)->calibration() != nullptr);
  REQUIRE((*task)->evaluation() != nullptr);
  CHECK((*task)->train() == nullptr);
  const int64_t first[] = {0};
  CHECK_FALSE(equal((*task)->calibration()->batch(first)->inputs[0], (*task)->evaluation()->batch(first)->inputs[0]));
  const auto unknown = make_task(json::parse("{}"), dir->path(), {{"x", Type{}}}, 1);
  REQUIRE(unknown);  // shapes may come later
  CHECK((*unknown)->evaluation() == nullptr);
}

TEST_CASE("tasks that are wrong") {
  const auto dir = TempDir::make();
  const struct {
    const char *recipe, *message;
  } kCases[] = {
      {"[]", "/task: expected an object, found a list of 0"},
      {R"({"type": "image_clasification"})", "/task/type: expected one of \"image_classification\", \"text_classification\", \"regression\" and \"fidelity\", found the text \"image_clasification\"; did you mean \"image_classification\"?"},
      {R"({"tipe": "fidelity"})", "/task/tipe: unknown key; did you mean \"type\"?"},
      {R"({"type": "image_classification"})", "/task: expected the key \"evaluation\" (the type image_classification scores labelled data), found none"},
      {R"({"type": "image_classification", "evaluation": {"format": "random"}})", "/task/evaluation: expected data with labels, found none; say where they are (\"label\" in npz, csv, tsv and jsonl, \"labels\" in idx)"},
      {R"({"evaluation": {"format": "random", "samples": 0}})", "/task/evaluation/samples: expected an integer from 1 to 16777216, found the number 0"},
  };
  for (const auto& c : kCases) CHECK(make_problem(*dir, c.recipe) == c.message);
}

TEST_CASE("the schema lists every format") {
  const json schema = task_schema();
  CHECK(schema["properties"]["type"]["enum"] == json::array({"image_classification", "text_classification", "regression", "fidelity"}));
  for (const char* part : {"calibration", "train", "evaluation"}) CHECK(schema["properties"][part]["oneOf"].size() == all_readers().size());
}
