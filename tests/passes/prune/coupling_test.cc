// Coupling by what it promises: a network without some channels computes what the whole one does with these channels at zero. Every group that find_coupling
// lets go, of one small network for each kind of tie. Norms over channels are not here: what they divide by is another number without a channel.
#include "ir/coupling.h"

#include <algorithm>

#include "tests/passes/prune/context.h"

using namespace fastc;
using namespace fastc::test;

namespace {

struct Tie {
  const char* name;
  const char* inputs;   // name, type and symbols of forward's only argument
  const char* body;     // ends in %out
  const char* gone;     // a weight that loses something along …
  int64_t axis;         // … this axis
  size_t groups;        // in so many steps
};

#define CONV "{stride=[1,1], padding=[0,0,0,0], dilation=[1,1]}"
#define PIXELS "(%x : f32[N,2,4,4]) -> (%out) symbols N in [1, 8]"
#define ROWS "(%x : f32[N,3]) -> (%out) symbols N in [1, 8]"
#define STEPS "(%x : f32[N,4,3]) -> (%out) symbols N in [1, 8]"

const Tie kTies[] = {
    {"a residual addition", PIXELS, R"(
  @s.w : f32[3,2,1,1] = random(1)
  @f.w : f32[3,3,3,3] = random(2)
  @o.w : f32[1,3,1,1] = random(3)
  %s = conv(%x, @s.w) )" CONV R"(
  %f = conv(%s, @f.w) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1]}
  %sum = add(%f, %s)
  %r = relu(%sum)
  %out = conv(%r, @o.w) )" CONV, "s.w", 0, 3},
    {"a shortcut that pads channels", PIXELS, R"(
  @s.w : f32[2,2,1,1] = random(1)
  @f.w : f32[4,2,1,1] = random(2)
  @o.w : f32[1,4,1,1] = random(3)
  %s = conv(%x, @s.w) )" CONV R"(
  %f = conv(%s, @f.w) )" CONV R"(
  %p = pad(%s) {padding=[0,1,0,0,0,1,0,0]}
  %sum = add(%f, %p)
  %out = conv(%sum, @o.w) )" CONV, "s.w", 0, 2},
    {"concat", PIXELS, R"(
  @a.w : f32[2,2,1,1] = random(1)
  @b.w : f32[3,2,1,1] = random(2)
  @o.w : f32[1,5,1,1] = random(3)
  %a = conv(%x, @a.w) )" CONV R"(
  %b = conv(%x, @b.w) )" CONV R"(
  %c = concat(%a, %b) {axis=1}
  %g = sigmoid(%c)
  %out = conv(%g, @o.w) )" CONV, "b.w", 0, 3},
    {"split", PIXELS, R"(
  @a.w : f32[5,2,1,1] = random(1)
  @l.w : f32[1,2,1,1] = random(2)
  @r.w : f32[1,3,1,1] = random(3)
  %a = conv(%x, @a.w) )" CONV R"(
  %s0 = slice(%a) {axis=1, start=0, end=2}
  %s1 = slice(%a) {axis=1, start=2, end=5}
  %l = conv(%s0, @l.w) )" CONV R"(
  %r = conv(%s1, @r.w) )" CONV R"(
  %out = add(%l, %r))", "a.w", 0, 5},
    {"channel shuffle", PIXELS, R"(
  @a.w : f32[6,2,1,1] = random(1)
  @o.w : f32[1,6,1,1] = random(2)
  %a = conv(%x, @a.w) )" CONV R"(
  %split = reshape(%a) {shape=[N,2,3,4,4]}
  %swap = permute(%split) {perm=[0,2,1,3,4]}
  %shuffled = reshape(%swap) {shape=[N,6,4,4]}
  %out = conv(%shuffled, @o.w) )" CONV, "a.w", 0, 3},
    {"depthwise convolution and batch norm", PIXELS, R"(
  @a.w : f32[3,2,1,1] = random(1)
  @d.w : f32[3,1,3,3] = random(2)
  @n.w : f32[3] = [1, 2, 3]
  @n.b.w : f32[3] = [4, 5, 6]
  @n.m.w : f32[3] buffer = [7, 8, 9]
  @n.v.w : f32[3] buffer = [1, 2, 3]
  @o.w : f32[1,3,1,1] = random(3)
  %a = conv(%x, @a.w) )" CONV R"(
  %d = conv(%a, @d.w) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1], groups=3}
  %n = batch_norm(%d, @n.w, @n.b.w, @n.m.w, @n.v.w)
  %out = conv(%n, @o.w) )" CONV, "d.w", 0, 3},
    {"depthwise convolution with several filters a channel", PIXELS, R"(
  @a.w : f32[3,2,1,1] = random(1)
  @d.w : f32[6,1,3,3] = random(2)
  @o.w : f32[1,6,1,1] = random(3)
  %a = conv(%x, @a.w) )" CONV R"(
  %d = conv(%a, @d.w) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1], groups=3}
  %out = conv(%d, @o.w) )" CONV, "a.w", 0, 3},
    {"grouped convolution", PIXELS, R"(
  @a.w : f32[4,2,1,1] = random(1)
  @g.w : f32[6,2,3,3] = random(2)
  @o.w : f32[1,6,1,1] = random(3)
  %a = conv(%x, @a.w) )" CONV R"(
  %g = conv(%a, @g.w) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1], groups=2}
  %out = conv(%g, @o.w) )" CONV, "a.w", 0, 2},
    {"transposed convolution", PIXELS, R"(
  @a.w : f32[3,2,1,1] = random(1)
  @t.w : f32[3,4,2,2] = random(2)
  @t.b.w : f32[4] = random(3)
  @o.w : f32[1,4,1,1] = random(4)
  %a = conv(%x, @a.w) )" CONV R"(
  %t = conv_transpose(%a, @t.w, @t.b.w) {stride=[2,2], padding=[0,0], output_padding=[0,0], dilation=[1,1]}
  %out = conv(%t, @o.w) )" CONV, "t.w", 1, 4},
    {"grouped transposed convolution", PIXELS, R"(
  @a.w : f32[4,2,1,1] = random(1)
  @t.w : f32[4,3,2,2] = random(2)
  @o.w : f32[1,6,1,1] = random(3)
  %a = conv(%x, @a.w) )" CONV R"(
  %t = conv_transpose(%a, @t.w) {stride=[2,2], padding=[0,0], output_padding=[0,0], dilation=[1,1], groups=2}
  %out = conv(%t, @o.w) )" CONV, "t.w", 1, 3},
    {"depthwise transposed convolution", PIXELS, R"(
  @a.w : f32[3,2,1,1] = random(1)
  @t.w : f32[3,2,2,2] = random(2)
  @o.w : f32[1,6,1,1] = random(3)
  %a = conv(%x, @a.w) )" CONV R"(
  %t = conv_transpose(%a, @t.w) {stride=[2,2], padding=[0,0], output_padding=[0,0], dilation=[1,1], groups=3}
  %out = conv(%t, @o.w) )" CONV, "t.w", 0, 3},
    {"flatten into linear", PIXELS, R"(
  @a.w : f32[3,2,1,1] = random(1)
  @o.w : f32[2,48] = random(2)
  %a = conv(%x, @a.w) )" CONV R"(
  %flat = reshape(%a) {shape=[N,48]}
  %out = linear(%flat, @o.w))", "o.w", 1, 3},
    {"squeeze and excitation", PIXELS, R"(
  @a.w : f32[4,2,1,1] = random(1)
  @down.w : f32[2,4,1,1] = random(2)
  @up.w : f32[4,2,1,1] = random(3)
  @o.w : f32[1,4,1,1] = random(4)
  %a = conv(%x, @a.w) )" CONV R"(
  %pool = adaptive_avg_pool(%a) {output_size=[1,1]}
  %down = conv(%pool, @down.w) )" CONV R"(
  %act = silu(%down)
  %up = conv(%act, @up.w) )" CONV R"(
  %gate = sigmoid(%up)
  %scaled = mul(%a, %gate)
  %out = conv(%scaled, @o.w) )" CONV, "up.w", 0, 4},
    {"a feed-forward layer with a gate", ROWS, R"(
  @gate.w : f32[5,3] = random(1)
  @up.w : f32[5,3] = random(2)
  @down.w : f32[3,5] = random(3)
  %gate = linear(%x, @gate.w)
  %act = silu(%gate)
  %up = linear(%x, @up.w)
  %both = mul(%act, %up)
  %out = linear(%both, @down.w))", "down.w", 1, 5},
    {"attention heads, two queries for a key", STEPS, R"(
  @q.w : f32[8,3] = random(1)
  @k.w : f32[4,3] = random(2)
  @v.w : f32[4,3] = random(3)
  @o.w : f32[3,8] = random(4)
  %q = linear(%x, @q.w)
  %k = linear(%x, @k.w)
  %v = linear(%x, @v.w)
  %q4 = reshape(%q) {shape=[N,4,4,2]}
  %k4 = reshape(%k) {shape=[N,4,2,2]}
  %v4 = reshape(%v) {shape=[N,4,2,2]}
  %qh = permute(%q4) {perm=[0,2,1,3]}
  %kh = permute(%k4) {perm=[0,2,1,3]}
  %vh = permute(%v4) {perm=[0,2,1,3]}
  %att = attention(%qh, %kh, %vh) {scale=1}
  %back = permute(%att) {perm=[0,2,1,3]}
  %flat = reshape(%back) {shape=[N,4,8]}
  %out = linear(%flat, @o.w))", "o.w", 1, 2},
    {"attention heads, q, k and v in one weight", STEPS, R"(
  @qkv.w : f32[12,3] = random(1)
  @o.w : f32[3,4] = random(2)
  %qkv = linear(%x, @qkv.w)
  %five = reshape(%qkv) {shape=[N,4,3,2,2]}
  %front = permute(%five) {perm=[2,0,3,1,4]}
  %q0 = slice(%front) {axis=0, start=0, end=1}
  %k0 = slice(%front) {axis=0, start=1, end=2}
  %v0 = slice(%front) {axis=0, start=2, end=3}
  %q = reshape(%q0) {shape=[N,2,4,2]}
  %k = reshape(%k0) {shape=[N,2,4,2]}
  %v = reshape(%v0) {shape=[N,2,4,2]}
  %att = attention(%q, %k, %v) {scale=1}
  %back = permute(%att) {perm=[0,2,1,3]}
  %flat = reshape(%back) {shape=[N,4,4]}
  %out = linear(%flat, @o.w))", "qkv.w", 0, 2},
    {"an embedding, and the head that shares its table", "(%x : i64[N,4]) -> (%out) symbols N in [1, 8]", R"(
  @table.w : f32[5,3] = random(1)
  @f.w : f32[3,3] = random(2)
  %e = embedding(@table.w, %x)
  %f = linear(%e, @f.w)
  %sum = add(%e, %f)
  %out = linear(%sum, @table.w))", "table.w", 1, 3},
    {"a weight used twice", ROWS, R"(
  @in.w : f32[4,3] = random(1)
  @w.w : f32[4,4] = random(2)
  @o.w : f32[2,4] = random(3)
  %a = linear(%x, @in.w)
  %b = linear(%a, @w.w)
  %r = relu(%b)
  %c = linear(%r, @w.w)
  %out = linear(%c, @o.w))", "w.w", 0, 4},
    {"an LSTM's hidden units", STEPS, R"(
  @in.w : f32[3,3] = random(1)
  @ih.w : f32[8,3] = random(2)
  @hh.w : f32[8,2] = random(3)
  @b.w : f32[8] = random(4)
  @o.w : f32[2,2] = random(5)
  %in = linear(%x, @in.w)
  %y, %h, %c = lstm(%in, _, _, @ih.w, @hh.w, @b.w, @b.w) {hidden=2, layers=1, bidirectional=false, batch_first=true}
  %out = linear(%y, @o.w))", "hh.w", 1, 2},
    {"a GRU's hidden units, both directions", STEPS, R"(
  @ih.w : f32[6,3] = random(2)
  @hh.w : f32[6,2] = random(3)
  @b.w : f32[6] = random(4)
  @ih.r.w : f32[6,3] = random(6)
  @hh.r.w : f32[6,2] = random(7)
  @b.r.w : f32[6] = random(8)
  @o.w : f32[2,4] = random(5)
  %y, %h = gru(%x, _, @ih.w, @hh.w, @b.w, @b.w, @ih.r.w, @hh.r.w, @b.r.w, @b.r.w) {hidden=2, layers=1, bidirectional=true, batch_first=true}
  %out = linear(%y, @o.w))", "hh.w", 1, 2},
    {"an LSTM's inputs", STEPS, R"(
  @in.w : f32[4,3] = random(1)
  @ih.w : f32[8,4] = random(2)
  @hh.w : f32[8,2] = random(3)
  @b.w : f32[8] = random(4)
  @o.w : f32[2,2] = random(5)
  %in = linear(%x, @in.w)
  %y, %h, %c = lstm(%in, _, _, @ih.w, @hh.w, @b.w, @b.w) {hidden=2, layers=1, bidirectional=false, batch_first=true}
  %out = linear(%y, @o.w))", "ih.w", 1, 4},
};

Tensor input_of(const Module& m) {
  const Type& type = m.value(m.inputs.at(0)).type;
  std::vector<int64_t> shape;
  for (const Dim& d : type.shape) shape.push_back(d.is_constant() ? d.constant() : 2);
  Tensor x = Tensor::zeros(type.dtype, shape);
  std::vector<double> values(static_cast<size_t>(x.elements()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = type.dtype == DType::kI64 ? double(i % 5) : double(i * 37 % 19) / 8 - 1;
  return from_doubles(type.dtype, shape, values);
}

std::vector<double> output_of(const Module& m) {
  const auto evaluator = Evaluator::prepare(m);
  INFO((evaluator ? "" : evaluator.error().message));
  REQUIRE(evaluator);
  const std::vector<Tensor> inputs{input_of(m)};
  const auto outputs = evaluator->run(inputs);
  INFO((outputs ? "" : outputs.error().message));
  REQUIRE(outputs);
  return to_doubles(outputs->at(0));
}

// Every number of a weight that the group holds becomes 0.
void zero(Module& m, const Group& group) {
  for (const Member& member : group.members) {
    if (!m.is_weight(member.value)) continue;
    Tensor& data = m.weight(member.value).data;
    const auto shape = data.shape();
    int64_t inner = 1;
    for (size_t i = static_cast<size_t>(member.axis) + 1; i < shape.size(); ++i) inner *= shape[i];
    const auto values = data.mutable_values<float>();
    for (int64_t e = 0; e < static_cast<int64_t>(values.size()); ++e)
      if (std::binary_search(member.indices.begin(), member.indices.end(), e / inner % shape[static_cast<size_t>(member.axis)])) values[e] = 0;
  }
}

bool holds(const Module& m, const Group& group, const Tie& tie) {
  return std::any_of(group.members.begin(), group.members.end(), [&](const Member& member) { return m.value(member.value).name == tie.gone && member.axis == tie.axis; });
}

}  // namespace

TEST_CASE("without some channels a network computes what it did with these channels at zero") {
  for (const Tie& tie : kTies) {
    INFO(tie.name);
    const Module whole = read("module m " + std::string(tie.inputs) + " {" + tie.body + "\n}");
    const auto coupling = find_coupling(whole);
    REQUIRE(coupling);
    const std::vector<double> before = output_of(whole);
    size_t found = 0;
    for (const ChannelSet& set : coupling->sets) {
      if (!set.why_pinned.empty()) continue;
      for (const size_t group : set.groups) {
        found += holds(whole, coupling->groups[group], tie) ? 1 : 0;
        Module zeros = whole, fewer = whole;
        zero(zeros, coupling->groups[group]);
        const Status removed = remove_groups(fewer, *coupling, std::vector<size_t>{group});
        INFO((removed ? "" : removed.error().message));
        REQUIRE(removed);
        const std::vector<double> expected = output_of(zeros), y = output_of(fewer);
        CHECK(expected != before);  // the channel mattered
        REQUIRE(y.size() == expected.size());
        for (size_t i = 0; i < y.size(); ++i) CHECK(y[i] == Approx(expected[i]).margin(1e-5));
      }
    }
    CHECK(found == tie.groups);
  }
}
