// Files that are no model, or a damaged one: one sentence that says what was expected and what was found; never a crash.
#include <cstring>
#include <functional>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/random.h"
#include "base/zip.h"
#include "frontends/frontend.h"
#include "tests/catch.h"

namespace fastc {
namespace {

using nlohmann::json;

const std::filesystem::path kModels = test::source_path("tests/data/models");

std::string bytes_of(const std::filesystem::path& path) { return *read_text(path, size_t{1} << 30); }

std::string error_of(const std::filesystem::path& path, const ImportOptions& options = {}) {
  auto module = import_model(path, options);
  return module ? "" : module.error().message;
}

void check_message(const std::string& message, std::string_view expected) {
  INFO(message);
  CHECK(message.find(expected) != std::string::npos);
  CHECK(message.find('\n') == std::string::npos);  // one sentence
}

ImportOptions shape_of(std::string_view text) {
  ImportOptions options;
  options.inputs["input_0"].shape = *parse_shape(text);
  return options;
}

// The archive with some entries replaced (edit gives new bytes), dropped (edit gives nothing) or kept.
std::filesystem::path edited(const TempDir& folder, const std::filesystem::path& from,
                             const std::function<std::optional<std::string>(const std::string&, std::string)>& edit) {
  auto zip = ZipReader::open(from);
  REQUIRE(zip);
  std::vector<std::pair<std::string, std::string>> kept;
  for (const ZipEntry& entry : zip->entries()) {
    auto bytes = zip->read(entry);
    REQUIRE(bytes);
    auto text = edit(entry.name, std::string(reinterpret_cast<const char*>(bytes->bytes.data()), bytes->bytes.size()));
    if (text) kept.emplace_back(entry.name, std::move(*text));
  }
  std::vector<ZipItem> items;
  for (const auto& [name, text] : kept) items.push_back({name, as_bytes_of(text)});
  auto path = folder.path() / "edited.pt2";
  REQUIRE(write_zip(path, items));
  return path;
}

TEST_CASE("what is no model is named", "[broken]") {
  auto folder = TempDir::make();
  REQUIRE(folder);
  struct Row {
    const char *name, *bytes, *expected;
    size_t length;
  };
  const Row rows[] = {
      {"empty.pt", "", "the file is empty", 0},
      {"noise.pt", "\x01\x02\x03\x04", "not a model that fastc knows; fastc reads TorchScript", 4},
      {"zip.pt", "PK\x03\x04 and nothing else", "zip.pt", 21},
      {"old.pt", "\x80\x02\x8a\x0al\xfc", "a pickle of PyTorch before 1.6", 6},
      {"weights.gguf", "GGUF\x03\0\0\0", "a GGUF file holds weights only", 8},
      {"weights.safetensors", "\x02\0\0\0\0\0\0\0{}", "a safetensors file holds weights only", 10},
      {"broken.ir", "module x (%x : f32[2]) -> (%y) {", "1:", 32},
  };
  for (const Row& row : rows) {
    auto path = folder->path() / row.name;
    REQUIRE(write_atomic(path, std::string_view(row.bytes, row.length)));
    INFO(row.name);
    check_message(error_of(path), row.expected);
  }
  check_message(error_of(folder->path() / "missing.pt"), "missing.pt");
  check_message(error_of(kModels / "checkpoint.pth"), "a checkpoint written by torch.save");
  check_message(error_of(kModels / "convs.npz"), "arrays (.npz), not a model");
}

TEST_CASE("an input's shape that nobody says is asked for with the line to add", "[broken]") {
  auto module = import_model(kModels / "convs.pt");
  REQUIRE_FALSE(module);
  CHECK(module.error().cls == ErrorClass::kUsage);
  check_message(module.error().message,
                "does not say the shape of input \"x\"; add to the recipe's \"model\": \"inputs\": {\"x\": {\"shape\": [\"N\", 3, 8, 8], \"dtype\": \"float32\"}}");
  auto tokens = import_model(kModels / "tokens.pt");
  REQUIRE_FALSE(tokens);
  check_message(tokens.error().message, "{\"shape\": [\"N\", 6], \"dtype\": \"int64\"}");
}

TEST_CASE("shapes that do not fit the file are refused", "[broken]") {
  check_message(error_of(kModels / "convs.pt2", shape_of("N,3,9,8")), "axis 2 was fixed when the model was exported");
  check_message(error_of(kModels / "convs.pt2", shape_of("N,3,8")), "their ranks differ");
  check_message(error_of(kModels / "convs.pt2", shape_of("100,3,8,8")), "axis 0 may go from 1 to 64");
  check_message(error_of(kModels / "convs.pt", shape_of("N,4,8,8")), "node stem.0");
  ImportOptions unknown;
  unknown.inputs["image"].shape = Shape{1};
  check_message(error_of(kModels / "convs.pt2", unknown), "has no input \"image\"; its inputs are x");
  auto fixed = import_model(kModels / "convs.pt2", shape_of("2,3,8,8"));
  REQUIRE(fixed);
  CHECK(fixed->symbols.empty());
  auto renamed = import_model(kModels / "convs.pt2", shape_of("B,3,8,8"));
  REQUIRE(renamed);
  REQUIRE(renamed->symbols.size() == 1);
  CHECK(renamed->symbols[0] == Symbol{"B", 1, 64});
}

TEST_CASE("ops that are not supported are named with node and source", "[broken]") {
  for (const char* name : {"unsupported.pt", "unsupported.pt2"}) {
    std::string message = error_of(kModels / name, std::string_view(name).ends_with(".pt") ? shape_of("2,4") : ImportOptions{});
    check_message(message, "make_models.py:");
    check_message(message, "not supported; write it with other ops");
  }
  check_message(error_of(kModels / "branches.pt", shape_of("2,2")), "depends on the data");
  const auto architectures = test::source_path("tests/data/architectures");
  check_message(error_of(architectures / "until.pt", shape_of("2,2")), "depends on the data and cannot be compiled");
  check_message(error_of(architectures / "held.pt", shape_of("2,2")), "changing a list that is also held elsewhere");
  ImportOptions bags;
  bags.inputs["input_0"] = {Shape{Dim::symbol("N")}, DType::kI64};
  bags.inputs["input_1"] = {Shape{Dim::symbol("B")}, DType::kI64};
  check_message(error_of(architectures / "ragged.pt", bags), "bags of different lengths depend on the data");
}

TEST_CASE("damaged .pt2 archives", "[broken]") {
  auto folder = TempDir::make();
  REQUIRE(folder);
  auto with_model = [&](const std::function<void(json&)>& change) {
    return error_of(edited(*folder, kModels / "recurrent_raw.pt2", [&](const std::string& name, std::string text) -> std::optional<std::string> {
      if (!name.ends_with("models/model.json")) return text;
      json j = json::parse(text);
      change(j);
      return j.dump();
    }));
  };
  auto without = [&](std::string_view part) {
    return error_of(edited(*folder, kModels / "recurrent_raw.pt2", [&](const std::string& name, std::string text) -> std::optional<std::string> {
      if (name.find(part) != std::string::npos) return std::nullopt;
      return text;
    }));
  };
  auto with_weights = [&](const std::function<void(json&)>& change) {
    return error_of(edited(*folder, kModels / "recurrent_raw.pt2", [&](const std::string& name, std::string text) -> std::optional<std::string> {
      if (!name.ends_with("model_weights_config.json")) return text;
      json j = json::parse(text);
      change(j["config"]["r.weight_hh_l0"]);
      return j.dump();
    }));
  };
  check_message(with_model([](json& j) { j = 3; }), "expected an object, found the number 3");
  check_message(with_model([](json& j) { j.erase("schema_version"); }), "no schema_version");
  check_message(with_model([](json& j) { j["schema_version"]["major"] = 9; }), "schema version 9, fastc reads up to 8; it was written by PyTorch 2.15");
  check_message(with_model([](json& j) { j["graph_module"]["graph"].erase("nodes"); }), "no list graph_module.graph.nodes");
  check_message(with_model([](json& j) { j["graph_module"]["graph"]["nodes"][1]["target"] = "torch.ops.mine.twice.default"; }), "op torch.ops.mine.twice.default");
  check_message(with_model([](json& j) { j["graph_module"]["graph"]["nodes"][1]["inputs"] = 1; }), "a node without target, inputs or outputs");
  check_message(with_model([](json& j) { j["graph_module"]["graph"]["tensor_values"]["x"]["sizes"][2] = {{"as_expr", {{"expr_str", "s0 +"}}}}; }),
                "expected a number or a name");
  check_message(with_model([](json& j) { j["graph_module"]["graph"]["tensor_values"]["x"]["dtype"] = 10; }), "ScalarType 10 are not supported");
  check_message(with_model([](json& j) { j["graph_module"]["signature"]["output_specs"][0] = {{"buffer_mutation", json::object()}}; }), "changes a buffer");
  check_message(with_model([](json& j) { j["graph_module"]["graph"]["nodes"].clear(); }), "used before it is computed");
  check_message(without("models/"), "a zip archive that holds no model");
  check_message(without("model_weights_config.json"), "data/weights/model_weights_config.json is missing");
  check_message(without("data/weights/weight_0"), "weight_0, which is missing in the archive");
  check_message(with_weights([](json& w) { w["tensor_meta"]["storage_offset"] = {{"as_int", 1}}; }), "it needs 260 bytes, and the file has 256");
  check_message(with_weights([](json& w) { w["tensor_meta"]["storage_offset"] = {{"as_int", INT64_MAX}}; }), "weight r.weight_hh_l0");
  check_message(with_weights([](json& w) { w["tensor_meta"]["strides"][0] = {{"as_int", -4}}; }), "a size of -4");
  check_message(with_weights([](json& w) { w["tensor_meta"]["sizes"][0] = {{"as_int", INT64_MAX}}; }), "its sizes overflow");
  check_message(with_weights([](json& w) { w["tensor_meta"]["sizes"][0] = {{"as_int", 8}}; }), "in the archive and f32[16,4] in the graph");
  check_message(with_weights([](json& w) { w["use_pickle"] = true; }), "stored as a pickle");
}

// Every kind of damage ends in a sentence. Truncation at any offset is found by the zip's directory; flipped bytes by its checksums.
TEST_CASE("truncated and flipped files never crash", "[broken][fuzz]") {
  auto folder = TempDir::make();
  REQUIRE(folder);
  auto path = folder->path() / "damaged";
  for (const char* name : {"recurrent_raw.pt2", "scripted.pt"}) {
    const std::string whole = bytes_of(kModels / name);
    for (size_t i = 0; i < 60; ++i) {
      size_t length = whole.size() * i / 60;
      REQUIRE(write_atomic(path, std::string_view(whole).substr(0, length)));
      INFO(name << " cut to " << length);
      CHECK_FALSE(import_model(path));
    }
  }
  std::string whole = bytes_of(kModels / "recurrent_raw.pt2");
  Random random(7);
  for (int i = 0; i < 300; ++i) {
    std::string damaged = whole;
    for (int k = 0; k < 3; ++k) damaged[random.below(damaged.size())] ^= static_cast<char>(1 << random.below(8));
    REQUIRE(write_atomic(path, std::string_view(damaged)));
    (void)import_model(path);  // may be right where padding was hit; must return
  }
}

// Past the checksums: structurally valid archives whose JSON was changed at random.
TEST_CASE("model.json with any value replaced never crashes", "[broken][fuzz]") {
  auto folder = TempDir::make();
  REQUIRE(folder);
  auto zip = ZipReader::open(kModels / "recurrent_raw.pt2");
  REQUIRE(zip);
  json original;
  for (const ZipEntry& entry : zip->entries())
    if (entry.name.ends_with("models/model.json")) {
      auto bytes = zip->read(entry);
      original = json::parse(std::string(reinterpret_cast<const char*>(bytes->bytes.data()), bytes->bytes.size()));
    }
  json flat = original.flatten();
  std::vector<std::string> keys;
  for (const auto& [key, value] : flat.items()) keys.push_back(key);
  const json replacements[] = {nullptr, -1, INT64_MAX, 1e300, "", "s99", json::array(), json::object(), true};
  Random random(11);
  for (int i = 0; i < 150; ++i) {
    json changed = original;
    changed[json::json_pointer(keys[random.below(keys.size())])] = replacements[random.below(std::size(replacements))];
    auto path = edited(*folder, kModels / "recurrent_raw.pt2", [&](const std::string& name, std::string text) -> std::optional<std::string> {
      return name.ends_with("models/model.json") ? changed.dump() : text;
    });
    (void)import_model(path);
  }
}

}  // namespace
}  // namespace fastc
