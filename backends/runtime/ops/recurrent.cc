// LSTM (Hochreiter & Schmidhuber 1997; torch.nn.LSTM): gates i, f, g, o = W_ih·x + b_ih + W_hh·h + b_hh,
//   c' = σ(f)·c + σ(i)·tanh(g),  h' = σ(o)·tanh(c').
// Items of a batch do not know of each other, so a tile is one of them, through all layers and both directions.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "ops/make.h"
#include "rounding.h"

namespace fastc::rt {
namespace {

class Lstm final : public Op {
 public:
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
  struct Cell {
    const float *w_ih, *w_hh, *b_ih, *b_hh;
    int64_t inputs;
  };

  bool weights(std::span<Tensor* const> in, PrepareContext& c) {
    const size_t each = a_.has_bias ? 4 : 2, cells = static_cast<size_t>(a_.layers) * directions_, first_state = 1 + each * cells;
    if (in.size() < first_state || in.size() > first_state + 2) return misfit(c, "it has %zu inputs, expected %zu to %zu", in.size(), first_state, first_state + 2);
    if (c.opening) cells_.resize(cells);
    for (size_t i = 0; i < cells; ++i) {
      const Tensor* const* w = &in[1 + each * i];
      const int64_t inputs = i < static_cast<size_t>(directions_) ? features_ : a_.hidden * directions_, gates = int64_t{4} * a_.hidden;
      const int64_t sizes[4] = {saturating_product({gates, inputs}), gates * a_.hidden, gates, gates};
      for (size_t part = 0; part < each; ++part) {
        if (w[part] == nullptr || w[part]->elements != sizes[part]) return misfit(c, "weight %zu of layer %zu is missing or does not have %lld elements", part, i / directions_, (long long)sizes[part]);
      }
      cells_[i] = {w[0]->as<const float>(), w[1]->as<const float>(), each == 4 ? w[2]->as<const float>() : nullptr, each == 4 ? w[3]->as<const float>() : nullptr, inputs};
    }
    h0_ = first_state < in.size() ? in[first_state] : nullptr;
    c0_ = first_state + 1 < in.size() ? in[first_state + 1] : nullptr;
    return true;
  }

  static float sigmoid(float v) { return 1.0f / (1.0f + std::exp(-v)); }

  // One step of one cell; gates is scratch of 4·hidden.
  void step(const Cell& cell, const float* x, float* h, float* state, float* gates) const {
    const int64_t hidden = a_.hidden;
    for (int64_t g = 0; g < 4 * hidden; ++g) {
      float sum = cell.b_ih == nullptr ? 0.0f : cell.b_ih[g] + cell.b_hh[g];
      const float *wi = cell.w_ih + g * cell.inputs, *wh = cell.w_hh + g * hidden;
      for (int64_t i = 0; i < cell.inputs; ++i) sum += wi[i] * x[i];
      for (int64_t i = 0; i < hidden; ++i) sum += wh[i] * h[i];
      gates[g] = sum;
    }
    for (int64_t j = 0; j < hidden; ++j) {
      state[j] = sigmoid(gates[hidden + j]) * state[j] + sigmoid(gates[j]) * std::tanh(gates[2 * hidden + j]);
      h[j] = sigmoid(gates[3 * hidden + j]) * std::tanh(state[j]);
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
        const Cell& cell = cells_[static_cast<size_t>(index)];
        load_state(h0_, state_at, h);
        load_state(c0_, state_at, state);
        for (int64_t i = 0; i < time_; ++i) {
          const int64_t t = d == 0 ? i : time_ - 1 - i;
          step(cell, now + t * cell.inputs, h, state, gates);
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
    for (int64_t b = begin; b < end; ++b) static_cast<const Lstm*>(self)->item(b, static_cast<float*>(scratch));
  }

  RecurrentAttrs a_{};
  const Tensor *x_ = nullptr, *h0_ = nullptr, *c0_ = nullptr;
  const Tensor* out_[3] = {};
  int64_t directions_ = 1, time_ = 0, batch_ = 0, features_ = 0;
  std::vector<Cell> cells_;
};

}  // namespace

std::unique_ptr<Op> make_lstm() { return std::make_unique<Lstm>(); }

}  // namespace fastc::rt
