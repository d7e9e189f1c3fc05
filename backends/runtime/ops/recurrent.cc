// Recurrent layers as torch.nn has them; every gate is W_ih·x + b_ih + W_hh·h + b_hh.
//   LSTM (Hochreiter & Schmidhuber 1997): gates i, f, g, o;  c' = σ(f)·c + σ(i)·tanh(g),  h' = σ(o)·tanh(c').
//   GRU (Cho et al. 2014): gates r, z, n;  h' = (1 − σ(z))·m + σ(z)·h with m = tanh(W_n·x + b_n + σ(r)·(U_n·h + b'_n)).
//   RNN (Elman 1990): h' = tanh(gate), or relu of it.
// Items of a batch do not know of each other, so a tile is one of them, through all layers and both directions.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "ops/make.h"
#include "rounding.h"

namespace fastc::rt {
namespace {

enum class Cell : uint8_t { kLstm, kGru, kTanh, kRelu };

class Recurrent final : public Op {
 public:
  explicit Recurrent(Cell cell) : cell_(cell), gates_(cell == Cell::kLstm ? 4 : cell == Cell::kGru ? 3 : 1), states_(cell == Cell::kLstm ? 2 : 1) {}
  bool prepare(std::span<Tensor* const> in, std::span<Tensor* const> out, const void* attributes, PrepareContext& c) override {
    begin();
    a_ = *static_cast<const RecurrentAttrs*>(attributes);
    x_ = in[0];
    for (int i = 0; i < 3; ++i) out_[i] = static_cast<size_t>(i) < out.size() ? out[i] : nullptr;
    if (x_->rank != 3 || x_->channels_last()) return misfit(c, "its input must be plain, with 3 axes");
    directions_ = a_.bidirectional ? 2 : 1;
    time_ = x_->shape[a_.batch_first ? 1 : 0], batch_ = x_->shape[a_.batch_first ? 0 : 1], features_ = x_->shape[2];
    if (!weights(in, c)) return false;
    if (a_.hidden > 1 << 24) return misfit(c, "its hidden size is %d", a_.hidden);
    const int64_t width = a_.hidden * directions_, states = saturating_product({a_.layers, directions_, batch_, a_.hidden});
    if (out_[0]->rank != 3 || out_[0]->elements != saturating_product({time_, batch_, width})) return misfit(c, "its output has %lld elements", (long long)out_[0]->elements);
    for (const Tensor* state : {out_[1], out_[2], h0_, c0_}) {
      if (state != nullptr && state->elements != states) return misfit(c, "\"%s\" has %lld elements, expected %lld", state->name, (long long)state->elements, (long long)states);
    }
    scratch_ = static_cast<uint64_t>(saturating_product({8, time_, std::max(width, features_)})) + 24 * static_cast<uint64_t>(a_.hidden);
    add(run, this, batch_);
    return fits(c);
  }

 private:
  struct Weights {
    const float *w_ih, *w_hh, *b_ih, *b_hh;
    int64_t inputs;
  };

  bool weights(std::span<Tensor* const> in, PrepareContext& c) {
    const size_t each = a_.has_bias ? 4 : 2, cells = static_cast<size_t>(a_.layers) * directions_, first_state = 1 + each * cells;
    if (in.size() < first_state || in.size() > first_state + states_) return misfit(c, "it has %zu inputs, expected %zu to %zu", in.size(), first_state, first_state + states_);
    if (c.opening) cells_.resize(cells);
    for (size_t i = 0; i < cells; ++i) {
      const Tensor* const* w = &in[1 + each * i];
      const int64_t inputs = i < static_cast<size_t>(directions_) ? features_ : a_.hidden * directions_, gates = gates_ * a_.hidden;
      const int64_t sizes[4] = {saturating_product({gates, inputs}), gates * a_.hidden, gates, gates};
      for (size_t part = 0; part < each; ++part) {
        if (w[part] == nullptr || w[part]->elements != sizes[part]) return misfit(c, "weight %zu of layer %zu is missing or does not have %lld elements", part, i / directions_, (long long)sizes[part]);
      }
      cells_[i] = {w[0]->as<const float>(), w[1]->as<const float>(), each == 4 ? w[2]->as<const float>() : nullptr, each == 4 ? w[3]->as<const float>() : nullptr, inputs};
    }
    h0_ = first_state < in.size() ? in[first_state] : nullptr;
    c0_ = states_ > 1 && first_state + 1 < in.size() ? in[first_state + 1] : nullptr;
    return true;
  }

  static float sigmoid(float v) { return 1.0f / (1.0f + std::exp(-v)); }

  // Row g of W_ih·x + b_ih, and of W_hh·h + b_hh.
  static float from_input(const Weights& w, int64_t g, const float* x, float sum) {
    const float* row = w.w_ih + g * w.inputs;
    for (int64_t i = 0; i < w.inputs; ++i) sum += row[i] * x[i];
    return sum;
  }
  float from_state(const Weights& w, int64_t g, const float* h, float sum) const {
    const float* row = w.w_hh + g * a_.hidden;
    for (int64_t i = 0; i < a_.hidden; ++i) sum += row[i] * h[i];
    return sum;
  }

  // One step of one cell; gates is scratch of 4·hidden.
  void step(const Weights& w, const float* x, float* h, float* state, float* gates) const {
    const int64_t hidden = a_.hidden, joint = cell_ == Cell::kGru ? 2 * hidden : gates_ * hidden;
    for (int64_t g = 0; g < joint; ++g) gates[g] = from_state(w, g, h, from_input(w, g, x, w.b_ih == nullptr ? 0.0f : w.b_ih[g] + w.b_hh[g]));
    for (int64_t g = joint; g < gates_ * hidden; ++g) {  // the GRU's n: its two halves meet behind the gate r
      gates[g] = from_input(w, g, x, w.b_ih == nullptr ? 0.0f : w.b_ih[g]);
      gates[g + hidden] = from_state(w, g, h, w.b_hh == nullptr ? 0.0f : w.b_hh[g]);
    }
    for (int64_t j = 0; j < hidden; ++j) {
      const float* gate = gates + j;
      switch (cell_) {
        case Cell::kLstm:
          state[j] = sigmoid(gate[hidden]) * state[j] + sigmoid(gate[0]) * std::tanh(gate[2 * hidden]);
          h[j] = sigmoid(gate[3 * hidden]) * std::tanh(state[j]);
          break;
        case Cell::kGru: {
          const float z = sigmoid(gate[hidden]), fresh = std::tanh(gate[2 * hidden] + sigmoid(gate[0]) * gate[3 * hidden]);
          h[j] = (1.0f - z) * fresh + z * h[j];
          break;
        }
        case Cell::kTanh: h[j] = std::tanh(gate[0]); break;
        case Cell::kRelu: h[j] = std::max(gate[0], 0.0f); break;
      }
    }
  }

  void load_state(const Tensor* from, int64_t at, float* to) const {
    if (from == nullptr) std::fill_n(to, a_.hidden, 0.0f);
    else std::memcpy(to, from->as<const float>() + at, static_cast<size_t>(a_.hidden) * 4);
  }
  void save_state(const Tensor* to, int64_t at, const float* from) const {
    if (to != nullptr) std::memcpy(to->as<float>() + at, from, static_cast<size_t>(a_.hidden) * 4);
  }

  // Where time t of item b lies in x and y.
  int64_t at(int64_t t, int64_t b, int64_t width) const { return (a_.batch_first ? b * time_ + t : t * batch_ + b) * width; }

  void item(int64_t b, float* scratch) const {
    const int64_t hidden = a_.hidden, width = hidden * directions_, widest = std::max(width, features_);
    float *now = scratch, *next = now + time_ * widest, *h = next + time_ * widest, *state = h + hidden, *gates = state + hidden;
    for (int64_t t = 0; t < time_; ++t) std::memcpy(now + t * features_, x_->as<const float>() + at(t, b, features_), static_cast<size_t>(features_) * 4);
    for (int64_t layer = 0; layer < a_.layers; ++layer) {
      for (int64_t d = 0; d < directions_; ++d) {
        const int64_t index = layer * directions_ + d, state_at = (index * batch_ + b) * hidden;
        const Weights& weights = cells_[static_cast<size_t>(index)];
        load_state(h0_, state_at, h);
        load_state(c0_, state_at, state);
        for (int64_t i = 0; i < time_; ++i) {
          const int64_t t = d == 0 ? i : time_ - 1 - i;
          step(weights, now + t * weights.inputs, h, state, gates);
          std::memcpy(next + t * width + d * hidden, h, static_cast<size_t>(hidden) * 4);
        }
        save_state(out_[1], state_at, h);
        save_state(out_[2], state_at, state);
      }
      std::swap(now, next);
    }
    for (int64_t t = 0; t < time_; ++t) std::memcpy(out_[0]->as<float>() + at(t, b, width), now + t * width, static_cast<size_t>(width) * 4);
  }

  static void run(const void* self, int64_t begin, int64_t end, void* scratch) {
    for (int64_t b = begin; b < end; ++b) static_cast<const Recurrent*>(self)->item(b, static_cast<float*>(scratch));
  }

  const Cell cell_;
  const int64_t gates_;
  const size_t states_;
  RecurrentAttrs a_{};
  const Tensor *x_ = nullptr, *h0_ = nullptr, *c0_ = nullptr;
  const Tensor* out_[3] = {};
  int64_t directions_ = 1, time_ = 0, batch_ = 0, features_ = 0;
  std::vector<Weights> cells_;
};

}  // namespace

std::unique_ptr<Op> make_lstm() { return std::make_unique<Recurrent>(Cell::kLstm); }
std::unique_ptr<Op> make_gru() { return std::make_unique<Recurrent>(Cell::kGru); }
std::unique_ptr<Op> make_rnn(bool relu) { return std::make_unique<Recurrent>(relu ? Cell::kRelu : Cell::kTanh); }

}  // namespace fastc::rt
