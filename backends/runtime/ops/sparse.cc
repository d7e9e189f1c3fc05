// linear and 1×1 convolution over a weight kept as blocks of 16 output channels by one input.
#include "ops/geometry.h"
#include "ops/make.h"
#include "rounding.h"

namespace fastc::rt {
namespace {

using Operands = std::span<Tensor* const>;

const Tensor* operand(Operands in, size_t at) { return at < in.size() ? in[at] : nullptr; }

// The lists come from a file: each index is looked at before a kernel follows it.
bool check_blocks(const Tensor& values, const Tensor& inputs, const Tensor& starts, int64_t k, int64_t panels, PrepareContext& c) {
  for (const Tensor* t : {&values, &inputs, &starts}) {
    if (!t->constant || t->packing != Packing::kPlain) return misfit(c, "\"%s\" is not a constant", t->name);
  }
  const int64_t blocks = inputs.elements;
  if (values.elements != saturating_product({blocks, kPanelWidth}) || starts.elements != panels + 1) {
    return misfit(c, "%lld numbers, %lld inputs and %lld starts do not describe %lld panels of 16 channels", (long long)values.elements, (long long)blocks,
                  (long long)starts.elements, (long long)panels);
  }
  if (!c.opening) return true;
  const auto *s = starts.as<const int32_t>(), *at = inputs.as<const int32_t>();
  for (int64_t p = 0; p < panels; ++p) {
    if (s[p] < 0 || s[p] > s[p + 1]) return misfit(c, "panel %lld begins at block %d and ends at %d", (long long)p, s[p], s[p + 1]);
  }
  if (s[0] != 0 || s[panels] != blocks) return misfit(c, "its panels hold blocks %d to %d of %lld", s[0], s[panels], (long long)blocks);
  for (int64_t b = 0; b < blocks; ++b) {
    if (at[b] < 0 || at[b] >= k) return misfit(c, "block %lld reads input %d of %lld", (long long)b, at[b], (long long)k);
  }
  return true;
}

template <typename Attrs>
class ProductSparse final : public Op {
 public:
  bool prepare(Operands in, Operands out, const void* attributes, PrepareContext& c) override {
    begin();
    const auto& a = *static_cast<const Attrs*>(attributes);
    const Tensor *bias = operand(in, 4), *residual = operand(in, 5), &y = *out[0];
    ConvShape s{};
    if (!shape_of(*in[0], y, a, s, c) || !check_blocks(*in[1], *in[2], *in[3], s.c, ceil_div(s.oc, kPanelWidth), c) || !check_vector(bias, s.oc, "bias", c)) return false;
    if (residual != nullptr && !(same_stored_shape(*residual, y) && residual->layout == y.layout)) {
      return misfit(c, "its residual \"%s\" does not have the output's shape and layout", residual->name);
    }
    SparseF32& p = chosen_.args;
    p = {s.n * s.oh * s.ow, s.c, s.oc, in[0]->as<const float>(), in[1]->as<const float>(), in[2]->as<const int32_t>(), in[3]->as<const int32_t>(),
         bias == nullptr ? nullptr : bias->as<const float>(), residual == nullptr ? nullptr : residual->as<const float>(), y.as<float>(),
         static_cast<Activation>(a.activation), a.lo, a.hi};
    if (y.elements == 0) return true;
    if (!choose(chosen_, &KernelTable::sparse_f32, c)) return false;
    scratch_ = chosen_.scratch();
    isa_ = chosen_.isa;
    add(Chosen<SparseF32>::run, &chosen_, chosen_.tiles());
    return fits(c);
  }

 private:
  static bool shape_of(const Tensor& x, const Tensor& y, const Attrs& a, ConvShape& s, PrepareContext& c) {
    if constexpr (std::is_same_v<Attrs, LinearAttrs>) {
      return linear_shape(x, y, s, c);
    } else {
      Frames frames;
      if (!conv_shape(x, y, a, depth_of(a, x), s, frames, c)) return false;
      const bool point = !frames.needed() && s.kh == 1 && s.kw == 1 && s.stride_h == 1 && s.stride_w == 1 && s.pad_h == 0 && s.pad_w == 0 && s.groups == 1 && s.oh == s.h && s.ow == s.w;
      return point || misfit(c, "a block-sparse weight needs a 1x1 convolution of stride 1");
    }
  }

  Chosen<SparseF32> chosen_;
};

}  // namespace

std::unique_ptr<Op> make_conv_sparse() { return std::make_unique<ProductSparse<ConvAttrs>>(); }
std::unique_ptr<Op> make_linear_sparse() { return std::make_unique<ProductSparse<LinearAttrs>>(); }

}  // namespace fastc::rt
