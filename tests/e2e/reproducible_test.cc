// The same recipe gives the same artifact, to the byte: in another folder, and after a kill in the middle of training.
#include <chrono>
#include <csignal>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/json.h"
#include "base/process.h"
#include "base/random.h"
#include "tests/catch.h"

using namespace fastc;
using nlohmann::json;

namespace {

constexpr int64_t kImages = 96, kPixels = 28 * 28;

std::string big_endian(std::initializer_list<uint32_t> numbers) {
  std::string out;
  for (const uint32_t n : numbers)
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(n >> shift);
  return out;
}

// Noise with a bright band whose place is the class.
void write_images(const std::filesystem::path& folder) {
  std::string images = big_endian({0x803, kImages, 28, 28}), labels = big_endian({0x801, kImages});
  Random random(11);
  for (int64_t i = 0; i < kImages; ++i) {
    const auto label = static_cast<int64_t>(random.below(10));
    labels += static_cast<char>(label);
    for (int64_t p = 0; p < kPixels; ++p) images += static_cast<char>(random.below(100) + (p / 28 / 3 == label ? 150 : 0));
  }
  REQUIRE(write_atomic(folder / "images.idx", images));
  REQUIRE(write_atomic(folder / "labels.idx", labels));
}

// Every kind of stage that draws random numbers or adds floats in some order. `epochs`: of the first training stage.
std::filesystem::path write_recipe(const std::filesystem::path& folder, int64_t epochs) {
  write_images(folder);
  const json data = {{"format", "idx"}, {"images", "images.idx"}, {"labels", "labels.idx"}};
  json train = data;
  train["augment"] = {"flip", "crop2"};
  const json optimizer = {{"type", "adam"}, {"lr", 0.001}};
  const json recipe = {
      {"name", "reproducible"}, {"seed", 5}, {"engine", {{"threads", 2}}}, {"target", {{"rounds", 3}}},
      {"model", {{"path", test::source_path("configs/models/fashion_mnist.pt").string()}, {"inputs", {{"x", {{"shape", {"N", 1, 28, 28}}}}}}}},
      {"task", {{"type", "image_classification"}, {"calibration", data}, {"train", train}, {"evaluation", data}}},
      {"pipeline",
       {{{"pass", "finetune"}, {"name", "tuned"}, {"epochs", epochs}, {"batch_size", 32}, {"optimizer", optimizer}},
        {{"pass", "prune.channel"}, {"goal", {{"flops", 0.6}}}, {"importance", "taylor"}, {"round_to", 8}},
        {{"pass", "distill.single_shot"}, {"teacher", "stage:tuned"}, {"epochs", 2}, {"batch_size", 32}, {"optimizer", optimizer}},
        {{"pass", "quantize.static"}}}},
      {"emit", {{"stub", false}}}};
  REQUIRE(write_atomic(folder / "recipe.json", recipe.dump()));
  return folder / "recipe.json";
}

json report_of(const std::filesystem::path& recipe, const std::filesystem::path& out) {
  const auto finished = run_to_end({test::built_path("fastc").string(), "compress", recipe.string(), "--out", out.string()}, 300);
  REQUIRE(finished);
  INFO(finished->output);
  REQUIRE(finished->status == 0);
  const auto report = read_json(out / "report.json");
  REQUIRE(report);
  return *report;
}

bool has_checkpoint(const std::filesystem::path& out) {
  std::error_code ignored;
  for (std::filesystem::recursive_directory_iterator i(out / ".journal", ignored), end; i != end; i.increment(ignored)) {
    if (i->path().filename() == "training.npz") return true;
  }
  return false;
}

// Runs until the first epoch is on disk, and kills it there as a machine that goes down would.
void run_and_kill(const std::filesystem::path& recipe, const std::filesystem::path& out) {
  const std::string program = test::built_path("fastc").string();
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (freopen("/dev/null", "w", stderr) == nullptr) _exit(127);
    execl(program.c_str(), program.c_str(), "compress", recipe.c_str(), "--out", out.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!has_checkpoint(out) && std::chrono::steady_clock::now() < give_up) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFSIGNALED(status));
  CHECK_FALSE(std::filesystem::exists(out / "model.fastc"));
}

}  // namespace

TEST_CASE("a recipe that trains gives the same artifact in another folder, and after a kill in training") {
  const auto folder = TempDir::make();
  REQUIRE(folder);
  const auto recipe = write_recipe(folder->path(), 24);
  const json first = report_of(recipe, folder->path() / "first");
  const json second = report_of(recipe, folder->path() / "second");
  CHECK(first["artifact"]["sha256"] == second["artifact"]["sha256"]);

  run_and_kill(recipe, folder->path() / "killed");
  const json resumed = report_of(recipe, folder->path() / "killed");
  CHECK(resumed["artifact"]["sha256"] == first["artifact"]["sha256"]);
  const std::string notes = resumed["stages"][0]["report"]["notes"].dump();
  CHECK_THAT(notes, Catch::Matchers::Contains("epochs were taken from the journal"));
}
