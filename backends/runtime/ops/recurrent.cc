// Recurrent layers as torch.nn has them. From the input and from the state come a = W_ih·x + b_ih and u = W_hh·h + b_hh:
//   LSTM (Hochreiter & Schmidhuber 1997): gates i, f, g, o of a + u;  c' = σ(f)·c + σ(i)·tanh(g),  h' = σ(o)·tanh(c').
//   GRU (Cho et al. 2014): r = σ(a_r + u_r), z = σ(a_z + u_z), m = tanh(a_n + r·u_n);  h' = (1 − z)·m + z·h = m + z·(h − m).
//   RNN (Elman 1990): h' = tanh(a + u), or relu of it.
// `a` is one product for all steps, `u` one a step (row_product.h).
//
// Items of a batch do not know of each other, so a tile is some of them, through all layers and both directions. Inside a tile rows are [time][item].
#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/scalar.h"
#include "ops/make.h"
#include "ops/row_product.h"

namespace fastc::rt {
namespace {

constexpr int64_t kItems = 4;                 // of a tile, at most: they share the reading of W_hh
constexpr int64_t kFewTiles = 4;              // a batch is cut into as many before tiles get a second item
constexpr uint64_t kSoftScratch = 4 << 20;    // bytes; fewer items where they would want more

class Recurrent final : public Op {
 public:
  Recurrent(WeightForm form, RecurrentCell cell) : form_(form), cell_(cell) {}

  bool prepare(std::span<Tensor* const> in, std::span<Tensor* const> out, const void* attributes, PrepareContext& c) override {
    begin();
    a_ = *static_cast<const RecurrentAttrs*>(attributes);
    if (form_ != WeightForm::kPlain) cell_ = static_cast<RecurrentCell>(static_cast<const RecurrentProductAttrs*>(attributes)->cell);
    gates_ = cell_ == RecurrentCell::kLstm ? 4 : cell_ == RecurrentCell::kGru ? 3 : 1;
    x_ = in[0];
    for (size_t i = 0; i < 3; ++i) out_[i] = i < out.size() ? out[i] : nullptr;
    if (x_->rank != 3 || x_->channels_last()) return misfit(c, "its input must be plain, with 3 axes");
    if (a_.hidden > 1 << 24) return misfit(c, "its hidden size is %d", a_.hidden);
    directions_ = a_.bidirectional ? 2 : 1;
    time_ = x_->shape[a_.batch_first ? 1 : 0], batch_ = x_->shape[a_.batch_first ? 0 : 1], features_ = x_->shape[2];
    unary_ = first_row_kernel(c.kernels, &KernelTable::unary_f32);
    binary_ = first_row_kernel(c.kernels, &KernelTable::binary_f32);
    if (unary_ == nullptr) unary_ = unary_scalar;
    if (binary_ == nullptr) binary_ = binary_scalar;
    if (!check_states(in, c) || !prepare_items(in, c)) return false;
    isa_ = cells_[0].from_state.isa();
    add(run, this, (batch_ + items_ - 1) / items_);
    return fits(c);
  }

 private:
  struct Cell {
    RowProduct from_input, from_state;
    int64_t inputs;
  };
  int64_t width() const { return a_.hidden * directions_; }
  int64_t steps() const { return batch_ == 0 ? 0 : time_; }  // without items nothing is to be kept, however many steps there are
  size_t cells() const { return static_cast<size_t>(a_.layers) * static_cast<size_t>(directions_); }
  size_t operands_of_cell() const { return 2 * RowProduct::operands(form_) + (a_.has_bias ? 2 : 0); }

  bool check_states(std::span<Tensor* const> in, PrepareContext& c) {
    const size_t most = cell_ == RecurrentCell::kLstm ? 2 : 1, first = 1 + operands_of_cell() * cells();
    if (in.size() < first || in.size() > first + most) return misfit(c, "it has %zu inputs, expected %zu to %zu", in.size(), first, first + most);
    h0_ = first < in.size() ? in[first] : nullptr;
    c0_ = first + 1 < in.size() ? in[first + 1] : nullptr;
    const int64_t states = saturating_product({a_.layers, directions_, batch_, a_.hidden});
    if (out_[0]->rank != 3 || out_[0]->elements != saturating_product({time_, batch_, width()})) return misfit(c, "its output has %lld elements", (long long)out_[0]->elements);
    for (const Tensor* state : {out_[1], out_[2], h0_, c0_}) {
      if (state == nullptr) continue;
      if (state->elements != states || state->dtype != DType::kF32 || state->packing != Packing::kPlain) {
        return misfit(c, "\"%s\" has %lld elements, expected %lld plain floats", state->name, (long long)state->elements, (long long)states);
      }
    }
    return true;
  }

  // As many items a tile as memory allows: while opening by taste, later by what the session has.
  bool prepare_items(std::span<Tensor* const> in, PrepareContext& c) {
    const uint64_t most = c.opening ? kSoftScratch : c.scratch_limit;
    for (items_ = std::clamp<int64_t>(batch_ / kFewTiles, 1, kItems);; --items_) {
      if (!prepare_cells(in, c)) return false;
      if (scratch_ <= most || items_ == 1) return true;
    }
  }

  bool prepare_cells(std::span<Tensor* const> in, PrepareContext& c) {
    if (c.opening) cells_.resize(cells());
    const size_t of_product = RowProduct::operands(form_);
    product_scratch_ = 0;
    for (size_t i = 0; i < cells(); ++i) {
      const auto w = in.subspan(1 + operands_of_cell() * i, operands_of_cell());
      Cell& cell = cells_[i];
      cell.inputs = i < static_cast<size_t>(directions_) ? features_ : width();
      const Tensor *b_ih = a_.has_bias ? w[2 * of_product] : nullptr, *b_hh = a_.has_bias ? w[2 * of_product + 1] : nullptr;
      if (!prepare_product(cell.from_input, w, b_ih, std::max<int64_t>(1, steps()), cell.inputs, c) ||
          !prepare_product(cell.from_state, w.subspan(of_product), b_hh, 1, a_.hidden, c)) {
        return false;
      }
    }
    const int64_t rows = saturating_product({steps(), items_}), gates = gates_ * a_.hidden, values = saturating_product({rows, widest()});
    scratch_ = product_scratch_;
    for (const int64_t floats : {values, values, saturating_product({rows, gates}), items_ * gates, 3 * items_ * a_.hidden}) {
      scratch_ += align64(static_cast<uint64_t>(saturating_product({floats, 4})));
    }
    return true;
  }

  // `rows`: of one item.
  bool prepare_product(RowProduct& product, std::span<Tensor* const> w, const Tensor* bias, int64_t rows, int64_t inputs, PrepareContext& c) {
    if (!product.prepare(form_, w, bias, saturating_product({rows, items_}), inputs, gates_ * a_.hidden, c)) return false;
    // The last tile may be smaller.
    for (int64_t items = 1; items <= items_; ++items) product_scratch_ = std::max(product_scratch_, product.scratch(saturating_product({rows, items})));
    return true;
  }

  struct Scratch {
    void* product;
    float *now, *next, *inputs, *gates, *h, *c, *fresh;  // inputs: a, of all steps
  };
  int64_t widest() const { return std::max(width(), features_); }
  Scratch carve(void* base, int64_t items) const {
    uint8_t* at = static_cast<uint8_t*>(base) + product_scratch_;
    const auto take = [&](int64_t floats) {
      float* begin = reinterpret_cast<float*>(at);
      at += align64(static_cast<uint64_t>(floats) * 4);
      return begin;
    };
    const int64_t rows = time_ * items, gates = gates_ * a_.hidden, states = items * a_.hidden;
    Scratch s{base, take(rows * widest()), take(rows * widest()), take(rows * gates), take(items * gates), take(3 * states), nullptr, nullptr};
    s.c = s.h + states, s.fresh = s.c + states;
    return s;
  }

  // One item's new state. a and u as above; u is overwritten.
  void step(const float* a, float* u, float* h, float* c, float* fresh) const {
    const int64_t n = a_.hidden;
    const auto apply = [&](Activation op, const float* x, float* y, int64_t count) { unary_(op, x, y, count, 0, 0); };
    if (cell_ == RecurrentCell::kLstm) {
      float *i = u, *f = u + n, *g = u + 2 * n, *o = u + 3 * n;
      binary_(Binary::kAdd, a, u, u, 4 * n);
      apply(Activation::kSigmoid, i, i, 2 * n);
      apply(Activation::kTanh, g, g, n);
      apply(Activation::kSigmoid, o, o, n);
      binary_(Binary::kMul, f, c, c, n);
      binary_(Binary::kMul, i, g, i, n);
      binary_(Binary::kAdd, c, i, c, n);
      apply(Activation::kTanh, c, fresh, n);
      binary_(Binary::kMul, o, fresh, h, n);
    } else if (cell_ == RecurrentCell::kGru) {
      float *r = u, *z = u + n, *m = u + 2 * n;
      binary_(Binary::kAdd, a, u, u, 2 * n);
      apply(Activation::kSigmoid, r, r, 2 * n);
      binary_(Binary::kMul, r, m, m, n);
      binary_(Binary::kAdd, a + 2 * n, m, m, n);
      apply(Activation::kTanh, m, m, n);
      binary_(Binary::kSub, h, m, h, n);
      binary_(Binary::kMul, z, h, h, n);
      binary_(Binary::kAdd, m, h, h, n);
    } else {
      binary_(Binary::kAdd, a, u, u, n);
      apply(cell_ == RecurrentCell::kRnnRelu ? Activation::kRelu : Activation::kTanh, u, h, n);
    }
  }

  void load_state(const Tensor* from, int64_t at, float* to, int64_t count) const {
    if (from == nullptr) std::fill_n(to, count, 0.0f);
    else std::memcpy(to, from->as<const float>() + at, static_cast<size_t>(count) * 4);
  }
  void save_state(const Tensor* to, int64_t at, const float* from, int64_t count) const {
    if (to != nullptr) std::memcpy(to->as<float>() + at, from, static_cast<size_t>(count) * 4);
  }

  void run_cell(const Cell& cell, bool backwards, int64_t items, const Scratch& s) const {
    const int64_t hidden = a_.hidden, gates = gates_ * hidden;
    cell.from_input.run(time_ * items, s.now, s.inputs, s.product);
    for (int64_t i = 0; i < time_; ++i) {
      const int64_t t = backwards ? time_ - 1 - i : i;
      cell.from_state.run(items, s.h, s.gates, s.product);
      for (int64_t j = 0; j < items; ++j) {
        float* h = s.h + j * hidden;
        step(s.inputs + (t * items + j) * gates, s.gates + j * gates, h, s.c + j * hidden, s.fresh + j * hidden);
        std::memcpy(s.next + (t * items + j) * width() + (backwards ? hidden : 0), h, static_cast<size_t>(hidden) * 4);
      }
    }
  }

  // Calls move(inside, outside) for every row of `items` items: its number in the tile, and in x or y.
  template <typename Move>
  void each_row(int64_t first, int64_t items, const Move& move) const {
    for (int64_t t = 0; t < time_; ++t) {
      for (int64_t j = 0; j < items; ++j) move(t * items + j, a_.batch_first ? (first + j) * time_ + t : t * batch_ + first + j);
    }
  }

  void tile(int64_t first, int64_t items, void* scratch) const {
    Scratch s = carve(scratch, items);
    const auto row_bytes = [](int64_t floats) { return static_cast<size_t>(floats) * 4; };
    each_row(first, items, [&](int64_t inside, int64_t outside) { std::memcpy(s.now + inside * features_, x_->as<const float>() + outside * features_, row_bytes(features_)); });
    for (int64_t layer = 0; layer < a_.layers; ++layer) {
      for (int64_t d = 0; d < directions_; ++d) {
        const int64_t index = layer * directions_ + d, state_at = (index * batch_ + first) * a_.hidden, states = items * a_.hidden;
        load_state(h0_, state_at, s.h, states);
        load_state(c0_, state_at, s.c, states);
        if (time_ > 0) run_cell(cells_[static_cast<size_t>(index)], d == 1, items, s);
        save_state(out_[1], state_at, s.h, states);
        save_state(out_[2], state_at, s.c, states);
      }
      std::swap(s.now, s.next);
    }
    each_row(first, items, [&](int64_t inside, int64_t outside) { std::memcpy(out_[0]->as<float>() + outside * width(), s.now + inside * width(), row_bytes(width())); });
  }

  static void run(const void* self, int64_t begin, int64_t end, void* scratch) {
    const auto& op = *static_cast<const Recurrent*>(self);
    for (int64_t i = begin; i < end; ++i) op.tile(i * op.items_, std::min(op.items_, op.batch_ - i * op.items_), scratch);
  }

  const WeightForm form_;
  RecurrentCell cell_;
  int64_t gates_ = 1, directions_ = 1, time_ = 0, batch_ = 0, features_ = 0, items_ = 1;
  RecurrentAttrs a_{};
  const Tensor *x_ = nullptr, *h0_ = nullptr, *c0_ = nullptr;
  const Tensor* out_[3] = {};
  uint64_t product_scratch_ = 0;
  decltype(KernelTable::unary_f32) unary_ = nullptr;
  decltype(KernelTable::binary_f32) binary_ = nullptr;
  std::vector<Cell> cells_;
};

}  // namespace

std::unique_ptr<Op> make_recurrent(RecurrentCell cell) { return std::make_unique<Recurrent>(WeightForm::kPlain, cell); }
std::unique_ptr<Op> make_recurrent_f32() { return std::make_unique<Recurrent>(WeightForm::kPanels, RecurrentCell::kLstm); }
std::unique_ptr<Op> make_recurrent_dynamic() { return std::make_unique<Recurrent>(WeightForm::kDynamic, RecurrentCell::kLstm); }

}  // namespace fastc::rt
