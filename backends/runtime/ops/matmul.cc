// Batched matrix products through the kernel table, and attention built from two of them.
#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/broadcast.h"
#include "ops/make.h"
#include "rounding.h"

namespace fastc::rt {
namespace {

using Operands = std::span<Tensor* const>;

// a[…,M,K]·b[…,K,N]; batch axes broadcast. The innermost run of batch axes that both operands walk with one stride is the
// kernel's batch; what lies outside it is counted through here, one kernel call a block.
class Matmul final : public Op {
 public:
  bool prepare(Operands in, Operands out, const void* attributes, PrepareContext& c) override {
    begin();
    const auto& attrs = *static_cast<const MatmulAttrs*>(attributes);
    const Tensor &a = *in[0], &b = *in[1], &y = *out[0];
    if (!dimensions(a, b, y, attrs, c)) return false;
    batch(a, b, y);
    MatmulF32& p = chosen_.args;
    p.a = a.as<const float>(), p.b = b.as<const float>(), p.y = y.as<float>();
    if (y.elements == 0) return true;
    if (!choose(chosen_, &KernelTable::matmul_f32, c)) return false;
    isa_ = chosen_.isa;
    scratch_ = chosen_.scratch();
    per_block_ = chosen_.tiles();
    add(run, this, blocks_ * per_block_);
    return fits(c);
  }

 private:
  bool dimensions(const Tensor& a, const Tensor& b, const Tensor& y, const MatmulAttrs& attrs, PrepareContext& c) {
    if (a.rank < 2 || b.rank < 2 || y.rank != std::max(a.rank, b.rank) || a.channels_last() || b.channels_last() || y.channels_last()) {
      return misfit(c, "its operands must be plain and have at least 2 axes");
    }
    MatmulF32& p = chosen_.args;
    p.transpose_a = attrs.transpose_a != 0, p.transpose_b = attrs.transpose_b != 0;
    const int64_t a0 = a.shape[a.rank - 2], a1 = a.shape[a.rank - 1], b0 = b.shape[b.rank - 2], b1 = b.shape[b.rank - 1];
    p.m = p.transpose_a ? a1 : a0, p.k = p.transpose_a ? a0 : a1, p.n = p.transpose_b ? b0 : b1;
    const int64_t k = p.transpose_b ? b1 : b0;
    if (k != p.k || y.shape[y.rank - 2] != p.m || y.shape[y.rank - 1] != p.n) {
      return misfit(c, "%lld x %lld times %lld x %lld does not give %lld x %lld", (long long)p.m, (long long)p.k, (long long)k, (long long)p.n,
                    (long long)y.shape[y.rank - 2], (long long)y.shape[y.rank - 1]);
    }
    for (const Tensor* t : {&a, &b}) {
      for (int32_t i = 0; i + 2 < t->rank; ++i) {
        const int64_t out = y.shape[i + y.rank - t->rank];
        if (t->shape[i] != out && t->shape[i] != 1) return misfit(c, "\"%s\" does not broadcast to \"%s\"", t->name, y.name);
      }
    }
    return true;
  }

  void batch(const Tensor& a, const Tensor& b, const Tensor& y) {
    int64_t step[2][kMaxRank] = {};
    const Tensor* operands[2] = {&a, &b};
    axes_ = y.rank - 2;
    for (int n = 0; n < 2; ++n) {
      int64_t next = operands[n]->shape[operands[n]->rank - 1] * operands[n]->shape[operands[n]->rank - 2];
      for (int32_t i = operands[n]->rank - 3; i >= 0; --i) {
        const int64_t size = operands[n]->shape[i];
        step[n][i + y.rank - operands[n]->rank] = size == 1 ? 0 : next;
        next *= size;
      }
    }
    MatmulF32& p = chosen_.args;
    p.batch = 1, p.a_batch_stride = p.b_batch_stride = 0;
    while (axes_ > 0) {
      const int32_t i = axes_ - 1;
      const int64_t size = y.shape[i];
      const bool joins = size == 1 || p.batch == 1 || (step[0][i] == p.a_batch_stride * p.batch && step[1][i] == p.b_batch_stride * p.batch);
      if (!joins) break;
      if (size != 1 && p.batch == 1) p.a_batch_stride = step[0][i], p.b_batch_stride = step[1][i];
      p.batch *= size;
      --axes_;
    }
    // One matrix b for all of a: a taller a, and b is packed once.
    if (p.batch > 1 && p.b_batch_stride == 0 && p.a_batch_stride == p.m * p.k && !p.transpose_a) p.m *= p.batch, p.batch = 1;
    blocks_ = 1;
    for (int32_t i = 0; i < axes_; ++i) {
      size_[i] = y.shape[i], a_step_[i] = step[0][i], b_step_[i] = step[1][i];
      blocks_ *= size_[i];
    }
  }

  static void run(const void* self, int64_t begin, int64_t end, void* scratch) {
    const auto& op = *static_cast<const Matmul*>(self);
    while (begin < end) {
      const int64_t block = begin / op.per_block_, first = begin % op.per_block_;
      const int64_t last = std::min(op.per_block_, first + end - begin);
      MatmulF32 p = op.chosen_.args;
      int64_t rest = block;
      for (int32_t i = op.axes_ - 1; i >= 0; --i) {
        p.a += rest % op.size_[i] * op.a_step_[i], p.b += rest % op.size_[i] * op.b_step_[i];
        rest /= op.size_[i];
      }
      p.y += block * p.batch * p.m * p.n;
      op.chosen_.kernel->run(p, op.chosen_.packed, first, last, scratch);
      begin += last - first;
    }
  }

  Chosen<MatmulF32> chosen_;
  int32_t axes_ = 0;  // batch axes left to count through
  int64_t size_[kMaxRank] = {}, a_step_[kMaxRank] = {}, b_step_[kMaxRank] = {};
  int64_t blocks_ = 1, per_block_ = 1;
};

// softmax(q·kᵀ·scale + mask)·v (Vaswani et al. 2017). With grouped queries the heads of a group lie behind one another, so a
// group is one product with more rows. All scores lie in the workspace: B·H·Lq·Lk floats.
// A boolean mask says what takes part; a causal one adds j ≤ i. A row in which nothing takes part gives 0.
class Attention final : public Op {
 public:
  bool prepare(Operands in, Operands out, const void* attributes, PrepareContext& c) override {
    begin();
    a_ = *static_cast<const AttentionAttrs*>(attributes);
    const Tensor &q = *in[0], &k = *in[1], &v = *in[2], &y = *out[0];
    mask_ = in.size() > 3 ? in[3] : nullptr;
    if (!shapes(q, k, v, y, c)) return false;
    const int64_t batch = q.shape[0] * k.shape[1], rows = group_ * lq_;
    workspace_ = static_cast<uint64_t>(saturating_product({batch, rows, lk_, 4}));
    scores_ = reinterpret_cast<float*>(c.workspace);
    if (mask_ != nullptr && !plan_mask(q, c)) return false;
    first_.args = {batch, rows, lk_, q.shape[3], q.as<const float>(), k.as<const float>(), scores_, rows * q.shape[3], lk_ * q.shape[3], false, true};
    second_.args = {batch, rows, v.shape[3], lk_, scores_, v.as<const float>(), y.as<float>(), rows * lk_, lk_ * v.shape[3], false, false};
    if (y.elements == 0) return true;
    if (lk_ == 0) return misfit(c, "there are no keys");
    if (!choose(first_, &KernelTable::matmul_f32, c) || !choose(second_, &KernelTable::matmul_f32, c)) return false;
    isa_ = first_.isa;
    scratch_ = std::max(first_.scratch(), second_.scratch());
    add(Chosen<MatmulF32>::run, &first_, first_.tiles());
    add(softmax, this, batch * rows);
    add(Chosen<MatmulF32>::run, &second_, second_.tiles());
    return fits(c);
  }

 private:
  bool shapes(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& y, PrepareContext& c) {
    for (const Tensor* t : {&q, &k, &v, &y}) {
      if (t->rank != 4 || t->channels_last()) return misfit(c, "\"%s\" must be plain, with 4 axes", t->name);
    }
    group_ = std::max<int64_t>(a_.kv_groups, 1), lq_ = q.shape[2], lk_ = k.shape[2], heads_ = q.shape[1];
    const bool fit = k.shape[0] == q.shape[0] && v.shape[0] == q.shape[0] && k.shape[1] * group_ == heads_ && v.shape[1] == k.shape[1] && k.shape[3] == q.shape[3] &&
                     v.shape[2] == lk_ && y.shape[0] == q.shape[0] && y.shape[1] == heads_ && y.shape[2] == lq_ && y.shape[3] == v.shape[3];
    return fit || misfit(c, "query, key, value and result do not fit together");
  }

  // The mask's steps along [B, H, Lq, Lk].
  bool plan_mask(const Tensor& q, PrepareContext& c) {
    const int64_t shape[4] = {q.shape[0], heads_, lq_, lk_};
    int64_t strides[kMaxRank];
    logical_strides(*mask_, strides);
    if (mask_->rank > 4) return misfit(c, "its mask has %d axes", mask_->rank);
    std::fill_n(mask_step_, 4, 0);
    for (int32_t i = 0; i < mask_->rank; ++i) {
      const int32_t to = i + 4 - mask_->rank;
      if (mask_->shape[i] != 1 && mask_->shape[i] != shape[to]) return misfit(c, "its mask does not broadcast to the scores");
      mask_step_[to] = mask_->shape[i] == 1 ? 0 : strides[i];
    }
    return true;
  }

  void apply_mask(float* row, int64_t index) const {
    const float never = -std::numeric_limits<float>::infinity();
    const int64_t i = index % lq_, head = index / lq_ % heads_, b = index / lq_ / heads_;
    for (int64_t j = 0; j < lk_; ++j) row[j] *= a_.scale;
    if (mask_ != nullptr) {
      const int64_t at = b * mask_step_[0] + head * mask_step_[1] + i * mask_step_[2];
      for (int64_t j = 0; j < lk_; ++j) {
        if (mask_->dtype == DType::kBool) row[j] = mask_->data[at + j * mask_step_[3]] ? row[j] : never;
        else row[j] += mask_->as<const float>()[at + j * mask_step_[3]];
      }
    }
    for (int64_t j = i + 1; a_.causal && j < lk_; ++j) row[j] = never;
  }

  static void softmax(const void* self, int64_t begin, int64_t end, void*) {
    const auto& op = *static_cast<const Attention*>(self);
    for (int64_t index = begin; index < end; ++index) {
      float* row = op.scores_ + index * op.lk_;
      op.apply_mask(row, index);
      const float most = *std::max_element(row, row + op.lk_);
      if (most == -std::numeric_limits<float>::infinity()) {
        std::fill_n(row, op.lk_, 0.0f);
        continue;
      }
      double sum = 0;
      for (int64_t j = 0; j < op.lk_; ++j) sum += row[j] = std::exp(row[j] - most);
      const auto inverse = static_cast<float>(1.0 / sum);
      for (int64_t j = 0; j < op.lk_; ++j) row[j] *= inverse;
    }
  }

  AttentionAttrs a_{};
  const Tensor* mask_ = nullptr;
  int64_t group_ = 1, lq_ = 0, lk_ = 0, heads_ = 0;
  int64_t mask_step_[4] = {};
  float* scores_ = nullptr;
  Chosen<MatmulF32> first_, second_;
};

}  // namespace

std::unique_ptr<Op> make_matmul() { return std::make_unique<Matmul>(); }
std::unique_ptr<Op> make_attention() { return std::make_unique<Attention>(); }

}  // namespace fastc::rt
