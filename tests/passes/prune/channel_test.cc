#include <limits>

#include "passes/prune/plan.h"
#include "tests/passes/prune/context.h"

using namespace fastc;
using namespace fastc::test;

namespace {

// Four filters of L1 norm 4, 0, 2, 2: an all-zero channel and a tie.
std::string two_convs(const std::string& filters = "[[[[4]]], [[[0]]], [[[-2]]], [[[2]]]]") {
  return R"(module m (%x : f32[N,1,2,2]) -> (%b) symbols N in [1, 8] {
  @a.w : f32[4,1,1,1] = )" + filters + R"(
  @a.b : f32[4] = [1, 2, 3, 4]
  @b.w : f32[2,4,1,1] = [[[[1]],[[2]],[[3]],[[4]]], [[[5]],[[6]],[[7]],[[8]]]]
  %a = conv(%x, @a.w, @a.b) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
  %r = relu(%a)
  %b = conv(%r, @b.w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
})";
}

}  // namespace

TEST_CASE("half the channels by L1 are gone for good") {
  Module m = read(two_convs());
  const PassReport report = pass_ok("prune.channel", m, R"({"ratio": 0.5, "round_to": 1})");
  CHECK(report.changed);
  CHECK(weight_of(m, "a.w") == std::vector<double>{4, 2});  // of the tie, the first one went
  CHECK(weight_of(m, "a.b") == std::vector<double>{1, 4});
  CHECK(weight_of(m, "b.w") == std::vector<double>{1, 4, 5, 8});
  REQUIRE(report.channels.size() == 1);
  CHECK(report.channels[0].node == "a");
  CHECK(report.channels[0].before == 4);
  CHECK(report.channels[0].after == 2);
  CHECK(number_of(report, "channels_removed") == 2);
}

TEST_CASE("ratio 0 changes nothing and says so; ratio 1 leaves the smallest allowed") {
  Module m = read(two_convs());
  const std::string before = print(m);
  const PassReport none = pass_ok("prune.channel", m, R"({"ratio": 0, "round_to": 1})");
  CHECK_FALSE(none.changed);
  CHECK(none.notes.at(0).find("no channel was removed") == 0);
  CHECK(print(m) == before);
  pass_ok("prune.channel", m, R"({"ratio": 1, "round_to": 1})");
  CHECK(weight_of(m, "a.w") == std::vector<double>{4});
}

TEST_CASE("round_to keeps multiples and leaves small layers alone") {
  Module m = read(two_convs());
  CHECK_FALSE(pass_ok("prune.channel", m, R"({"ratio": 0.5})").changed);  // 4 < 8
  pass_ok("prune.channel", m, R"({"ratio": 0.9, "round_to": 2})");
  CHECK(weight_of(m, "a.w") == std::vector<double>{4, 2});
  Module three = read(two_convs());
  pass_ok("prune.channel", three, R"({"ratio": 0.9, "round_to": 1, "min_channels": 3})");
  CHECK(weight_of(three, "a.w").size() == 3);
}

TEST_CASE("a goal is reached with the fewest channels") {
  Module m = read(two_convs());
  // FLOPs: a 2*4*4, relu 16, b 2*4*8 = 32 + 16 + 64 = 112; each channel is 28 of them.
  const PassReport report = pass_ok("prune.channel", m, R"({"goal": {"flops": 0.6}, "round_to": 1})");
  CHECK(number_of(report, "flops_remaining") == Approx(0.5));
  CHECK(weight_of(m, "a.w") == std::vector<double>{4, 2});
  Module exact = read(two_convs());
  CHECK(number_of(pass_ok("prune.channel", exact, R"({"goal": {"flops": 0.75}, "round_to": 1})"), "channels_removed") == 1);
  Module whole = read(two_convs());
  CHECK_FALSE(pass_ok("prune.channel", whole, R"({"goal": {"flops": 1.0}, "round_to": 1})").changed);
  Module far = read(two_convs());
  CHECK(pass_refused("prune.channel", far, R"({"goal": {"flops": 0.1}, "round_to": 1})").find("0.250 of the FLOPs") != std::string::npos);
}

TEST_CASE("options that contradict, patterns that match nothing, weights that are not numbers") {
  Module m = read(two_convs());
  CHECK(pass_refused("prune.channel", m, R"({"ratio": 0.5, "goal": {"flops": 0.5}})").find("found both") != std::string::npos);
  CHECK(pass_refused("prune.channel", m, R"({"goal": {}})").find("found none of them") != std::string::npos);
  CHECK(pass_refused("prune.channel", m, R"({"ratio": 1.5})").find("/ratio") != std::string::npos);
  CHECK(pass_refused("prune.channel", m, R"({"include": ["nothing*"]})").find("nothing*") != std::string::npos);
  CHECK(pass_refused("prune.channel", m, R"({"importance": "taylor"})").find("calibration data") != std::string::npos);
  CHECK_FALSE(pass_ok("prune.channel", m, R"({"exclude": ["a"], "round_to": 1})").changed);
  m.weight(m.find_value("a.w")).data.mutable_values<float>()[1] = std::numeric_limits<float>::quiet_NaN();
  auto refused = run_pass("prune.channel", m, R"({"round_to": 1})");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("a.w: expected finite weights") != std::string::npos);
  CHECK(m.weight(m.find_value("a.w")).data.shape()[0] == 4);
}

namespace {
constexpr const char* kResidual = R"(module m (%x : f32[N,1,2,2]) -> (%fc) symbols N in [1, 8] {
  @s.w : f32[2,1,1,1] = [[[[1]]], [[[2]]]]
  @a.w : f32[2,2,1,1] = [[[[5]],[[5]]], [[[1]],[[1]]]]
  @b.w : f32[2,2,1,1] = [[[[1]],[[2]]], [[[3]],[[4]]]]
  @fc.w : f32[2,8] = random(3)
  %s = conv(%x, @s.w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
  %a = conv(%s, @a.w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
  %b = conv(%a, @b.w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
  %sum = add(%b, %s)
  %flat = reshape(%sum) {shape=[N,8]}
  %fc = linear(%flat, @fc.w)
})";
}  // namespace

TEST_CASE("scope says whether residual streams lose channels") {
  Module inner = read(kResidual);
  pass_ok("prune.channel", inner, R"({"ratio": 0.5, "round_to": 1})");
  CHECK(weight_of(inner, "a.w") == std::vector<double>{5, 5});
  CHECK(weight_of(inner, "b.w") == std::vector<double>{1, 3});
  CHECK(weight_of(inner, "s.w").size() == 2);
  Module all = read(kResidual);
  pass_ok("prune.channel", all, R"({"ratio": 0.5, "round_to": 1, "scope": "all"})");
  CHECK(weight_of(all, "s.w") == std::vector<double>{2});  // worth 1 + 3 against 2 + 7
  CHECK(weight_of(all, "b.w") == std::vector<double>{3});
  CHECK(weight_of(all, "fc.w").size() == 8);
}

TEST_CASE("a shared weight shrinks once, for all its users") {
  Module m = read(R"(module m (%x : f32[N,3]) -> (%y) symbols N in [1, 8] {
  @w : f32[4,3] = [[1,1,1],[9,9,9],[2,2,2],[8,8,8]]
  @v : f32[2,4] = [[1,2,3,4],[5,6,7,8]]
  %a = linear(%x, @w)
  %b = linear(%x, @w)
  %m = mul(%a, %b)
  %y = linear(%m, @v)
})");
  pass_ok("prune.channel", m, R"({"ratio": 0.5, "round_to": 1})");
  CHECK(weight_of(m, "w") == std::vector<double>{9, 9, 9, 8, 8, 8});
  CHECK(weight_of(m, "v") == std::vector<double>{2, 4, 6, 8});
}

TEST_CASE("Taylor importance keeps what the loss needs, whatever its norm") {
  // Channel 0 has the larger filter, but what reads it is zero: the loss does not move without it.
  Module m = read(R"(module m (%x : f32[N,1]) -> (%y) symbols N in [1, 8] {
  @w : f32[2,1] = [[9],[1]]
  @v : f32[2,2] = [[0,1],[0,-1]]
  %a = linear(%x, @w)
  %y = linear(%a, @v)
})");
  const Samples data = literal_samples({3, 1}, {1, 2, -1}, {0, 0, 1});
  Module l1 = m;
  pass_ok("prune.channel", l1, R"({"ratio": 0.5, "round_to": 1})", &data);
  CHECK(weight_of(l1, "w") == std::vector<double>{9});
  pass_ok("prune.channel", m, R"({"ratio": 0.5, "round_to": 1, "importance": "taylor"})", &data);
  CHECK(weight_of(m, "w") == std::vector<double>{1});
}

TEST_CASE("goals in parameters and in bytes; each in shares of what there was") {
  // Parameters: a 4 + 4, b 8 = 16; each channel is 4 of them. All weights are f32, so bytes shrink alike.
  Module m = read(two_convs());
  const PassReport report = pass_ok("prune.channel", m, R"({"goal": {"parameters": 0.5}, "round_to": 1})");
  CHECK(number_of(report, "parameters_remaining") == Approx(0.5));
  CHECK(weight_of(m, "a.w") == std::vector<double>{4, 2});
  Module bytes = read(two_convs());
  CHECK(number_of(pass_ok("prune.channel", bytes, R"({"goal": {"size": 0.75}, "round_to": 1})"), "size_remaining") == Approx(0.75));
  Module both = read(two_convs());  // the stricter one decides
  CHECK(number_of(pass_ok("prune.channel", both, R"({"goal": {"flops": 0.9, "size": 0.3}, "round_to": 1})"), "channels_removed") == 3);
}

namespace {

// A machine on which time is the number of channels of @a.w; it counts how often it was asked.
class Clock : public PlainContext {
 public:
  int asked = 0;
  std::map<std::string, std::string> answers, replay;
  Result<double> relative_latency(const Module& module, const Module& before) override {
    ++asked;
    const auto channels = [](const Module& m) { return double(m.weight(m.find_value("a.w")).data.shape()[0]); };
    return channels(module) / channels(before);
  }
  Result<std::string> decide(std::string_view question, const std::function<Result<std::string>()>& choose) override {
    const auto known = replay.find(std::string(question));
    FASTC_TRY(std::string answer, known != replay.end() ? Result<std::string>(known->second) : choose());
    answers[std::string(question)] = answer;
    return answer;
  }
};

}  // namespace

TEST_CASE("a goal in latency is measured, within its budget, and can be repeated without measuring") {
  Module m = read(two_convs());
  Clock clock;
  const PassReport report = pass_ok("prune.channel", m, clock, nlohmann::json::parse(R"({"goal": {"latency": 0.5}, "round_to": 1})"));
  CHECK(weight_of(m, "a.w") == std::vector<double>{4, 2});
  CHECK(number_of(report, "latency_remaining") == Approx(0.5));
  CHECK(clock.asked <= 3);  // the smallest one, and two between
  REQUIRE(clock.answers.size() == 1);
  CHECK(clock.answers.begin()->second == "2");

  Clock again;
  again.replay = clock.answers;
  Module repeated = read(two_convs());
  pass_ok("prune.channel", repeated, again, nlohmann::json::parse(R"({"goal": {"latency": 0.5}, "round_to": 1})"));
  CHECK(print(repeated) == print(m));
  CHECK(again.asked == 0);
  again.replay.begin()->second = "9";
  Module other = read(two_convs());
  const auto refused = run_pass("prune.channel", other, again, nlohmann::json::parse(R"({"goal": {"latency": 0.5}, "round_to": 1})"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("a number of steps from 0 to 3 to repeat, found \"9\"") != std::string::npos);

  Clock poor;  // one measurement shows that the goal is within reach; what it was made on is kept
  Module least = read(two_convs());
  pass_ok("prune.channel", least, poor, nlohmann::json::parse(R"({"goal": {"latency": 0.75, "measurements": 2}, "round_to": 1})"));
  CHECK(poor.asked <= 2);
  CHECK(weight_of(least, "a.w").size() <= 3);
}

TEST_CASE("rank takes the same share of every layer on the way to a goal") {
  // a's filters are ten times b's: a ranking of raw sizes empties b first.
  const char* text = R"(module m (%x : f32[N,1]) -> (%y) symbols N in [1, 8] {
  @a.w : f32[4,1] = [[10], [20], [30], [40]]
  @b.w : f32[4,4] = [[1,0,0,0], [2,0,0,0], [3,0,0,0], [4,0,0,0]]
  @y.w : f32[1,4] = [[1,1,1,1]]
  %a = linear(%x, @a.w)
  %r = relu(%a)
  %b = linear(%r, @b.w)
  %s = relu(%b)
  %y = linear(%s, @y.w)
})";
  Module raw = read(text), rank = read(text), mean = read(text);
  pass_ok("prune.channel", raw, R"({"goal": {"parameters": 0.75}, "normalize": "none", "round_to": 1})");
  CHECK(weight_of(raw, "a.w").size() == 4);
  CHECK(weight_of(raw, "y.w").size() < 4);
  pass_ok("prune.channel", rank, R"({"goal": {"parameters": 0.34}, "normalize": "rank", "round_to": 1})");
  CHECK(weight_of(rank, "a.w") == std::vector<double>{30, 40});
  CHECK(weight_of(rank, "y.w").size() == 2);
  pass_ok("prune.channel", mean, R"({"goal": {"parameters": 0.34}, "normalize": "mean", "round_to": 1})");
  CHECK(print(mean) == print(rank));  // alike up to their scale
}

TEST_CASE("how worths of a layer are normalized") {
  using prune::Normalize;
  const std::vector<double> worths{0, 3, 4};
  CHECK(prune::normalized(worths, Normalize::kNone) == worths);
  CHECK(prune::normalized(worths, Normalize::kMax) == std::vector<double>{0, 0.75, 1});
  CHECK(prune::normalized(worths, Normalize::kNorm) == std::vector<double>{0, 0.6, 0.8});
  CHECK(prune::normalized(worths, Normalize::kMean)[2] == Approx(12 / 7.0));
  CHECK(prune::normalized(worths, Normalize::kLamp) == std::vector<double>{0, 9 / 25.0, 1});
  CHECK(prune::normalized(worths, Normalize::kRank)[0] == Approx(1 / 3.0));
  for (const auto how : {Normalize::kMean, Normalize::kMax, Normalize::kNorm, Normalize::kLamp}) CHECK(prune::normalized(std::vector<double>{0, 0}, how) == std::vector<double>{0, 0});
  for (const auto how : {Normalize::kNone, Normalize::kMean, Normalize::kMax, Normalize::kNorm, Normalize::kLamp, Normalize::kRank}) CHECK(prune::parse_normalize(prune::name_of(how)) == how);
}

namespace {
// Separable by the sign of x; the hidden layer has four channels.
constexpr const char* kLearner = R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 64] {
  @a.w : f32[4,2] = random(1)
  @a.b : f32[4] = zeros
  @y.w : f32[2,4] = random(2)
  %a = linear(%x, @a.w, @a.b)
  %r = relu(%a)
  %y = linear(%r, @y.w)
})";

Samples learnable() {
  std::vector<float> values;
  std::vector<int64_t> labels;
  for (int i = 0; i < 16; ++i) {
    const float sign = i % 2 == 0 ? 1 : -1;
    values.insert(values.end(), {sign, static_cast<float>(i) / 16});
    labels.push_back(i % 2);
  }
  return Samples({Tensor::of<float>({16, 2}, std::span<const float>(values))}, Tensor::of<int64_t>({16}, std::span<const int64_t>(labels)));
}
}  // namespace

TEST_CASE("in several portions the same share goes as at once, with training between them") {
  const Samples data = learnable();
  Module once = read(kLearner), twice = read(kLearner);
  pass_ok("prune.channel", once, R"({"ratio": 0.5, "round_to": 1})", &data);
  const PassReport report = pass_ok("prune.channel", twice, R"({"ratio": 0.5, "round_to": 1, "iterations": 2, "train": {"epochs": 3, "batch_size": 4}})", &data);
  CHECK(weight_of(twice, "a.b").size() == weight_of(once, "a.b").size());
  CHECK(weight_of(twice, "y.w").size() == 4);
  CHECK(number_of(report, "channels_removed") == 2);
  CHECK(report.curves.size() == 3);
  CHECK(weight_of(once, "a.b") == std::vector<double>{0, 0});
  CHECK(weight_of(twice, "a.b") != std::vector<double>{0, 0});  // it learned
  Module goal = read(kLearner);
  CHECK(number_of(pass_ok("prune.channel", goal, R"({"goal": {"flops": 0.5}, "round_to": 1, "iterations": 3})", &data), "flops_remaining") == Approx(0.5));
}

TEST_CASE("in portions a share is one of the first size, whatever is rounded between") {
  const Samples data = learnable();
  Module m = read(kLearner);  // 4 → 3.2 → 2.4 → 1.6 → 0.8, in multiples of two: 4, 2, 2, 2
  pass_ok("prune.channel", m, R"({"ratio": 0.6, "round_to": 2, "iterations": 3, "train": {"steps": 1}})", &data);
  CHECK(weight_of(m, "a.b").size() == 2);
}

TEST_CASE("training between portions needs portions, and data") {
  Module m = read(kLearner);
  CHECK(pass_refused("prune.channel", m, R"({"train": {"epochs": 1}})").find("iterations: expected more than 1") != std::string::npos);
  CHECK(pass_refused("prune.channel", m, R"({"iterations": 2, "round_to": 1})").find("needs training data") != std::string::npos);
}

TEST_CASE("shapley tells its error, and ranks like the loss") {
  const Samples data = learnable();
  Module m = read(kLearner);
  const PassReport report = pass_ok("prune.channel", m, R"({"ratio": 0.5, "round_to": 1, "importance": "shapley", "permutations": 3})", &data);
  CHECK(number_of(report, "importance_standard_error") >= 0);
  CHECK(report.notes.back().find("shapley was estimated from 3 orders") == 0);
}

TEST_CASE("sizes that may stay") {
  ChannelSet set;
  set.groups.resize(12);
  CHECK(prune::allowed_to_stay(set, 5, {.round_to = 8}) == 8);
  CHECK(prune::allowed_to_stay(set, 0, {.round_to = 8}) == 8);
  CHECK(prune::allowed_to_stay(set, 12, {.round_to = 8}) == 12);  // unchanged rather than 16
  CHECK(prune::allowed_to_stay(set, 6, {.round_to = 1}) == 6);
  set.channels_per_group = 64;  // heads: always multiples of 8 channels
  CHECK(prune::allowed_to_stay(set, 5, {.round_to = 8}) == 5);
  CHECK(prune::allowed_to_stay(set, 0, {.round_to = 8, .min_channels = 100}) == 2);
}
