#include "tests/tasks/helpers.h"

using namespace fastc;
using namespace fastc::test;

namespace {

void write_files(const TempDir& dir) {
  write(dir, "words", "[PAD]\n[UNK]\ngood\nbad\nfilm\n");
  write(dir, "pieces", "[PAD]\n[UNK]\n[CLS]\n[SEP]\ngood\nbad\n");
  write(dir, "classes", "sad\nglad\n");
  write(dir, "a.tsv", "Good film\t1\nbad \"film\t0\n");
  write(dir, "a.csv", "label,text\nglad,\"good, film\"\nsad,bad\n");
  write(dir, "a.jsonl", "{\"label\": 1, \"text\": \"good\", \"other\": \"bad\"}\n{\"label\": 0, \"text\": \"bad\", \"other\": \"x\"}\n");
  write(dir, "n.csv", "a;b;y\n1;2;0.5\n3;-4e1;1\n");
}

const std::string kTsv = R"({"format": "tsv", "path": "a.tsv", "header": false, "text": "1", "label": "2", "tokenizer": {"type": "word", "vocabulary": "words", "max_length": 3}})";

Batch both(const Dataset& data) {
  const int64_t indices[] = {0, 1};
  auto batch = data.batch(indices);
  REQUIRE(batch);
  return *batch;
}

template <typename T>
std::vector<T> numbers(const Tensor& tensor) {
  const auto values = tensor.values<T>();
  return {values.begin(), values.end()};
}
using Ids = std::vector<int64_t>;

}  // namespace

TEST_CASE("TSV: texts become ids, i64 where the network does not say, and labels classes") {
  const auto dir = TempDir::make();
  write_files(*dir);
  const auto data = open_text(*dir, kTsv);
  REQUIRE(data);
  CHECK((*data)->input_names() == std::vector<std::string>{"input_0"});
  CHECK(type_text((*data)->input_types()[0]) == "i64[N,3]");
  const Batch batch = both(**data);
  CHECK(numbers<int64_t>(batch.inputs[0]) == Ids{2, 4, 0, 3, 1, 0});
  CHECK(numbers<int64_t>(batch.labels) == Ids{1, 0});
}

TEST_CASE("CSV: labels by the names of a file; the length is the network's") {
  const auto dir = TempDir::make();
  write_files(*dir);
  const auto data = open_text(*dir, R"({"format": "csv", "path": "a.csv", "text": "text", "label": "label", "labels": "classes",
                                       "tokenizer": {"type": "word", "vocabulary": "words", "split": "basic"}})", {{"tokens", type_of_text(DType::kI32, {4})}});
  REQUIRE(data);
  CHECK((*data)->input_names() == std::vector<std::string>{"tokens"});
  const Batch batch = both(**data);
  CHECK(numbers<int32_t>(batch.inputs[0]) == std::vector<int32_t>{2, 1, 4, 0, 3, 0, 0, 0});
  CHECK(numbers<int64_t>(batch.labels) == Ids{1, 0});
}

TEST_CASE("JSON lines: a pair of texts, and the inputs that the graph asks for, in its order and types") {
  const auto dir = TempDir::make();
  write_files(*dir);
  const std::string recipe = R"({"format": "jsonl", "path": "a.jsonl", "text": ["text", "other"], "label": "label", "tokenizer": {"vocabulary": "pieces", "max_length": 6}})";
  const Inputs inputs = {{"attention_mask", type_of_text(DType::kF32, {6})}, {"input_ids", type_of_text(DType::kI64, {6})}, {"token_type_ids", type_of_text(DType::kI64, {6})}};
  const auto data = open_dataset(nlohmann::json::parse(recipe), {dir->path(), inputs, 7, "/task/train", {"input_ids", "token_type_ids", "attention_mask"}});
  REQUIRE(data);
  CHECK((*data)->input_names() == std::vector<std::string>{"input_ids", "token_type_ids", "attention_mask"});
  const Batch batch = both(**data);
  CHECK(numbers<int64_t>(batch.inputs[0]) == Ids{2, 4, 3, 5, 3, 0, 2, 5, 3, 1, 3, 0});
  CHECK(numbers<int64_t>(batch.inputs[1]) == Ids{0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0});
  CHECK(numbers<float>(batch.inputs[2]) == std::vector<float>{1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0});
}

TEST_CASE("numbers are features, normalized each on its own; regression takes numbers as labels") {
  const auto dir = TempDir::make();
  write_files(*dir);
  const std::string recipe = R"({"format": "csv", "path": "n.csv", "separator": ";", "features": ["b", "a"], "label": "y", "normalize": {"mean": [2, 1], "std": [2, 1]}})";
  const auto data = open_dataset(nlohmann::json::parse(recipe), {dir->path(), {}, 7, "/task/train", {}, DType::kF32});
  REQUIRE(data);
  CHECK(type_text((*data)->input_types()[0]) == "f32[N,2]");
  const Batch batch = both(**data);
  CHECK(numbers<float>(batch.inputs[0]) == std::vector<float>{0, 0, -21, 2});
  CHECK(numbers<float>(batch.labels) == std::vector<float>{0.5f, 1});
}

TEST_CASE("the first rows alone, which is then all that is checked") {
  const auto dir = TempDir::make();
  write_files(*dir);
  write(*dir, "a.tsv", "good\t1\nbad\tx\n");
  std::string limited = kTsv;
  limited.insert(1, "\"limit\": 1, ");
  CHECK(problem(*dir, kTsv) == "a.tsv, line 2: expected a class's number as label, found \"x\"; name the classes in a file and that file as \"labels\"");
  const auto data = open_text(*dir, limited);
  REQUIRE(data);
  CHECK((*data)->size() == 1);
}

TEST_CASE("tables and recipes that do not fit") {
  const auto dir = TempDir::make();
  write_files(*dir);
  write(*dir, "bad.csv", "text,label\nx,1\ny,merry\n");
  write(*dir, "nan.csv", "a,y\n1,0\nnan,1\n");
  write(*dir, "twice", "a\na\n");
  const Inputs two = {{"a", type_of_text(DType::kI64, {4})}, {"b", type_of_text(DType::kI64, {4})}};
  const std::string word = R"("tokenizer": {"type": "word", "vocabulary": "words"})";
  const struct {
    std::string rest;
    Inputs inputs;
    const char* message;
  } kCases[] = {
      {R"("path": "a.csv")", {}, "/task/train: expected the key \"text\" (columns of texts) or \"features\" (columns of numbers), found neither"},
      {R"("path": "a.csv", "text": "text")", {}, "/task/train: expected the key \"tokenizer\" for the texts, found none"},
      {R"("path": "a.csv", "text": ["a", "b", "c"], )" + word, {}, "/task/train/text: expected one column, or two that make a pair, found 3"},
      {R"("path": "a.csv", "text": "text", "labels": "classes", )" + word, {}, "/task/train: expected the key \"label\" (a column) beside \"labels\", found none"},
      {R"("path": "a.csv", "text": "text", "separator": "", )" + word, {}, "/task/train/separator: expected one character, as \",\" or \";\""},
      {R"("path": "a.csv", "text": "text", "tokenizer": {})", {}, "/task/train/tokenizer: expected the key \"vocabulary\" (a text), found none"},
      {R"("path": "a.csv", "text": "text", "inputs": {"c": "ids"}, )" + word, two, "/task/train/inputs: expected names of the network's inputs (a and b), found \"c\""},
      {R"("path": "a.csv", "text": "text", "inputs": {"a": "id"}, )" + word, two, "/task/train/inputs/a: expected \"ids\", \"mask\" or \"types\" of a text, or \"features\", that the data set has, found \"id\""},
      {R"("path": "a.csv", "text": "text", )" + word, two, "/task/train: a and b would all take the ids of the text; say with \"inputs\" what goes where"},
      {R"("path": "a.csv", "text": "txt", )" + word, {}, "a.csv, line 1: expected the column \"txt\" in the header, found label and text; did you mean \"text\"?"},
      {R"("path": "bad.csv", "text": "text", "label": "label", "labels": "classes", )" + word, {}, "bad.csv, line 2: expected a class as label (sad and glad), found \"1\""},
      {R"("path": "bad.csv", "text": "text", "label": "label", )" + word, {}, "bad.csv, line 3: expected a class's number as label, found \"merry\"; name the classes in a file and that file as \"labels\""},
      {R"("path": "bad.csv", "text": "text", "label": "label", "labels": "twice", )" + word, {}, "twice, line 2: expected the name of another class, found \"a\""},
      {R"("path": "nan.csv", "features": "a", "label": "y")", {}, "nan.csv, line 3: expected a number, found \"nan\""},
      {R"("path": "a.csv", "text": "text", )" + word, {{"x", type_of_text(DType::kI64, {4, 4})}}, "/task/train: expected samples for the network's input x of type i64[N,4,4], found 128"},
  };
  for (const auto& c : kCases) CHECK(problem(*dir, R"({"format": "csv", )" + c.rest + "}", c.inputs) == c.message);
}
