#include <fstream>

#include "base/files.h"
#include "base/npy.h"
#include "engine/train.h"
#include "tests/engine/toy_data.h"

using namespace fastc;
using namespace fastc::test;

namespace {

Module taught() {
  Module teacher = toy_network();
  REQUIRE(train(teacher, ToyData(60), *cross_entropy(), quick(3), {.seed = 3}));
  return teacher;
}

// A run of distillation on 100 samples, of which 10 are held out: 6 batches of 16, the last one of 10.
struct Distilled {
  Module student = toy_network();
  TeacherUse use;
};
Distilled distil(const Module& teacher, const std::string& folder, const Dataset& data = ToyData(100), TrainOptions o = quick(4), uint64_t seed = 5) {
  Distilled done;
  o.held_out = 0.1;
  const auto report = train(done.student, data, *distillation(0.5, 2), o, {.seed = seed, .teacher = &teacher, .cache_folder = folder});
  if (!report) FAIL(report.error().message);
  done.use = report->teachers;
  return done;
}

bool same_weights(const Module& a, const Module& b) {
  for (const auto& [name, w] : a.weights)
    if (!equal(w.data, b.weights.find(name)->second.data)) return false;
  return true;
}

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> found;
  if (std::filesystem::exists(folder))
    for (const auto& entry : std::filesystem::directory_iterator(folder)) found.push_back(entry.path());
  return found;
}

// The same samples but for one number of one of them.
class OneOther final : public Dataset {
 public:
  int64_t size() const override { return data_.size(); }
  std::vector<std::string> input_names() const override { return data_.input_names(); }
  std::vector<Type> input_types() const override { return data_.input_types(); }
  bool has_labels() const override { return true; }
  Result<Batch> batch(std::span<const int64_t> indices, Random* augment) const override {
    FASTC_TRY(Batch batch, data_.batch(indices, augment));
    for (size_t i = 0; i < indices.size(); ++i)
      if (indices[i] == 99) batch.inputs[0].mutable_values<float>()[i * 16] += 1;
    return batch;
  }

 private:
  ToyData data_{100};
};

}  // namespace

TEST_CASE("a teacher answers once, whatever the epochs, and the next run asks it for one batch only") {
  const Module teacher = taught();
  const auto folder = TempDir::make();
  REQUIRE(folder);
  const std::string cache = (folder->path() / "teachers").string();
  const Distilled memory = distil(teacher, ""), first = distil(teacher, cache), second = distil(teacher, cache), other_seed = distil(teacher, cache, ToyData(100), quick(2), 6);
  CHECK(memory.use.computed == 100);
  CHECK(memory.use.used == 4 * 100);  // training and held-out samples, four epochs
  CHECK(first.use.computed == 100);
  CHECK(first.use.read == 0);
  CHECK(second.use.computed == 16 + 10);  // the first batch of what is trained on, and all that is held out
  CHECK(second.use.read == 100 - 26);
  CHECK(first.use.not_kept.empty());
  CHECK(same_weights(memory.student, first.student));
  CHECK(same_weights(memory.student, second.student));
  CHECK(other_seed.use.read == 0);  // it holds out others
  CHECK(files_in(cache).size() == 4);
}

TEST_CASE("answers are another teacher's, or to other samples: they are not taken") {
  const Module teacher = taught();
  Module other = teacher;
  other.weights.find("b2")->second.data = f32({2}, {0.5F, 0});
  const auto folder = TempDir::make();
  REQUIRE(folder);
  const std::string cache = folder->path().string();
  distil(teacher, cache);
  CHECK(distil(other, cache).use.read == 0);
  CHECK(same_weights(distil(other, cache).student, distil(other, "").student));
  const OneOther samples;
  const Distilled changed = distil(teacher, cache, samples);
  CHECK(changed.use.read <= 90);  // sample 99 is in one of the two sets, and that one is computed anew
  CHECK(changed.use.computed >= 26);
  CHECK(same_weights(changed.student, distil(teacher, "", samples).student));
}

TEST_CASE("a damaged file of answers counts as none") {
  const Module teacher = taught();
  const Distilled right = distil(teacher, "");
  const auto folder = TempDir::make();
  REQUIRE(folder);
  const std::string cache = folder->path().string();
  distil(teacher, cache);
  const std::vector<std::filesystem::path> files = files_in(cache);
  REQUIRE(files.size() == 2);
  const auto spoil = [&](const char* how, const std::function<void(const std::filesystem::path&)>& change) {
    CAPTURE(how);
    for (const auto& path : files) change(path);
    const Distilled again = distil(teacher, cache);
    CHECK(again.use.computed == 100);
    CHECK(again.use.read == 0);
    CHECK(same_weights(again.student, right.student));
    CHECK(distil(teacher, cache).use.read > 0);  // mended
  };
  spoil("cut in half", [](const auto& path) { std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2); });
  spoil("empty", [](const auto& path) { std::filesystem::resize_file(path, 0); });
  spoil("a bit flipped in the numbers", [](const auto& path) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(400);
    const char byte = static_cast<char>(file.get());
    file.seekp(400);
    file.put(static_cast<char>(byte ^ 1));
  });
  const auto numbers = [](std::vector<int64_t> shape, const char* descr = "<f4") {
    const std::vector<std::byte> zeros(static_cast<size_t>(shape[0] * shape[1]) * 4);
    return std::vector<std::pair<std::string, NpyArray>>{{"answers_0", make_npy(descr, std::move(shape), zeros)}};
  };
  spoil("of fewer samples", [&](const auto& path) { REQUIRE(write_npz(path, numbers({5, 2}))); });
  spoil("of more classes", [&](const auto& path) { REQUIRE(write_npz(path, numbers({90, 3}))); });
  spoil("of another type", [&](const auto& path) { REQUIRE(write_npz(path, numbers({90, 2}, "<i4"))); });
  spoil("of the right shape, all zero", [&](const auto& path) { REQUIRE(write_npz(path, numbers({path == files[0] ? 90 : 10, 2}))); });
}

TEST_CASE("samples that are changed at random: anew each time, or the same again after some epochs") {
  const Module teacher = taught();
  const auto folder = TempDir::make();
  REQUIRE(folder);
  const std::string cache = folder->path().string();
  const ToyData flipped(100, /*augment=*/true);
  const Distilled anew = distil(teacher, cache, flipped);
  CHECK(anew.use.computed == 4 * 90 + 10);  // what is held out is never changed
  CHECK_THAT(anew.use.not_kept, Catch::Matchers::Contains("repeat_augmentation"));
  CHECK(files_in(cache).size() == 1);
  TrainOptions o = quick(4);
  o.repeat_augmentation = 2;
  const Distilled memory = distil(teacher, "", flipped, o), first = distil(teacher, cache, flipped, o), second = distil(teacher, cache, flipped, o);
  CHECK(memory.use.computed == 2 * 90 + 10);
  CHECK(memory.use.not_kept.empty());
  CHECK(second.use.computed == 16 + 16 + 10);
  CHECK(same_weights(memory.student, first.student));
  CHECK(same_weights(memory.student, second.student));
  CHECK(files_in(cache).size() == 3);
  // One way, and none: other samples.
  o.repeat_augmentation = 1;
  const Distilled once = distil(teacher, "", flipped, o);
  CHECK(once.use.computed == 90 + 10);
  CHECK_FALSE(same_weights(once.student, memory.student));
  CHECK_FALSE(same_weights(once.student, distil(teacher, "").student));
}

TEST_CASE("what is kept is bounded, in memory and in the folder") {
  const Module teacher = taught();
  const auto folder = TempDir::make();
  REQUIRE(folder);
  const std::string cache = folder->path().string();
  TrainOptions o = quick(2);
  o.teacher_cache.max_bytes = 799;  // 100 samples, two numbers each: one byte too few
  const Distilled none = distil(teacher, cache, ToyData(100), o);
  CHECK(none.use.computed >= 2 * 100);
  CHECK(none.use.not_kept == "they take 800 bytes, and \"teacher_cache\" lets a teacher keep 799");
  CHECK(files_in(cache).empty());
  o.teacher_cache.max_bytes = 3500;  // less than the files of two runs with their heads
  distil(teacher, cache, ToyData(100), o);
  const auto first = files_in(cache);
  CHECK(first.size() == 2);
  for (const uint64_t seed : {6, 7, 8}) distil(teacher, cache, ToyData(100), o, seed);
  int64_t bytes = 0;
  for (const auto& path : files_in(cache)) bytes += static_cast<int64_t>(std::filesystem::file_size(path));
  CHECK(bytes <= 3500);
  CHECK_FALSE(files_in(cache).empty());
  for (const auto& path : first) CHECK_FALSE(std::filesystem::exists(path));
  const auto before = files_in(cache).size();
  o.teacher_cache.disk = false;
  distil(teacher, cache, ToyData(100), o, 9);
  CHECK(files_in(cache).size() == before);
  // Fewer steps than an epoch has: the teacher is asked for what is seen, no more.
  o.steps = 2;
  const Distilled brief = distil(teacher, "", ToyData(100), o);
  CHECK(brief.use.computed == 2 * 16 + 10);
  CHECK(brief.use.not_kept == "training ends before it has seen every sample");
}

TEST_CASE("hidden values are kept with the outputs") {
  const Module teacher = taught();
  const auto folder = TempDir::make();
  REQUIRE(folder);
  const auto loss = multi_level(distillation(0.5, 2), {"mse", 1, {{"r", "r", 4, 4}}}, 7);
  std::vector<Module> students;
  std::vector<TeacherUse> uses;
  for (const std::string& cache : {std::string(), folder->path().string(), folder->path().string()}) {
    students.push_back(toy_network());
    const auto report = train(students.back(), ToyData(64), *loss, quick(2), {.seed = 5, .teacher = &teacher, .cache_folder = cache});
    if (!report) FAIL(report.error().message);
    uses.push_back(report->teachers);
  }
  CHECK(same_weights(students[0], students[1]));
  CHECK(same_weights(students[0], students[2]));
  CHECK(uses[2].read == 48);
  const auto file = NpzReader::open(files_in(folder->path()).at(0));
  REQUIRE(file);
  CHECK(file->names() == std::vector<std::string>{"answers_0", "answers_1"});
  CHECK(file->read("answers_1")->shape == std::vector<int64_t>{64, 4, 4, 4});
}

TEST_CASE("those who watch are told of steps and of epochs, also of those before an interruption") {
  const auto folder = TempDir::make();
  REQUIRE(folder);
  const ToyData data(100), stopping(100, false, true, false, /*stop_at_batch=*/17);
  std::vector<int64_t> steps;
  std::vector<double> losses;
  TrainContext context{.seed = 3, .checkpoint_folder = folder->path().string()};
  context.watch.on_steps = [&](int64_t step, double) { steps.push_back(step); };
  context.watch.on_epoch = [&](size_t network, const EpochRow& row) {
    CHECK(network == 0);
    losses.push_back(row.loss);
  };
  Module m = toy_network();
  REQUIRE_FALSE(train(m, stopping, *cross_entropy(), quick(6), context));
  set_interrupted(false);
  CHECK(losses.size() == 2);  // stopped in the third epoch
  losses.clear(), steps.clear();
  const auto report = train(m, data, *cross_entropy(), quick(6), context);
  REQUIRE(report);
  REQUIRE(losses.size() == 6);
  for (size_t i = 0; i < 6; ++i) CHECK(losses[i] == report->curve[i].loss);
  CHECK(steps == std::vector<int64_t>{20, 40});  // of 42, the first 14 of them from the journal
}
