#include "driver/pipeline/journal.h"

#include "base/files.h"
#include "driver/pipeline/decisions.h"
#include "tests/passes/support.h"

using namespace fastc;
using namespace fastc::test;

namespace {

Module scaled(float by) {
  Module m = module_of("module m (%x : f32[N,2]) -> (%y) symbols N in [1, 9] { @w : f32[1,2] = zeros %y = linear(%x, @w) }");
  m.weights.find("w")->second.data = Tensor::of<float>({1, 2}, {by, by});
  return m;
}

double weight_of(const Module& m) { return to_doubles(m.weights.find("w")->second.data)[0]; }

}  // namespace

TEST_CASE("the journal gives a stage back: network, what ships beside it, what was decided") {
  const auto folder = TempDir::make();
  REQUIRE(folder);
  const Journal journal(folder->path() / "journal");
  REQUIRE(journal.record(3, "key", {scaled(1), {.changed = true}, 2.5, {{"s: which", "b"}}, {{"peer", scaled(2)}}}));
  CHECK_FALSE(journal.find(3, "other"));
  CHECK_FALSE(journal.find(2, "key"));
  REQUIRE(journal.record_decisions(3, {{"s: which", "b"}, {"s: is faster", "no"}}));
  const auto entry = journal.find(3, "key");
  REQUIRE(entry);
  CHECK(weight_of(entry->module) == 1);
  CHECK(weight_of(entry->shipped.at("peer")) == 2);
  CHECK(entry->seconds == 2.5);
  CHECK(entry->report.changed);
  CHECK(entry->decisions == std::map<std::string, std::string>{{"s: is faster", "no"}, {"s: which", "b"}});
  // Without one of its files it is not there.
  std::filesystem::remove(folder->path() / "journal" / "stage-03-peer.ir");
  CHECK_FALSE(journal.find(3, "key"));
}

TEST_CASE("a journal thrown away holds no stage and no checkpoint; teachers' answers stay") {
  const auto folder = TempDir::make();
  REQUIRE(folder);
  const Journal journal(folder->path() / "journal");
  CHECK(journal.discard());  // nothing was there
  REQUIRE(journal.record(0, "key", {scaled(1), {.changed = true}, 2.5, {}, {{"peer", scaled(2)}}}));
  const auto checkpoints = journal.checkpoints(12, "key of a stage that was killed");
  REQUIRE(write_atomic(checkpoints / "training.npz", "weights"));
  REQUIRE(make_folders(folder->path() / "journal" / "teachers"));
  REQUIRE(journal.discard());
  CHECK_FALSE(journal.find(0, "key"));
  CHECK_FALSE(std::filesystem::exists(checkpoints));
  const std::filesystem::directory_iterator left(folder->path() / "journal");
  CHECK(left->path().filename() == "teachers");
  CHECK(std::distance(left, {}) == 1);
}

TEST_CASE("a resumed stage repeats its decisions, unless others are to be replayed") {
  const auto folder = TempDir::make();
  REQUIRE(folder);
  REQUIRE(write_atomic(folder->path() / "replay.json", R"({"version": 1, "decisions": {"s: is faster": "yes"}})"));
  Decisions fresh = *Decisions::load({}), replaying = *Decisions::load(folder->path() / "replay.json");
  CHECK(fresh.repeat({{"s: is faster", "no"}, {"s: which", "b"}}));
  CHECK(fresh.replayed("s: is faster") == "no");
  CHECK(fresh.made_by("s").size() == 2);
  CHECK(fresh.made_by("other").empty());
  CHECK_FALSE(replaying.repeat({{"s: is faster", "no"}, {"s: which", "b"}}));
  CHECK_FALSE(replaying.replayed("s: which"));  // nothing of it was taken
  CHECK(replaying.made_by("s").empty());
  CHECK(replaying.repeat({{"s: is faster", "yes"}}));
}
