// Rounding to the nearest gives each weight the smallest error, but not the layer's result. AdaRound learns for each weight
// whether it is rounded down or up (eq. 21 to 25):
//
//   Ŵ = s·clip(⌊W/s⌋ + h(V), −n, n),   h(V) = clip(σ(V)·(ζ − γ) + γ, 0, 1),  ζ = 1.1, γ = −0.1
//   min over V of  |W·x − Ŵ·x̃|²  +  λ Σ (1 − |2h(V) − 1|^β)
//
// x is the layer's float input and x̃ what it reads in the quantized program (asymmetric reconstruction). λ is 0 for the first
// fifth of the iterations; then β falls from 20 to 2, so that each h(V) is left alone at first and ends at 0 or 1.
//
// Over all samples and positions the first term is a quadratic form in Ŵ, tr(Ŵ·E[x̃x̃ᵀ]·Ŵᵀ) − 2·tr(Ŵ·E[x̃yᵀ]) + E|y|², so that
// data is read once and an iteration costs one product of K×K numbers: all calibration samples in every step, no
// randomness. Time grows with iterations·O·K² of each layer. The form is taken about the means, since the bias takes up E[y] − Ŵ·E[x̃] exactly. The paper's optional activation in
// the reconstruction is left out: it would not be quadratic. Both terms are made relative, to the nearest rounding's
// error and to the number of weights, so that one λ suits every layer.
#include "passes/quantize/adaround.h"

#include <ATen/ops/abs.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/floor.h>
#include <ATen/ops/sigmoid.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <numbers>

#include "base/interrupt.h"
#include "engine/autograd.h"
#include "engine/training/optimizer.h"

namespace fastc::quantize {
namespace {

constexpr int64_t kMostInputs = 8192;  // of a layer: half a gigabyte of products
constexpr double kZeta = 1.1, kGamma = -0.1, kWarmup = 0.2, kFirstBeta = 20, kLastBeta = 2;

// |Ŵx̃ − y|² as a function of Ŵ, [groups, O/groups, K], about the means.
struct Reconstruction {
  at::Tensor products, cross;
  double energy = 0;

  explicit Reconstruction(const LayerSeen& layer) {
    const at::Tensor x = wrap(layer.mean_input).unsqueeze(2), y = wrap(layer.mean_output).reshape({x.size(0), 1, -1});
    products = wrap(layer.products).sub(at::bmm(x, x.transpose(1, 2)));
    cross = wrap(layer.cross).sub(at::bmm(x, y));
    energy = layer.energy - y.square().sum(at::kDouble).item<double>();
  }
  at::Tensor operator()(const at::Tensor& w) const {
    return at::bmm(w, products).sub(cross.transpose(1, 2), 2).mul(w).sum().add(energy);
  }
};

double beta_at(double progress) {  // from the end of the warm-up, 0, to 1
  return kLastBeta + 0.5 * (kFirstBeta - kLastBeta) * (1 + std::cos(progress * std::numbers::pi));
}

at::Tensor rectified_sigmoid(const at::Tensor& v) {
  return at::clamp(at::sigmoid(v).mul(kZeta - kGamma).add(kGamma), 0, 1);
}

// V with h(V) = share.
at::Tensor inverse_rectified_sigmoid(const at::Tensor& share) {
  return share.sub(kGamma).reciprocal().mul(kZeta - kGamma).sub(1).log().neg();
}

// Of each number: [groups, O/groups, 1], or K of them where inputs come in groups with scales of their own.
at::Tensor scales_of(const Encoding& e, int64_t groups, int64_t k) {
  at::Tensor scales = wrap(e.scales);
  if (e.group_size > 0) scales = scales.repeat_interleave(e.group_size, 1).narrow(1, 0, k);
  return scales.reshape({groups, -1, e.group_size > 0 ? k : 1});
}

struct Rounding {
  at::Tensor below, scale, up;  // ⌊W/s⌋, s, 1 where a weight may be rounded up
  double most;

  at::Tensor integers(const at::Tensor& h) const { return at::clamp(below.add(h.mul(up)), -most, most); }
};

Result<AdaRoundSummary> round_layer(Module& quantized, const Module& reference, const LayerSeen& layer,
                                    const AdaRoundOptions& options) {
  Weight& encoded = quantized.weight(quantized.node(layer.node).inputs[1]);
  AdaRoundSummary summary{.layers = 1, .weights = encoded.data.elements()};
  FASTC_TRY(summary.nearest_error, reconstruction_error(encoded, layer));
  Weight learned = encoded;
  FASTC_TRY(learned.data, learn_rounding(reference.weight(reference.node(layer.reference).inputs[1]).data, encoded, layer, options));
  FASTC_TRY(summary.error, reconstruction_error(learned, layer));
  if (summary.error < summary.nearest_error) {
    summary.turned = wrap(learned.data).ne(wrap(encoded.data)).sum().item<int64_t>();
    encoded.data = learned.data;
  } else {
    summary.error = summary.nearest_error;  // nothing better was found: the nearest stays
  }
  const double energy = Reconstruction(layer).energy;
  if (energy > 0) summary.error /= energy, summary.nearest_error /= energy;
  return summary;
}

}  // namespace

Result<double> reconstruction_error(const Weight& encoded, const LayerSeen& layer) {
  const c10::AutoGradMode no_gradients(false);
  FASTC_TRY(const Tensor real, decode(encoded));
  const Reconstruction reconstruction(layer);
  const int64_t groups = reconstruction.products.size(0);
  return reconstruction(wrap(real).reshape({groups, -1, reconstruction.products.size(1)})).item<double>();
}

Result<Tensor> learn_rounding(const Tensor& weight, const Weight& encoded, const LayerSeen& layer,
                              const AdaRoundOptions& options) {
  const c10::AutoGradMode gradients(true);
  const Reconstruction reconstruction(layer);
  const int64_t groups = reconstruction.products.size(0), k = reconstruction.products.size(1);
  const at::Tensor w = wrap(weight).reshape({groups, -1, k});
  Rounding rounding{.scale = scales_of(encoded.encoding, groups, k),
                    .most = (1 << (encoded.encoding.bits - 1)) - 1.0};
  const at::Tensor exact = w.div(rounding.scale);
  rounding.below = at::floor(exact);
  const bool pattern = encoded.encoding.sparsity != Encoding::Sparsity::kNone;
  rounding.up = (pattern ? w.ne(0) : w.eq(w)).to(at::kFloat);
  const at::Tensor v = inverse_rectified_sigmoid(exact.sub(rounding.below)).detach().requires_grad_(true);
  FASTC_TRY(const double nearest, reconstruction_error(encoded, layer));
  const double unit = 1 / std::max(nearest, 1e-30), share = options.regularization / static_cast<double>(w.numel());
  const auto optimizer = engine::make_optimizer({.type = "adam", .lr = options.lr}, {v});
  const auto warm = static_cast<int64_t>(kWarmup * static_cast<double>(options.iterations));
  for (int64_t i = 0; i < options.iterations; ++i) {
    if (interrupted()) return interrupted_error("learning the rounding of weights");
    const at::Tensor h = rectified_sigmoid(v);
    at::Tensor loss = reconstruction(rounding.integers(h).mul(rounding.scale)).mul(unit);
    if (i >= warm) {
      const double beta = beta_at(static_cast<double>(i - warm) / static_cast<double>(options.iterations - warm));
      loss = loss.sub(at::abs(h.mul(2).sub(1)).pow(beta).sub(1).sum(), share);
    }
    loss.backward();
    const c10::AutoGradMode off(false);
    optimizer->step(options.lr);
    v.mutable_grad().reset();
  }
  const at::Tensor up = v.detach().ge(0).to(at::kFloat);  // h(0) = 1/2
  return unwrap(rounding.integers(up).detach().to(at::kChar).reshape(wrap(weight).sizes()));
}

Result<AdaRoundSummary> adaround(const Module& reference, Module& quantized, const Dataset& data,
                                 const AdaRoundOptions& options, Progress& progress) {
  AdaRoundSummary sum;
  const auto visit = [&](Module& module, const LayerSeen& layer) -> Status {
    if (layer.products.defined()) {
      FASTC_TRY(const AdaRoundSummary one, round_layer(module, reference, layer, options));
      sum.layers += 1, sum.turned += one.turned, sum.weights += one.weights;
      sum.error += one.error, sum.nearest_error += one.nearest_error;
    } else {
      sum.too_large.push_back(module.node(layer.node).name);
    }
    FASTC_CHECK(correct_bias(reference, module, layer));
    return {};
  };
  try {
    FASTC_CHECK(walk_layers(reference, quantized, data, {options.samples, kMostInputs}, visit, progress));
  } catch (const std::exception& e) {
    const std::string text = e.what();
    return stage_error("learning the rounding of weights failed: {}", text.substr(0, text.find('\n')));
  }
  if (sum.layers > 0) sum.error /= static_cast<double>(sum.layers), sum.nearest_error /= static_cast<double>(sum.layers);
  return sum;
}

}  // namespace fastc::quantize
