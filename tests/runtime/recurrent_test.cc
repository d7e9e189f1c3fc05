// Recurrent layers in their three forms (plain, panels, int8 with rows quantized at run time) against the equations, written out here one number at a
// time; under the instruction set in force (FASTC_CPU_ISA), with one thread and two.
#include <algorithm>
#include <cmath>
#include <random>

#include "tests/catch.h"
#include "tests/runtime/artifact.h"

using namespace fastc::rt;
using namespace fastc::rt::test;

namespace {

using Floats = std::vector<float>;

Floats reals(int64_t count, uint32_t seed, float size = 1) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> draw(-size, size);
  Floats v(static_cast<size_t>(count));
  for (float& x : v) x = draw(random);
  return v;
}

// Its numbers are int8 multiples of a row's scale, so that all three forms hold the same ones.
struct Matrix {
  int64_t out, in;
  std::vector<int8_t> q;
  Floats scales;
  float real(int64_t o, int64_t i) const { return static_cast<float>(q[static_cast<size_t>(o * in + i)]) * scales[static_cast<size_t>(o)]; }
};

Matrix matrix(int64_t out, int64_t in, uint32_t seed) {
  std::mt19937 random(seed);
  Matrix m{out, in, std::vector<int8_t>(static_cast<size_t>(out * in)), {}};
  for (int8_t& q : m.q) q = static_cast<int8_t>(static_cast<int>(random() % 255) - 127);
  const float largest = 1 / std::sqrt(static_cast<float>(in));  // as networks begin
  for (int64_t o = 0; o < out; ++o) m.scales.push_back(largest / 127 * (1 + 0.01f * static_cast<float>(o % 7)));
  return m;
}

struct Cell {
  Matrix w, u;
  Floats b, c;  // of the input, of the state; empty without biases
};

struct Network {
  RecurrentCell cell = RecurrentCell::kLstm;
  RecurrentAttrs attrs{7, 1, 0, 0, 1};
  int64_t time = 4, batch = 3, features = 5;
  std::vector<Cell> cells;
  Floats x, h0, c0;  // states empty where absent

  int64_t gates() const { return cell == RecurrentCell::kLstm ? 4 : cell == RecurrentCell::kGru ? 3 : 1; }
  int64_t directions() const { return attrs.bidirectional ? 2 : 1; }
  int64_t width() const { return attrs.hidden * directions(); }
  int64_t row(int64_t t, int64_t n) const { return attrs.batch_first ? n * time + t : t * batch + n; }
  std::vector<int64_t> shape(int64_t last) const { return attrs.batch_first ? std::vector{batch, time, last} : std::vector{time, batch, last}; }
  std::vector<int64_t> state_shape() const { return {attrs.layers * directions(), batch, attrs.hidden}; }
};

Network network(RecurrentCell cell, RecurrentAttrs attrs, int64_t time, int64_t batch, int64_t features, bool states) {
  Network n{cell, attrs, time, batch, features, {}, reals(time * batch * features, 1, 2), {}, {}};
  const int64_t gates = n.gates() * attrs.hidden, count = attrs.layers * n.directions();
  for (int64_t i = 0; i < count; ++i) {
    const auto seed = static_cast<uint32_t>(10 * i);
    n.cells.push_back({matrix(gates, i < n.directions() ? features : n.width(), seed + 5), matrix(gates, attrs.hidden, seed + 6), {}, {}});
    if (attrs.has_bias) n.cells.back().b = reals(gates, seed + 7), n.cells.back().c = reals(gates, seed + 8);
  }
  if (states) n.h0 = reals(count * batch * attrs.hidden, 2), n.c0 = reals(count * batch * attrs.hidden, 3);
  return n;
}

// --- the equations

Floats times(const Matrix& m, const Floats& x, const Floats& bias) {
  Floats y;
  for (int64_t o = 0; o < m.out; ++o) {
    double sum = bias.empty() ? 0 : bias[static_cast<size_t>(o)];
    for (int64_t i = 0; i < m.in; ++i) sum += static_cast<double>(m.real(o, i)) * x[static_cast<size_t>(i)];
    y.push_back(static_cast<float>(sum));
  }
  return y;
}

// s = (max − min)/255 over a range that holds 0, q = clamp(z + rne(x·(1/s))), y = float(Σ(q − z)·w)·(s·sw) + b.
Floats times_quantized(const Matrix& m, const Floats& x, const Floats& bias) {
  const float low = std::min(0.0f, *std::min_element(x.begin(), x.end())), high = std::max(0.0f, *std::max_element(x.begin(), x.end()));
  const float s = high > low ? (high - low) / 255.0f : 1.0f;
  const int z = static_cast<int>(std::clamp(std::nearbyint(-low / s), 0.0f, 255.0f));
  Floats y;
  for (int64_t o = 0; o < m.out; ++o) {
    int64_t sum = 0;
    for (int64_t i = 0; i < m.in; ++i) {
      const int q = std::clamp(z + static_cast<int>(std::nearbyint(x[static_cast<size_t>(i)] * (1.0f / s))), 0, 255);
      sum += (q - z) * m.q[static_cast<size_t>(o * m.in + i)];
    }
    y.push_back(static_cast<float>(sum) * (s * m.scales[static_cast<size_t>(o)]) + (bias.empty() ? 0.0f : bias[static_cast<size_t>(o)]));
  }
  return y;
}

double sigma(double v) { return 1 / (1 + std::exp(-v)); }

void advance(const Network& n, const Floats& a, const Floats& u, Floats& h, Floats& c) {
  const auto hidden = static_cast<size_t>(n.attrs.hidden);
  for (size_t j = 0; j < hidden; ++j) {
    const auto gate = [&](size_t g) { return a[g * hidden + j] + u[g * hidden + j]; };
    if (n.cell == RecurrentCell::kLstm) {
      c[j] = static_cast<float>(sigma(gate(1)) * c[j] + sigma(gate(0)) * std::tanh(static_cast<double>(gate(2))));
      h[j] = static_cast<float>(sigma(gate(3)) * std::tanh(static_cast<double>(c[j])));
    } else if (n.cell == RecurrentCell::kGru) {
      const double z = sigma(gate(1)), fresh = std::tanh(a[2 * hidden + j] + sigma(gate(0)) * u[2 * hidden + j]);
      h[j] = static_cast<float>((1 - z) * fresh + z * h[j]);
    } else {
      h[j] = n.cell == RecurrentCell::kRnnRelu ? std::max(gate(0), 0.0f) : static_cast<float>(std::tanh(static_cast<double>(gate(0))));
    }
  }
}

struct Results {
  Floats y, h, c;
};

Results expected(const Network& n, bool quantized) {
  const auto product = quantized ? times_quantized : times;
  const auto hidden = static_cast<size_t>(n.attrs.hidden);
  const auto part = [](const Floats& from, size_t at, size_t count) { return from.empty() ? Floats(count, 0.0f) : Floats(from.begin() + at, from.begin() + at + count); };
  Results r;
  r.h.resize(static_cast<size_t>(n.attrs.layers * n.directions() * n.batch) * hidden);
  r.c = r.h;
  Floats now = n.x;
  auto in = static_cast<size_t>(n.features);
  for (int64_t layer = 0; layer < n.attrs.layers; ++layer) {
    r.y.assign(static_cast<size_t>(n.time * n.batch * n.width()), 0);
    for (int64_t d = 0; d < n.directions(); ++d) {
      const int64_t index = layer * n.directions() + d;
      const Cell& cell = n.cells[static_cast<size_t>(index)];
      for (int64_t b = 0; b < n.batch; ++b) {
        const size_t state_at = static_cast<size_t>(index * n.batch + b) * hidden;
        Floats h = part(n.h0, state_at, hidden), c = part(n.c0, state_at, hidden);
        for (int64_t i = 0; i < n.time; ++i) {
          const auto row = static_cast<size_t>(n.row(d == 1 ? n.time - 1 - i : i, b));
          advance(n, product(cell.w, part(now, row * in, in), cell.b), product(cell.u, h, cell.c), h, c);
          std::copy(h.begin(), h.end(), r.y.begin() + row * static_cast<size_t>(n.width()) + static_cast<size_t>(d) * hidden);
        }
        std::copy(h.begin(), h.end(), r.h.begin() + state_at);
        std::copy(c.begin(), c.end(), r.c.begin() + state_at);
      }
    }
    now = r.y, in = static_cast<size_t>(n.width());
  }
  return r;
}

// --- the same as an artifact

enum class Form { kPlain, kPanels, kDynamic };

// [O][K] → panels of 16 channels, `quad` inputs together.
template <typename T, typename At>
std::vector<T> panels(const Matrix& m, int64_t quad, const At& at) {
  const int64_t steps = (m.in + quad - 1) / quad;
  std::vector<T> packed(static_cast<size_t>((m.out + 15) / 16 * steps * 16 * quad), T{0});
  for (int64_t o = 0; o < m.out; ++o)
    for (int64_t k = 0; k < m.in; ++k) packed[static_cast<size_t>(((o / 16 * steps + k / quad) * 16 + o % 16) * quad + k % quad)] = at(o, k);
  return packed;
}

void add_matrix(Artifact& a, const std::string& name, const Matrix& m, Form form, std::vector<uint32_t>& in) {
  const auto real = [&](int64_t o, int64_t i) { return m.real(o, i); };
  if (form == Form::kPanels) in.push_back(a.constant<float>(name, {m.out, m.in}, panels<float>(m, 1, real), Packing::kPanel16));
  if (form == Form::kPlain) {
    Floats plain;
    for (int64_t i = 0; i < m.out * m.in; ++i) plain.push_back(m.real(i / m.in, i % m.in));
    in.push_back(a.constant<float>(name, {m.out, m.in}, plain));
  }
  if (form != Form::kDynamic) return;
  std::vector<int32_t> sums(static_cast<size_t>(m.out), 0);
  for (size_t i = 0; i < m.q.size(); ++i) sums[i / static_cast<size_t>(m.in)] += m.q[i];
  in.push_back(a.constant<int8_t>(name, {m.out, m.in}, panels<int8_t>(m, 4, [&](int64_t o, int64_t i) { return m.q[static_cast<size_t>(o * m.in + i)]; }), Packing::kPanel16x4));
  in.push_back(a.constant<float>(name + ".scale", {m.out}, m.scales));
  in.push_back(a.constant<int32_t>(name + ".sum", {m.out}, sums));
}

Kernel plain_kernel(RecurrentCell cell) {
  constexpr Kernel kKernels[] = {Kernel::kLstm, Kernel::kGru, Kernel::kRnnTanh, Kernel::kRnnRelu};
  return kKernels[static_cast<size_t>(cell)];
}

Artifact artifact_of(const Network& n, Form form) {
  Artifact a;
  std::vector<uint32_t> in{a.input("x", DType::kF32, n.shape(n.features))};
  for (size_t i = 0; i < n.cells.size(); ++i) {
    const std::string at = std::to_string(i);
    add_matrix(a, "w" + at, n.cells[i].w, form, in);
    add_matrix(a, "u" + at, n.cells[i].u, form, in);
    if (!n.attrs.has_bias) continue;
    in.push_back(a.constant<float>("b" + at, {n.cells[i].w.out}, n.cells[i].b));
    in.push_back(a.constant<float>("c" + at, {n.cells[i].w.out}, n.cells[i].c));
  }
  const bool lstm = n.cell == RecurrentCell::kLstm;
  if (!n.h0.empty()) in.push_back(a.input("h0", DType::kF32, n.state_shape()));
  if (!n.c0.empty() && lstm) in.push_back(a.input("c0", DType::kF32, n.state_shape()));
  a.outputs = {a.value("y", DType::kF32, n.shape(n.width())), a.value("h", DType::kF32, n.state_shape())};
  if (lstm) a.outputs.push_back(a.value("c", DType::kF32, n.state_shape()));
  if (form == Form::kPlain) a.op(plain_kernel(n.cell), "layer", in, a.outputs, n.attrs);
  else a.op(form == Form::kDynamic ? Kernel::kRecurrentDynamic : Kernel::kRecurrentF32, "layer", in, a.outputs, RecurrentProductAttrs{n.attrs, static_cast<uint32_t>(n.cell)});
  return a;
}

Results found(const Network& n, Form form, int threads = 1) {
  std::vector<Array> inputs{Array::of<float>(n.shape(n.features), n.x)};
  if (!n.h0.empty()) inputs.push_back(Array::of<float>(n.state_shape(), n.h0));
  if (!n.c0.empty() && n.cell == RecurrentCell::kLstm) inputs.push_back(Array::of<float>(n.state_shape(), n.c0));
  const Outcome o = run(artifact_of(n, form), inputs, threads);
  REQUIRE(o.message == "");
  return {o.outputs[0].numbers<float>(), o.outputs[1].numbers<float>(), o.outputs.size() > 2 ? o.outputs[2].numbers<float>() : Floats{}};
}

double largest(const Floats& a, const Floats& b) {
  REQUIRE(a.size() <= b.size());  // gru and rnn have no c
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i) most = std::max(most, std::fabs(static_cast<double>(a[i]) - b[i]));
  return most;
}
double largest(const Results& a, const Results& b) { return std::max({largest(a.y, b.y), largest(a.h, b.h), largest(a.c, b.c)}); }

constexpr RecurrentCell kCells[] = {RecurrentCell::kLstm, RecurrentCell::kGru, RecurrentCell::kRnnTanh, RecurrentCell::kRnnRelu};

std::vector<Network> networks(RecurrentCell cell) {
  return {network(cell, {7, 2, 1, 0, 1}, 4, 3, 5, true),     // two layers, two directions, odd sizes
          network(cell, {16, 1, 0, 1, 0}, 6, 9, 20, false),  // batch first, no biases, no states; tiles of two items and a last one of one
          network(cell, {1, 1, 0, 0, 1}, 1, 1, 1, true),     // one of everything
          network(cell, {40, 1, 1, 1, 1}, 3, 18, 33, false)};
}

}  // namespace

TEST_CASE("recurrent layers, plain and in panels, give what their equations say", "[recurrent]") {
  for (const RecurrentCell cell : kCells) {
    for (const Network& n : networks(cell)) {
      INFO("cell " << static_cast<int>(cell) << ", hidden " << n.attrs.hidden);
      const Results e = expected(n, false), plain = found(n, Form::kPlain), panels = found(n, Form::kPanels), two = found(n, Form::kPanels, 2);
      double size = 1;
      for (const float v : e.y) size = std::max(size, std::fabs(static_cast<double>(v)));  // relu's states grow
      CHECK(largest(plain, e) < 2e-6 * size);
      CHECK(largest(panels, e) < 2e-6 * size);
      CHECK(panels.y == two.y);
      CHECK(panels.h == two.h);
    }
  }
}

// A relu is exact, so that every step of an Elman network is: integers, a multiplication, two additions.
TEST_CASE("an Elman network of int8 weights and rows quantized at run time is exact on every instruction set", "[recurrent]") {
  for (const Network& n : networks(RecurrentCell::kRnnRelu)) {
    const Results e = expected(n, true), one = found(n, Form::kDynamic), two = found(n, Form::kDynamic, 2);
    CHECK(one.y == e.y);
    CHECK(one.h == e.h);
    CHECK(two.y == e.y);
  }
}

TEST_CASE("int8 LSTM, GRU and RNN: the first step to the last bits, the others to a step of the state", "[recurrent]") {
  for (const RecurrentCell cell : {RecurrentCell::kLstm, RecurrentCell::kGru, RecurrentCell::kRnnTanh}) {
    for (Network n : networks(cell)) {
      INFO("cell " << static_cast<int>(cell) << ", hidden " << n.attrs.hidden);
      // The last bit of a tanh may round the state to its neighbour, and the next steps carry that on.
      CHECK(largest(found(n, Form::kDynamic), expected(n, true)) < 2.0 / 255);
      CHECK(largest(found(n, Form::kDynamic), expected(n, false)) < 0.05);
      n.attrs.layers = 1, n.attrs.bidirectional = 0, n.attrs.batch_first = 1, n.time = 1, n.h0.clear(), n.c0.clear();
      n.x.resize(static_cast<size_t>(n.batch * n.features)), n.cells.resize(1);
      CHECK(largest(found(n, Form::kDynamic), expected(n, true)) < 2e-6);
    }
  }
}

TEST_CASE("a state of zeros, an input of zeros, and rows without a negative number are quantized as they are", "[recurrent]") {
  Network n = network(RecurrentCell::kRnnRelu, {5, 1, 0, 0, 0}, 3, 2, 4, false);
  n.x.assign(n.x.size(), 0.0f);
  CHECK(found(n, Form::kDynamic).y == Floats(30, 0.0f));
  n.x.assign(n.x.size(), 3.0f);
  CHECK(found(n, Form::kDynamic).y == expected(n, true).y);
}

TEST_CASE("no steps leave a recurrent layer's state as it was, no items give nothing", "[recurrent]") {
  const Network still = network(RecurrentCell::kGru, {3, 1, 0, 0, 1}, 0, 2, 4, true), empty = network(RecurrentCell::kLstm, {3, 2, 1, 0, 1}, 5, 0, 4, true);
  for (const Form form : {Form::kPlain, Form::kPanels, Form::kDynamic}) {
    CHECK(found(still, form).h == still.h0);
    CHECK(found(empty, form).y.empty());
  }
}

TEST_CASE("a session opened for long sequences and many items runs short and few ones", "[recurrent]") {
  Network large = network(RecurrentCell::kGru, {40, 1, 1, 0, 1}, 9, 33, 6, false), small = network(RecurrentCell::kGru, {40, 1, 1, 0, 1}, 2, 7, 6, false);
  for (const Form form : {Form::kPanels, Form::kDynamic}) {
    Artifact a = artifact_of(large, form);
    a.add_symbol("T", 0, 0, 1, 9), a.add_symbol("N", 0, 1, 1, 33);
    const auto rename = [&](uint32_t value, int64_t axis, int64_t to) { a.dims[a.values[value].first_dim + static_cast<uint32_t>(axis)] = a.dim(symbol(to)); };
    rename(a.inputs[0], 0, 0), rename(a.inputs[0], 1, 1), rename(a.outputs[0], 0, 0), rename(a.outputs[0], 1, 1), rename(a.outputs[1], 1, 1);
    const auto file = a.bytes();
    char error[512] = "";
    fastc_rt_model* model = nullptr;
    fastc_rt_session* session = nullptr;
    Array most = Array::of<float>(large.shape(6), large.x), x = Array::of<float>(small.shape(6), small.x);
    Array y = Array::of<float>(small.shape(80), Floats(2 * 7 * 80)), h = Array::of<float>(small.state_shape(), Floats(2 * 7 * 40));
    fastc_rt_tensor opened = most.tensor(), in = x.tensor(), out[] = {y.tensor(), h.tensor()};
    fastc_rt_open_memory(file.data(), file.size(), &model, error, sizeof error);
    fastc_rt_session_open(model, &opened, 1, 1, &session, error, sizeof error);
    REQUIRE(std::string(error) == "");
    fastc_rt_run(session, &in, 1, out, 2, error, sizeof error);
    CHECK(std::string(error) == "");
    CHECK(y.numbers<float>() == found(small, form).y);
    fastc_rt_session_close(session);
    fastc_rt_close(model);
  }
}

TEST_CASE("operands that do not fit a recurrent layer are refused", "[recurrent]") {
  const auto message = [](Form form, auto change) {
    Artifact a = artifact_of(network(RecurrentCell::kLstm, {7, 1, 0, 0, 1}, 4, 3, 5, false), form);
    change(a);
    return run(a, {Array::of<float>({4, 3, 5}, Floats(60, 1))}).message;
  };
  const auto same = [](Artifact&) {};
  CHECK(message(Form::kPanels, same) == "");
  CHECK(message(Form::kDynamic, same) == "");
  // Operands of panels: x, w, u, b, c; of int8: x, w, scale, sum, u, scale, sum, b, c.
  const auto absent = [](uint32_t at) { return [at](Artifact& a) { a.operands[at] = kNone; }; };
  const auto swapped = [](uint32_t i, uint32_t j) { return [=](Artifact& a) { std::swap(a.operands[i], a.operands[j]); }; };
  const auto contains = [](const std::string& text, const char* part) {
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
  };
  contains(message(Form::kPanels, absent(2)), "a weight is missing");
  contains(message(Form::kPanels, swapped(1, 3)), "its bias \"w0\" has 140 elements, expected 28");
  contains(message(Form::kPanels, [](Artifact& a) { a.constants[0].packing = 0, a.constants[0].bytes = 28 * 5 * 4; }), "its weight \"w0\" is not a constant in packing 1");
  contains(message(Form::kPanels, swapped(3, 0)), "its input must be plain, with 3 axes");
  contains(message(Form::kPanels, [](Artifact& a) {
             a.operands.erase(a.operands.begin() + 4);
             a.ops[0].input_count = 4;
           }), "it has 4 inputs, expected 5 to 7");
  contains(message(Form::kPanels, [](Artifact& a) { a.attributes[20] = 9; }), "its cell");
  contains(message(Form::kPanels, [](Artifact& a) { a.constants[0].bytes -= 64; }), "bytes, expected");
  contains(message(Form::kDynamic, swapped(2, 3)), "are not scales in f32 and constant sums in i32");
  contains(message(Form::kDynamic, swapped(1, 2)), "its weight \"w0.scale\" is not s8");
  contains(message(Form::kDynamic, swapped(2, 0)), "its input must be plain, with 3 axes");
  contains(message(Form::kPlain, swapped(1, 2)), "its weight \"u0\" has 196 elements, expected 140");
}
