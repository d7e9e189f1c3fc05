// Preflight: what a recipe names is there before anything is computed.
#include "base/files.h"
#include "driver/compress.h"
#include "tests/catch.h"

using namespace fastc;
using nlohmann::json;

namespace {

json reader(const char* rows) {
  return {{"format", "tsv"}, {"path", rows}, {"header", false}, {"text", "1"}, {"label", "2"}, {"labels", "classes"}, {"tokenizer", {{"type", "word"}, {"vocabulary", "words"}, {"max_length", 3}}}};
}

// A recipe that names a file wherever a recipe can.
json everywhere() {
  return {{"model", {{"path", "net.ir"}}},
          {"task", {{"type", "text_classification"}, {"calibration", reader("rows")}, {"train", reader("rows")}, {"evaluation", reader("rows")}}},
          {"pipeline", {{{"pass", "prune.weight"}, {"ratio", 0.5}, {"train", {{"teacher", "net.ir"}}}},
                        {{"pass", "distill.single_shot"}, {"teacher", {"original", "net.ir"}}, {"student", {{"path", "net.ir"}}}},
                        {{"pass", "distill.multi_level"}, {"teacher", "net.ir"}, {"student", {{"path", "net.ir"}}}},
                        {{"pass", "distill.bidirectional"}, {"peer", {{"path", "net.ir"}}}},
                        {{"pass", "quantize.static"}},
                        {{"pass", "quantize.bias_correct"}, {"reference", "net.ir"}}}}};
}

// The message about the recipe; "" where everything it names is there.
std::string complaint(const std::filesystem::path& folder, const json& recipe) {
  REQUIRE(write_atomic(folder / "r.json", recipe.dump()));
  const auto read = read_recipe(folder / "r.json", {});
  if (!read) return read.error().message;
  const auto found = preflight(*read);
  return found ? "" : found.error().message;
}

}  // namespace

TEST_CASE("a file that is not there is found before anything runs, wherever the recipe names it") {
  const auto folder = TempDir::make();
  REQUIRE(folder);
  REQUIRE(write_atomic(folder->path() / "net.ir", "module m (%x : i32[N,3]) -> (%y) symbols N in [1, 9] { @t : f32[3,2] = ones %e = embedding(@t, %x) %y = reduce_mean(%e) {axes=[1]} }"));
  REQUIRE(write_atomic(folder->path() / "rows", "good\tglad\nbad\tsad\n"));
  REQUIRE(write_atomic(folder->path() / "classes", "sad\nglad\n"));
  REQUIRE(write_atomic(folder->path() / "words", "[PAD]\n[UNK]\ngood\n"));
  REQUIRE(complaint(folder->path(), everywhere()) == "");
  int named = 0;
  const json flat = everywhere().flatten();
  for (const auto& [pointer, value] : flat.items()) {
    if (value != "net.ir" && value != "rows" && value != "classes" && value != "words") continue;
    json recipe = everywhere();
    recipe[json::json_pointer(pointer)] = "gone";
    const std::string message = complaint(folder->path(), recipe);
    INFO(pointer << ": " << message);
    // A data set's files are told with the data set, others at their own place.
    const std::string place = pointer.starts_with("/task") ? pointer.substr(0, pointer.find('/', 6)) : pointer;
    CHECK_THAT(message, Catch::Matchers::StartsWith(place + ": "));
    CHECK_THAT(message, Catch::Matchers::Contains("gone"));
    ++named;
  }
  CHECK(named == 17);
}
