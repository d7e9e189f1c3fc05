// Normalization over the last axes, and softmax. Statistics are taken in double; a tile is one row.
#include <algorithm>
#include <cmath>

#include "ops/make.h"

namespace fastc::rt {
namespace {

using Operands = std::span<Tensor* const>;

// LayerNorm: y = (x − mean)/√(var + ε)·weight + bias, var = Σ(x − mean)²/n (Ba et al. 2016).
// RmsNorm:   y = x/√(mean(x²) + ε)·weight (Zhang & Sennrich 2019).
class Norm final : public Op {
 public:
  explicit Norm(bool centred) : centred_(centred) {}

  bool prepare(Operands in, Operands out, const void* attributes, PrepareContext& c) override {
    begin();
    const auto& a = *static_cast<const NormAttrs*>(attributes);
    x_ = in[0], y_ = out[0];
    if (!same_stored_shape(*x_, *y_) || x_->channels_last() || y_->channels_last()) return misfit(c, "its input and output must be plain and of one shape");
    if (a.axes > x_->rank) return misfit(c, "it normalizes %d axes of %d", a.axes, x_->rank);
    row_ = 1;
    for (int32_t i = x_->rank - a.axes; i < x_->rank; ++i) row_ *= x_->stored[i];
    weight_ = in.size() > 1 ? in[1] : nullptr;
    bias_ = in.size() > 2 ? in[2] : nullptr;
    for (const Tensor* t : {weight_, bias_}) {
      if (t != nullptr && t->elements != row_) return misfit(c, "\"%s\" has %lld elements, expected %lld", t->name, (long long)t->elements, (long long)row_);
    }
    epsilon_ = a.epsilon;
    add(run, this, y_->elements == 0 ? 0 : y_->elements / row_);
    return true;
  }

 private:
  static void run(const void* self, int64_t begin, int64_t end, void*) {
    const auto& n = *static_cast<const Norm*>(self);
    const float* weight = n.weight_ == nullptr ? nullptr : n.weight_->as<const float>();
    const float* bias = n.bias_ == nullptr ? nullptr : n.bias_->as<const float>();
    for (int64_t r = begin; r < end; ++r) {
      const float* x = n.x_->as<const float>() + r * n.row_;
      float* y = n.y_->as<float>() + r * n.row_;
      double sum = 0, squares = 0;
      for (int64_t i = 0; i < n.row_ && n.centred_; ++i) sum += x[i];
      const double mean = sum / static_cast<double>(n.row_);
      for (int64_t i = 0; i < n.row_; ++i) squares += (x[i] - mean) * (x[i] - mean);
      const auto inverse = static_cast<float>(1.0 / std::sqrt(squares / static_cast<double>(n.row_) + n.epsilon_));
      const auto centre = static_cast<float>(mean);
      for (int64_t i = 0; i < n.row_; ++i) {
        const float v = (x[i] - centre) * inverse;
        y[i] = (weight == nullptr ? v : v * weight[i]) + (bias == nullptr ? 0.0f : bias[i]);
      }
    }
  }

  const bool centred_;
  const Tensor *x_ = nullptr, *y_ = nullptr, *weight_ = nullptr, *bias_ = nullptr;
  int64_t row_ = 1;
  double epsilon_ = 0;
};

// y = (x − mean)/√(var + ε)·weight + bias over each run of C/groups channels with all that lies behind them (Wu & He 2018).
class GroupNorm final : public Op {
 public:
  bool prepare(Operands in, Operands out, const void* attributes, PrepareContext& c) override {
    begin();
    const auto& a = *static_cast<const GroupNormAttrs*>(attributes);
    x_ = in[0], y_ = out[0], groups_ = a.groups, epsilon_ = a.epsilon;
    if (!same_stored_shape(*x_, *y_) || x_->channels_last() || y_->channels_last() || x_->rank < 2) return misfit(c, "its input and output must be plain and of one shape");
    const int64_t channels = x_->shape[1];
    if (channels % groups_ != 0) return misfit(c, "its %lld channels do not divide into %lld groups", (long long)channels, (long long)groups_);
    weight_ = in.size() > 1 ? in[1] : nullptr;
    bias_ = in.size() > 2 ? in[2] : nullptr;
    for (const Tensor* t : {weight_, bias_}) {
      if (t != nullptr && t->elements != channels) return misfit(c, "\"%s\" has %lld elements, expected %lld", t->name, (long long)t->elements, (long long)channels);
    }
    const int64_t planes = x_->shape[0] * channels;
    each_ = channels / groups_, plane_ = planes == 0 ? 0 : x_->elements / planes;
    add(run, this, x_->elements == 0 ? 0 : x_->shape[0] * groups_);
    return true;
  }

 private:
  static void run(const void* self, int64_t begin, int64_t end, void*) {
    const auto& n = *static_cast<const GroupNorm*>(self);
    const int64_t size = n.each_ * n.plane_;
    for (int64_t g = begin; g < end; ++g) {
      const float* x = n.x_->as<const float>() + g * size;
      double sum = 0, squares = 0;
      for (int64_t i = 0; i < size; ++i) sum += x[i];
      const double mean = sum / static_cast<double>(size);
      for (int64_t i = 0; i < size; ++i) squares += (x[i] - mean) * (x[i] - mean);
      const auto inverse = static_cast<float>(1.0 / std::sqrt(squares / static_cast<double>(size) + n.epsilon_));
      for (int64_t i = 0; i < n.each_; ++i) n.scale(g, i, static_cast<float>(mean), inverse);
    }
  }

  // Channel i of group g.
  void scale(int64_t g, int64_t i, float centre, float inverse) const {
    const int64_t channel = g % groups_ * each_ + i, at = (g * each_ + i) * plane_;
    const float weight = weight_ == nullptr ? 1.0f : weight_->as<const float>()[channel], bias = bias_ == nullptr ? 0.0f : bias_->as<const float>()[channel];
    const float* x = x_->as<const float>() + at;
    float* y = y_->as<float>() + at;
    for (int64_t p = 0; p < plane_; ++p) y[p] = (x[p] - centre) * inverse * weight + bias;
  }

  const Tensor *x_ = nullptr, *y_ = nullptr, *weight_ = nullptr, *bias_ = nullptr;
  int64_t groups_ = 1, each_ = 1, plane_ = 0;
  double epsilon_ = 0;
};

// exp(x − max)/Σ, or x − max − log Σ (flags & 1), along a stored axis.
class Softmax final : public Op {
 public:
  bool prepare(Operands in, Operands out, const void* attributes, PrepareContext& c) override {
    begin();
    const auto& a = *static_cast<const AxisAttrs*>(attributes);
    x_ = in[0], y_ = out[0], log_ = a.flags & 1u;
    if (!same_stored_shape(*x_, *y_) || a.axis >= x_->rank) return misfit(c, "its input and output differ, or its axis is beyond them");
    size_ = x_->stored[a.axis], inner_ = 1;
    for (int32_t i = a.axis + 1; i < x_->rank; ++i) inner_ *= x_->stored[i];
    add(run, this, y_->elements == 0 ? 0 : y_->elements / size_);
    return true;
  }

 private:
  static void run(const void* self, int64_t begin, int64_t end, void*) {
    const auto& s = *static_cast<const Softmax*>(self);
    for (int64_t line = begin; line < end; ++line) {
      const int64_t at = line / s.inner_ * s.size_ * s.inner_ + line % s.inner_, step = s.inner_;
      const float* x = s.x_->as<const float>() + at;
      float* y = s.y_->as<float>() + at;
      float most = x[0];
      for (int64_t i = 1; i < s.size_; ++i) most = std::max(most, x[i * step]);
      double sum = 0;
      for (int64_t i = 0; i < s.size_; ++i) sum += y[i * step] = std::exp(x[i * step] - most);
      if (s.log_) {
        const auto shift = static_cast<float>(std::log(sum));
        for (int64_t i = 0; i < s.size_; ++i) y[i * step] = x[i * step] - most - shift;
      } else {
        const auto inverse = static_cast<float>(1.0 / sum);
        for (int64_t i = 0; i < s.size_; ++i) y[i * step] *= inverse;
      }
    }
  }

  const Tensor *x_ = nullptr, *y_ = nullptr;
  bool log_ = false;
  int64_t size_ = 1, inner_ = 1;
};

}  // namespace

std::unique_ptr<Op> make_layer_norm() { return std::make_unique<Norm>(true); }
std::unique_ptr<Op> make_rms_norm() { return std::make_unique<Norm>(false); }
std::unique_ptr<Op> make_group_norm() { return std::make_unique<GroupNorm>(); }
std::unique_ptr<Op> make_softmax() { return std::make_unique<Softmax>(); }

}  // namespace fastc::rt
