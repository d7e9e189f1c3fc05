#include "ir/coupling.h"

#include <numeric>

#include "ir/text.h"
#include "tests/catch.h"

using namespace fastc;

namespace {

Module read(const std::string& text) {
  auto module = parse(text);
  INFO((module ? "" : module.error().message));
  REQUIRE(module);
  return std::move(*module);
}

Coupling coupling_of(const Module& module) {
  auto coupling = find_coupling(module);
  INFO((coupling ? "" : coupling.error().message));
  REQUIRE(coupling);
  return std::move(*coupling);
}

// The free set whose groups hold channels of this value (axis); null when there is none.
const ChannelSet* set_of(const Module& m, const Coupling& c, const std::string& value, int64_t axis) {
  for (const ChannelSet& set : c.sets) {
    for (const Member& member : c.groups[set.groups[0]].members) {
      if (m.value(member.value).name == value && member.axis == axis && set.why_pinned.empty()) return &set;
    }
  }
  return nullptr;
}

std::vector<double> weight(const Module& m, const std::string& name) { return to_doubles(m.weight(m.find_value(name)).data); }
std::vector<int64_t> shape(const Module& m, const std::string& name) { return m.weight(m.find_value(name)).data.shape(); }
std::vector<int64_t> indices(const Module& m, const Group& g, const std::string& value, int64_t axis) {
  for (const Member& member : g.members) {
    if (m.value(member.value).name == value && member.axis == axis) return member.indices;
  }
  return {};
}

constexpr const char* kChain = R"(module m (%x : f32[N,1,4,4]) -> (%fc) symbols N in [1, 8] {
  @a.w : f32[3,1,1,1] = [[[[1]]], [[[2]]], [[[3]]]]
  @a.b : f32[3] = [10, 20, 30]
  @n.w : f32[3] = [1, 2, 3]
  @n.b : f32[3] = [4, 5, 6]
  @n.m : f32[3] buffer = [7, 8, 9]
  @n.v : f32[3] buffer = [1, 1, 2]
  @fc.w : f32[2,48] = random(1)
  %a = conv(%x, @a.w, @a.b) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
  %n = batch_norm(%a, @n.w, @n.b, @n.m, @n.v)
  %r = relu(%n)
  %flat = reshape(%r) {shape=[N,48]}
  %fc = linear(%flat, @fc.w)
})";

}  // namespace

TEST_CASE("a chain couples filters, norms and flattened inputs") {
  Module m = read(kChain);
  const Coupling c = coupling_of(m);
  const ChannelSet* set = set_of(m, c, "a.w", 0);
  REQUIRE(set);
  CHECK(set->groups.size() == 3);
  CHECK(set->inner);
  CHECK(m.node(set->writers.at(0)).name == "a");
  CHECK(m.node(set->readers.at(0)).name == "fc");
  CHECK(m.node(set->through.at(0)).name == "n");
  CHECK(indices(m, c.groups[set->groups[1]], "fc.w", 1).front() == 16);
  CHECK(indices(m, c.groups[set->groups[1]], "fc.w", 1).size() == 16);
  CHECK(set_of(m, c, "fc.w", 0) == nullptr);  // the output stays

  const auto before = weight(m, "fc.w");
  REQUIRE(remove_groups(m, c, std::vector<size_t>{set->groups[1]}));
  CHECK(weight(m, "a.w") == std::vector<double>{1, 3});
  CHECK(weight(m, "a.b") == std::vector<double>{10, 30});
  CHECK(weight(m, "n.v") == std::vector<double>{1, 2});
  CHECK(shape(m, "fc.w") == std::vector<int64_t>{2, 32});
  CHECK(weight(m, "fc.w")[16] == before[32]);
  CHECK(type_text(m.value(m.find_value("flat")).type) == "f32[N,32]");
}

TEST_CASE("the last channel and pinned channels cannot go, and the module stays as it was") {
  Module m = read(kChain);
  const Coupling c = coupling_of(m);
  const std::string before = print(m);
  const auto all = set_of(m, c, "a.w", 0)->groups;
  auto status = remove_groups(m, c, all);
  REQUIRE_FALSE(status);
  CHECK(status.error().cls == ErrorClass::kUsage);
  CHECK(status.error().message.find("at least one channel") != std::string::npos);
  for (const ChannelSet& set : c.sets) {
    if (set.why_pinned.empty()) continue;
    CHECK_FALSE(remove_groups(m, c, set.groups));
  }
  CHECK(print(m) == before);
}

// Option A of He et al. 2016: the shortcut takes every second pixel and pads channels with zeros on both sides.
constexpr const char* kShortcut = R"(module m (%x : f32[N,1,4,4]) -> (%fc) symbols N in [1, 8] {
  @stem.w : f32[2,1,1,1] = [[[[1]]], [[[2]]]]
  @c1.w : f32[3,2,3,3] = random(1)
  @c2.w : f32[4,3,1,1] = [[[[1]],[[2]],[[3]]], [[[4]],[[5]],[[6]]], [[[7]],[[8]],[[9]]], [[[10]],[[11]],[[12]]]]
  @fc.w : f32[2,4] = [[1,2,3,4],[5,6,7,8]]
  %stem = conv(%x, @stem.w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
  %c1 = conv(%stem, @c1.w) {stride=[2,2], padding=[1,1,1,1], dilation=[1,1]}
  %c2 = conv(%c1, @c2.w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
  %h = slice(%stem) {axis=2, start=0, end=4, step=2}
  %v = slice(%h) {axis=3, start=0, end=4, step=2}
  %pad = pad(%v) {padding=[0,1,0,0,0,1,0,0]}
  %sum = add(%c2, %pad)
  %mean = reduce_mean(%sum) {axes=[2,3]}
  %fc = linear(%mean, @fc.w)
})";

TEST_CASE("a shortcut that slices and pads couples shifted channels") {
  Module m = read(kShortcut);
  const Coupling c = coupling_of(m);
  const ChannelSet* old_channels = set_of(m, c, "stem.w", 0);
  REQUIRE(old_channels);
  CHECK(old_channels->groups.size() == 2);
  CHECK_FALSE(old_channels->inner);
  CHECK(indices(m, c.groups[old_channels->groups[0]], "c2.w", 0) == std::vector<int64_t>{1});
  CHECK(indices(m, c.groups[old_channels->groups[0]], "fc.w", 1) == std::vector<int64_t>{1});
  const ChannelSet* inner = set_of(m, c, "c1.w", 0);
  REQUIRE(inner);
  CHECK(inner->inner);
  CHECK(inner->groups.size() == 3);

  // The first stem channel, and the channel that was zeros behind the old ones (number 3 of 4).
  size_t last = c.groups.size();
  for (const ChannelSet& set : c.sets) {
    for (const size_t group : set.groups) {
      if (indices(m, c.groups[group], "c2.w", 0) == std::vector<int64_t>{3}) last = group;
    }
  }
  REQUIRE(last < c.groups.size());
  REQUIRE(remove_groups(m, c, std::vector<size_t>{old_channels->groups[0], last}));
  CHECK(weight(m, "stem.w") == std::vector<double>{2});
  CHECK(weight(m, "c2.w") == std::vector<double>{1, 2, 3, 7, 8, 9});
  CHECK(weight(m, "fc.w") == std::vector<double>{1, 3, 5, 7});
  CHECK(m.node(m.find_node("pad")).integers("padding") == std::vector<int64_t>{0, 1, 0, 0, 0, 0, 0, 0});
  const std::string words = coupling_text(m, coupling_of(m));
  INFO(words);
  CHECK(words.find("added together in sum (add") != std::string::npos);
}

TEST_CASE("depthwise and grouped convolutions") {
  Module m = read(R"(module m (%x : f32[N,3,4,4]) -> (%out) symbols N in [1, 8] {
  @e.w : f32[4,3,1,1] = random(1)
  @d.w : f32[8,1,3,3] = random(2)
  @g.w : f32[6,4,1,1] = random(3)
  @o.w : f32[1,6,1,1] = random(4)
  %e = conv(%x, @e.w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
  %d = conv(%e, @d.w) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1], groups=4}
  %g = conv(%d, @g.w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1], groups=2}
  %out = conv(%g, @o.w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
})");
  const Coupling c = coupling_of(m);
  // e's channel i feeds d's 2i and 2i+1; g's two groups of 4 inputs lose the same place: d 0,1 with d 4,5, so e 0 with e 2.
  const ChannelSet* set = set_of(m, c, "e.w", 0);
  REQUIRE(set);
  REQUIRE(set->groups.size() == 2);
  CHECK(indices(m, c.groups[set->groups[0]], "e.w", 0) == std::vector<int64_t>{0, 2});
  CHECK(indices(m, c.groups[set->groups[0]], "d.w", 0) == std::vector<int64_t>{0, 1, 4, 5});
  CHECK(indices(m, c.groups[set->groups[0]], "g.w", 1) == std::vector<int64_t>{0, 1});
  const ChannelSet* out = set_of(m, c, "o.w", 1);
  REQUIRE(out);
  CHECK(indices(m, c.groups[out->groups[1]], "g.w", 0) == std::vector<int64_t>{1, 4});
  REQUIRE(remove_groups(m, c, std::vector<size_t>{set->groups[0], out->groups[2]}));
  CHECK(m.node(m.find_node("d")).integer("groups") == 2);
  CHECK(shape(m, "d.w") == std::vector<int64_t>{4, 1, 3, 3});
  CHECK(shape(m, "g.w") == std::vector<int64_t>{4, 2, 1, 1});
}

TEST_CASE("convolutions over three axes couple as those over two") {
  Module m = read(R"(module m (%x : f32[N,3,4,4,4]) -> (%out) symbols N in [1, 8] {
  @e.w : f32[4,3,3,1,1] = random(1)
  @d.w : f32[4,1,3,3,3] = random(2)
  @o.w : f32[2,16] = random(3)
  %e = conv(%x, @e.w) {stride=[1,1,1], padding=[1,0,0,1,0,0], dilation=[1,1,1]}
  %d = conv(%e, @d.w) {stride=[1,2,2], padding=[1,1,1,1,1,1], dilation=[1,1,1], groups=4}
  %p = max_pool(%d) {kernel=[1,2,2], stride=[1,2,2], padding=[0,0,0], dilation=[1,1,1]}
  %flat = reshape(%p) {shape=[N,16]}
  %out = linear(%flat, @o.w)
})");
  const Coupling c = coupling_of(m);
  const ChannelSet* set = set_of(m, c, "e.w", 0);
  REQUIRE(set);
  REQUIRE(set->groups.size() == 4);
  CHECK(indices(m, c.groups[set->groups[1]], "d.w", 0) == std::vector<int64_t>{1});
  CHECK(indices(m, c.groups[set->groups[1]], "o.w", 1) == std::vector<int64_t>{4, 5, 6, 7});  // its four frames
  REQUIRE(remove_groups(m, c, std::vector<size_t>{set->groups[1]}));
  CHECK(m.node(m.find_node("d")).integer("groups") == 3);
  CHECK(shape(m, "d.w") == std::vector<int64_t>{3, 1, 3, 3, 3});
  CHECK(shape(m, "o.w") == std::vector<int64_t>{2, 12});
}

TEST_CASE("concat offsets, slices back, and tied weights") {
  Module m = read(R"(module m (%i : i64[N,L]) -> (%y) symbols N in [1, 8], L in [1, 8] {
  @table : f32[10,3] = random(1)
  @w : f32[4,3] = random(2)
  @v : f32[3,7] = random(3)
  %e = embedding(@table, %i)
  %a = linear(%e, @w)
  %cat = concat(%e, %a) {axis=2}
  %back = linear(%cat, @v)
  %sum = add(%back, %e)
  %y = linear(%sum, @table)
})");
  const Coupling c = coupling_of(m);
  const ChannelSet* stream = set_of(m, c, "table", 1);
  REQUIRE(stream);
  CHECK(stream->groups.size() == 3);
  CHECK(indices(m, c.groups[stream->groups[2]], "v", 1) == std::vector<int64_t>{2});
  CHECK(stream->readers.size() == 3);  // a, back and y, which reads the tied table
  const ChannelSet* inner = set_of(m, c, "w", 0);
  REQUIRE(inner);
  CHECK(indices(m, c.groups[inner->groups[0]], "v", 1) == std::vector<int64_t>{3});
  REQUIRE(remove_groups(m, c, std::vector<size_t>{stream->groups[0], inner->groups[3]}));
  CHECK(shape(m, "table") == std::vector<int64_t>{10, 2});
  CHECK(shape(m, "v") == std::vector<int64_t>{2, 5});
}

TEST_CASE("attention loses whole heads, through the reshapes around it") {
  Module m = read(R"(module m (%x : f32[N,L,6]) -> (%y) symbols N in [1, 8], L in [1, 8] {
  @q.w : f32[8,6] = random(1)
  @k.w : f32[4,6] = random(2)
  @v.w : f32[4,6] = random(3)
  @o.w : f32[6,8] = random(4)
  %q = linear(%x, @q.w)
  %k = linear(%x, @k.w)
  %v = linear(%x, @v.w)
  %q4 = reshape(%q) {shape=[N,L,4,2]}
  %k4 = reshape(%k) {shape=[N,L,2,2]}
  %v4 = reshape(%v) {shape=[N,L,2,2]}
  %qh = permute(%q4) {perm=[0,2,1,3]}
  %kh = permute(%k4) {perm=[0,2,1,3]}
  %vh = permute(%v4) {perm=[0,2,1,3]}
  %att = attention(%qh, %kh, %vh) {scale=1}
  %back = permute(%att) {perm=[0,2,1,3]}
  %flat = reshape(%back) {shape=[N,L,8]}
  %y = linear(%flat, @o.w)
})");
  const Coupling c = coupling_of(m);
  const ChannelSet* heads = set_of(m, c, "q.w", 0);
  REQUIRE(heads);
  REQUIRE(heads->groups.size() == 2);  // key heads; each with two query heads of two features
  CHECK(heads->channels_per_group == 4);
  CHECK(indices(m, c.groups[heads->groups[1]], "q.w", 0) == std::vector<int64_t>{4, 5, 6, 7});
  CHECK(indices(m, c.groups[heads->groups[1]], "k.w", 0) == std::vector<int64_t>{2, 3});
  REQUIRE(remove_groups(m, c, std::vector<size_t>{heads->groups[0]}));
  CHECK(shape(m, "o.w") == std::vector<int64_t>{6, 4});
  CHECK(type_text(m.value(m.find_value("q4")).type) == "f32[N,L,2,2]");
}

TEST_CASE("what mixes channels pins them, and says so") {
  Module m = read(R"(module m (%x : f32[N,4]) -> (%y) symbols N in [1, 8] {
  @a : f32[4,4] = random(1)
  @b : f32[2,4] = random(2)
  %h = linear(%x, @a)
  %s = softmax(%h) {axis=1}
  %y = linear(%s, @b)
})");
  const Coupling c = coupling_of(m);
  CHECK(set_of(m, c, "a", 0) == nullptr);
  CHECK(coupling_text(m, c).find("which must stay: s (softmax) needs every one of them") != std::string::npos);
}

TEST_CASE("an order counts the elements of its axis: they must stay, and others may go") {
  const auto text = [](const char* axes) {
    return fmt::format(R"(module m (%x : f32[N,3,4]) -> (%y) symbols N in [1, 8] {{
  @a : f32[4,4] = random(1)
  @b : f32[2,4] = random(2)
  %h = linear(%x, @a)
  %p = permute(%h) {{perm=[0,{0}]}}
  %i = argsort(%p)
  %f = cast(%i) {{dtype="f32"}}
  %q = permute(%f) {{perm=[0,{0}]}}
  %y = linear(%q, @b)
}})", axes);
  };
  const Module rows = read(text("1,2")), columns = read(text("2,1"));
  CHECK(set_of(rows, coupling_of(rows), "a", 0) == nullptr);
  CHECK(set_of(columns, coupling_of(columns), "a", 0) != nullptr);
}

TEST_CASE("coupling in words: writers, readers, and the ops between, with runs of names in one") {
  const Module m = read(R"(module m (%x : f32[N,3,4,4]) -> (%out) symbols N in [1, 8] {
  @s.w : f32[4,3,1,1] = random(1)
  @b.w : f32[4,4,1,1] = random(2)
  @c.w : f32[2,4,1,1] = random(3)
  @o.w : f32[1,6,1,1] = random(4)
  %s = conv(%x, @s.w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
  %blocks.0.conv = conv(%s, @b.w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
  %blocks.0.add = add(%blocks.0.conv, %s)
  %blocks.1.conv = conv(%blocks.0.add, @b.w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
  %blocks.1.add = add(%blocks.1.conv, %blocks.0.add)
  %c = conv(%blocks.1.add, @c.w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
  %cat = concat(%blocks.1.add, %c) {axis=1}
  %out = conv(%cat, @o.w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
})");
  CHECK(coupling_text(m, coupling_of(m)) == R"(sets of channels that live and die together: 1 between layers, 1 in residual streams, 2 that must stay
set 0: 4 channels of a residual stream
    written by s, blocks.{0-1}.conv (conv)
    read by blocks.{0-1}.conv, c (conv); out (conv: channels 0-3 of 6)
    added together in blocks.{0-1}.add (add)
    concatenated in cat (concat: channels 0-3 of 6)
set 1: 2 channels
    written by c (conv)
    read by out (conv: channels 4-5 of 6)
    concatenated in cat (concat: channels 4-5 of 6)
set 2: 3 channels, which must stay: an input of the network has these channels
    read by s (conv)
set 3: 1 channel, which must stay: an output of the network has these channels
    written by out (conv)
)");
}

TEST_CASE("a channel shuffle keeps its groups equal: a channel goes with those in its place of the other groups") {
  Module m = read(R"(module m (%x : f32[N,3,4,4]) -> (%out) symbols N in [1, 8] {
  @a.w : f32[6,3,1,1] = random(1)
  @b.w : f32[2,6,1,1] = random(2)
  %a = conv(%x, @a.w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
  %split = reshape(%a) {shape=[N,2,3,4,4]}
  %swap = permute(%split) {perm=[0,2,1,3,4]}
  %shuffled = reshape(%swap) {shape=[N,6,4,4]}
  %out = conv(%shuffled, @b.w) {stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}
})");
  const Coupling c = coupling_of(m);
  const ChannelSet* set = set_of(m, c, "a.w", 0);
  REQUIRE(set);
  REQUIRE(set->groups.size() == 3);
  CHECK(indices(m, c.groups[set->groups[1]], "a.w", 0) == std::vector<int64_t>{1, 4});
  CHECK(indices(m, c.groups[set->groups[1]], "b.w", 1) == std::vector<int64_t>{2, 3});
  const auto before = weight(m, "b.w");
  REQUIRE(remove_groups(m, c, std::vector<size_t>{set->groups[1]}));
  CHECK(type_text(m.value(m.find_value("split")).type) == "f32[N,2,2,4,4]");
  CHECK(weight(m, "b.w") == std::vector<double>{before[0], before[1], before[4], before[5], before[6], before[7], before[10], before[11]});
}

TEST_CASE("q, k and v packed in front of the heads lose heads") {
  Module m = read(R"(module m (%x : f32[N,L,6]) -> (%y) symbols N in [1, 8], L in [1, 8] {
  @qkv.w : f32[12,6] = random(1)
  @o.w : f32[6,4] = random(4)
  %qkv = linear(%x, @qkv.w)
  %five = reshape(%qkv) {shape=[N,L,3,2,2]}
  %front = permute(%five) {perm=[2,0,3,1,4]}
  %q0 = slice(%front) {axis=0, start=0, end=1}
  %k0 = slice(%front) {axis=0, start=1, end=2}
  %v0 = slice(%front) {axis=0, start=2, end=3}
  %q = reshape(%q0) {shape=[N,2,L,2]}
  %k = reshape(%k0) {shape=[N,2,L,2]}
  %v = reshape(%v0) {shape=[N,2,L,2]}
  %att = attention(%q, %k, %v) {scale=1}
  %back = permute(%att) {perm=[0,2,1,3]}
  %flat = reshape(%back) {shape=[N,L,4]}
  %y = linear(%flat, @o.w)
})");
  const Coupling c = coupling_of(m);
  const ChannelSet* heads = set_of(m, c, "qkv.w", 0);
  REQUIRE(heads);
  REQUIRE(heads->groups.size() == 2);
  CHECK(indices(m, c.groups[heads->groups[1]], "qkv.w", 0) == std::vector<int64_t>{2, 3, 6, 7, 10, 11});
  CHECK(indices(m, c.groups[heads->groups[1]], "o.w", 1) == std::vector<int64_t>{2, 3});
  REQUIRE(remove_groups(m, c, std::vector<size_t>{heads->groups[0]}));
  CHECK(type_text(m.value(m.find_value("five")).type) == "f32[N,L,3,1,2]");
}

TEST_CASE("a recurrent layer's hidden unit goes from all gates, layers and directions") {
  for (const auto& [op, gates] : {std::pair{"lstm", 4}, {"gru", 3}, {"rnn", 1}}) {
    INFO(op);
    const int rows = 2 * gates;
    const std::string results = op == std::string("lstm") ? "%y, %h, %c" : "%y, %h", states = op == std::string("lstm") ? "_, _" : "_";
    std::string text = "module m (%x : f32[N,L,3]) -> (%out) symbols N in [1, 8], L in [1, 8] {\n  @in.w : f32[5,3] = random(1)\n  @out.w : f32[2,4] = random(2)\n";
    std::string weights;
    for (int layer = 0; layer < 2; ++layer) {
      for (int direction = 0; direction < 2; ++direction) {
        const std::string at = fmt::format("{}{}", layer, direction);
        text += fmt::format("  @ih{} : f32[{},{}] = random(3)\n  @hh{} : f32[{},2] = random(4)\n  @b{} : f32[{}] = random(5)\n", at, rows, layer == 0 ? 5 : 4, at, rows, at, rows);
        weights += fmt::format(", @ih{}, @hh{}, @b{}, @b{}", at, at, at, at);
      }
    }
    text += fmt::format("  %in = linear(%x, @in.w)\n  {} = {}(%in, {}{}) {{hidden=2, layers=2, bidirectional=true, batch_first=true}}\n  %out = linear(%y, @out.w)\n}}", results, op, states, weights);
    Module m = read(text);
    const Coupling c = coupling_of(m);
    const ChannelSet* units = set_of(m, c, "hh01", 1);
    REQUIRE(units);
    REQUIRE(units->groups.size() == 2);
    CHECK(units->channels_per_group == 1);
    CHECK(indices(m, c.groups[units->groups[1]], "ih10", 1) == std::vector<int64_t>{1, 3});  // both directions of the layer below
    CHECK(indices(m, c.groups[units->groups[1]], "out.w", 1) == std::vector<int64_t>{1, 3});
    CHECK(indices(m, c.groups[units->groups[1]], "b00", 0).size() == static_cast<size_t>(gates));
    const ChannelSet* inputs = set_of(m, c, "in.w", 0);
    REQUIRE(inputs);
    CHECK(inputs->groups.size() == 5);
    REQUIRE(remove_groups(m, c, std::vector<size_t>{units->groups[0], inputs->groups[4]}));
    CHECK(shape(m, "ih00") == std::vector<int64_t>{gates, 4});
    CHECK(shape(m, "ih11") == std::vector<int64_t>{gates, 2});
    CHECK(shape(m, "hh11") == std::vector<int64_t>{gates, 1});
    CHECK(m.node(m.find_node("y")).integer("hidden") == 1);
  }
}

TEST_CASE("group norm: every group loses the same place; groups of one channel go whole") {
  const std::string text = R"(module m (%x : f32[N,1,4,4]) -> (%o) symbols N in [1, 8] {{
  @a.w : f32[4,1,1,1] = random(1)
  @n.w : f32[4] = [1,2,3,4]
  @o.w : f32[1,4,1,1] = random(2)
  %a = conv(%x, @a.w) {{stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}}
  %n = group_norm(%a, @n.w) {{groups={}}}
  %o = conv(%n, @o.w) {{stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}}
}})";
  Module two = read(fmt::format(fmt::runtime(text), 2)), four = read(fmt::format(fmt::runtime(text), 4));
  const Coupling c = coupling_of(two), d = coupling_of(four);
  const ChannelSet *pairs = set_of(two, c, "a.w", 0), *singles = set_of(four, d, "a.w", 0);
  REQUIRE(pairs);
  REQUIRE(singles);
  CHECK(indices(two, c.groups[pairs->groups[0]], "n.w", 0) == std::vector<int64_t>{0, 2});
  REQUIRE(singles->groups.size() == 4);
  REQUIRE(remove_groups(two, c, std::vector<size_t>{pairs->groups[0]}));
  REQUIRE(remove_groups(four, d, std::vector<size_t>{singles->groups[0]}));
  CHECK(weight(two, "n.w") == std::vector<double>{2, 4});
  CHECK(two.node(two.find_node("n")).integer("groups") == 2);
  CHECK(four.node(four.find_node("n")).integer("groups") == 3);
}

TEST_CASE("an addition of what one layer computed is no residual stream") {
  Module m = read(R"(module m (%x : f32[N,3]) -> (%y) symbols N in [1, 8] {
  @a : f32[4,3] = random(1)
  @b : f32[4,4] = random(2)
  @c : f32[2,4] = random(3)
  %h = linear(%x, @a)
  %square = mul(%h, %h)
  %gate = add(%h, %square)
  %f = linear(%gate, @b)
  %sum = add(%gate, %f)
  %y = linear(%sum, @c)
})");
  Module single = read(R"(module m (%x : f32[N,3]) -> (%y) symbols N in [1, 8] {
  @a : f32[4,3] = random(1)
  @c : f32[2,4] = random(3)
  %h = linear(%x, @a)
  %square = mul(%h, %h)
  %gate = add(%h, %square)
  %y = linear(%gate, @c)
})");
  const Coupling c = coupling_of(m), d = coupling_of(single);
  REQUIRE(set_of(m, c, "a", 0));
  CHECK_FALSE(set_of(m, c, "a", 0)->inner);  // gate + f
  REQUIRE(set_of(single, d, "a", 0));
  CHECK(set_of(single, d, "a", 0)->inner);
}
