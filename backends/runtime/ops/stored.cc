// conv and linear under weights kept in fewer bits, and embedding tables kept as integers.
//
// A linear layer and a 1×1 convolution decode while they multiply. A convolution with a window reads every weight once a pixel, so decoding there
// would cost more than it saves: its weights become fp32 panels when the model opens (once, shared by all sessions), and the fp32 kernel
// runs. The file is smaller then, memory and time are those of fp32.
#include "generic/generic.h"
#include "ops/geometry.h"
#include "ops/make.h"
#include "rounding.h"

namespace fastc::rt {
namespace {

using Operands = std::span<Tensor* const>;

const Tensor* operand(Operands in, size_t at) { return at < in.size() ? in[at] : nullptr; }

// What the artifact says of a weight, checked against the shape of the product it is for.
bool stored_weight(const Tensor& w, const Tensor* scales, const ConvShape& s, int64_t group, StoredF32& a, PrepareContext& c) {
  const int64_t panels = s.groups * ceil_div(s.oc / s.groups, kPanelWidth);
  a.k = saturating_product({s.kh, s.kw, s.c / s.groups});
  if (a.k > kMaxDim) return misfit(c, "one output sums more than %lld products", (long long)kMaxDim);
  const bool nibbles = w.packing == Packing::kNibbles16, integer = w.dtype == DType::kS8;
  if (!w.constant || !(w.packing == Packing::kPanel16 || (nibbles && integer))) {
    return misfit(c, "its weight \"%s\" is not a constant in panels of int8, int4, f16 or bf16", w.name);
  }
  a.form = nibbles ? StoredForm::kS4 : integer ? StoredForm::kS8 : w.dtype == DType::kF16 ? StoredForm::kF16 : StoredForm::kBF16;
  const int64_t bytes = saturating_product({panels, kPanelWidth, nibbles ? (a.k + 1) / 2 : a.k, integer ? 1 : 2});
  if (w.bytes < static_cast<uint64_t>(bytes)) {
    return misfit(c, "its weight \"%s\" has %llu bytes, expected %lld", w.name, (unsigned long long)w.bytes, (long long)bytes);
  }
  a.w = w.data;
  a.group = group == 0 || group > a.k ? a.k : group;
  if (integer != (scales != nullptr)) return misfit(c, integer ? "its integer weight has no scales" : "its half-float weight has scales");
  const int64_t count = saturating_product({panels, a.k == 0 ? 0 : ceil_div(a.k, a.group), kPanelWidth});
  if (scales != nullptr && (!scales->constant || scales->packing != Packing::kPlain || scales->elements != count)) {
    return misfit(c, "its scales \"%s\" are not a constant of %lld numbers", scales->name, (long long)count);
  }
  a.scales = scales == nullptr ? nullptr : scales->as<const float>();
  return true;
}

template <typename Attrs>
class ProductStored final : public FramedOp {
 public:
  bool prepare(Operands in, Operands out, const void* attributes, PrepareContext& c) override {
    begin();
    const auto& a = *static_cast<const Attrs*>(attributes);
    const Tensor *bias = operand(in, 3), *residual = operand(in, 4), &y = *out[0];
    ConvShape s{};
    StoredF32& p = chosen_.args;
    if (!shape_of(*in[0], y, a, s, c) || !stored_weight(*in[1], operand(in, 2), s, a.group, p, c) || !check_vector(bias, s.oc, "bias", c)) return false;
    if (residual != nullptr && !(same_stored_shape(*residual, y) && residual->layout == y.layout)) {
      return misfit(c, "its residual \"%s\" does not have the output's shape and layout", residual->name);
    }
    if (is_depthwise(s)) return misfit(c, "a depthwise weight is kept in f32");
    p.rows = s.n * s.oh * s.ow, p.oc = s.oc;
    p.y = y.as<float>();
    p.bias = bias == nullptr ? nullptr : bias->as<const float>();
    p.residual = residual == nullptr ? nullptr : residual->as<const float>();
    p.activation = static_cast<Activation>(a.product.activation);
    p.lo = a.product.lo, p.hi = a.product.hi;
    if (y.elements == 0) return true;
    p.x = reinterpret_cast<const float*>(framed(*in[0], c));
    const bool point = !frames_.needed() && s.kh == 1 && s.kw == 1 && s.stride_h == 1 && s.stride_w == 1 && s.groups == 1 && s.oh == s.h && s.ow == s.w && s.pad_h == 0 && s.pad_w == 0;
    return point ? select(chosen_, &KernelTable::stored_f32, c) : decoded(s, c);
  }

 private:
  bool shape_of(const Tensor& x, const Tensor& y, const Attrs& a, ConvShape& s, PrepareContext& c) {
    if constexpr (std::is_same_v<Attrs, ConvStoredAttrs>) {
      const DepthAttrs depth = depth_of(a, x);
      taps_ = int64_t{a.product.kernel[0]} * a.product.kernel[1], depth_ = depth.kernel;
      if (static_cast<FrameJoin>(depth.join) == FrameJoin::kRows) return misfit(c, "under such a weight frames are joined as channels");
      return conv_shape(x, y, a.product, depth, s, frames_, c);
    } else {
      return linear_shape(x, y, s, c);
    }
  }

  template <typename Args>
  bool select(Chosen<Args>& chosen, TiledKernel<Args> (KernelTable::*list)[kMaxCandidates], PrepareContext& c) {
    if (!choose(chosen, list, c)) return false;
    scratch_ = chosen.scratch();
    isa_ = chosen.isa;
    add(Chosen<Args>::run, &chosen, chosen.tiles());
    return fits(c);
  }

  // The weight in fp32 panels, group after group, and the convolution over them.
  bool decoded(const ConvShape& s, PrepareContext& c) {
    const StoredF32& p = chosen_.args;
    const int64_t of_group = ceil_div(s.oc / s.groups, kPanelWidth) * kPanelWidth * p.k, bytes = saturating_product({s.groups, of_group, 4});
    const auto fill = [&](void* block) {
      StoredF32 all = p;  // one decode for all groups: each begins a new panel
      all.oc = s.groups * ceil_div(s.oc / s.groups, kPanelWidth) * kPanelWidth;
      decode_panels(all, taps_, depth_, static_cast<float*>(block));
    };
    const void* panels = c.packs.get({c.op_index, &decoded_tag}, static_cast<uint64_t>(bytes), c.opening, fill);
    if (panels == nullptr) return misfit(c, "there is no memory for its decoded weight (%lld bytes)", (long long)bytes);
    window_.args = {s, p.x, static_cast<const float*>(panels), p.bias, p.residual, p.y, p.activation, p.lo, p.hi};
    return select(window_, &KernelTable::conv_f32, c);
  }

  static constexpr char decoded_tag = 0;  // its address tells this packing from those of kernels
  int64_t taps_ = 1, depth_ = 1;  // of the window: over H and W, over T
  Chosen<StoredF32> chosen_;
  Chosen<ConvF32> window_;
};

// y = scale[row, column / group] · q[row, column]. An index outside the table reads row 0 and is remembered.
class EmbeddingStored final : public Op {
 public:
  bool prepare(Operands in, Operands out, const void* attributes, PrepareContext& c) override {
    begin();
    checks_ = true;
    table_ = in[0], scales_ = in[1]->as<const float>(), index_ = in[2], y_ = out[0]->as<float>(), name_ = c.name;
    if (table_->rank != 2 || !table_->constant || (table_->packing != Packing::kPlain && table_->packing != Packing::kNibbles)) {
      return misfit(c, "its table \"%s\" is not a constant [V, D] of int8 or int4 rows", table_->name);
    }
    rows_ = table_->shape[0], width_ = table_->shape[1];
    const int64_t given = static_cast<const StoredAttrs*>(attributes)->group;
    group_ = given == 0 || given > width_ ? width_ : given;
    row_bytes_ = table_->packing == Packing::kNibbles ? (width_ + 1) / 2 : width_;
    if (rows_ == 0 || width_ == 0) return out[0]->elements == 0 || misfit(c, "its table is empty");
    if (table_->bytes < static_cast<uint64_t>(saturating_product({rows_, row_bytes_}))) return misfit(c, "its table \"%s\" has %llu bytes, too few", table_->name, (unsigned long long)table_->bytes);
    if (!in[1]->constant || in[1]->elements != rows_ * ceil_div(width_, group_)) return misfit(c, "its scales are not a constant of %lld numbers", (long long)(rows_ * ceil_div(width_, group_)));
    if (saturating_product({index_->elements, width_}) != out[0]->elements) return misfit(c, "its output does not fit its table and indices");
    add(run, this, index_->elements);
    return true;
  }

  bool check(Error& error) override {
    if (!failed_.exchange(false, std::memory_order_relaxed)) return true;
    return fail(error, FASTC_RT_BAD_ARGUMENT, "op \"%s\": index %lld is outside [0, %lld)", name_, (long long)bad_.load(std::memory_order_relaxed), (long long)rows_);
  }

 private:
  int64_t row_at(int64_t i) const {
    const int64_t given = index_->dtype == DType::kI64 ? index_->as<const int64_t>()[i] : index_->as<const int32_t>()[i];
    const int64_t row = given < 0 ? given + rows_ : given;
    if (row >= 0 && row < rows_) return row;
    bad_.store(given, std::memory_order_relaxed);
    failed_.store(true, std::memory_order_relaxed);
    return 0;
  }

  static void run(const void* self, int64_t begin, int64_t end, void*) {
    const auto& e = *static_cast<const EmbeddingStored*>(self);
    const int64_t groups = ceil_div(e.width_, e.group_);
    const bool nibbles = e.table_->packing == Packing::kNibbles;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = e.row_at(i);
      const uint8_t* q = e.table_->data + row * e.row_bytes_;
      for (int64_t d = 0; d < e.width_; ++d) {
        const int32_t number = !nibbles ? static_cast<int8_t>(q[d]) : (d % 2 == 0 ? q[d / 2] & 15 : q[d / 2] >> 4) - 8;
        e.y_[i * e.width_ + d] = e.scales_[row * groups + d / e.group_] * static_cast<float>(number);
      }
    }
  }

  const Tensor *table_ = nullptr, *index_ = nullptr;
  const float* scales_ = nullptr;
  float* y_ = nullptr;
  int64_t rows_ = 0, width_ = 0, group_ = 1, row_bytes_ = 0;
  const char* name_ = "";
  mutable std::atomic<bool> failed_{false};
  mutable std::atomic<int64_t> bad_{0};
};

}  // namespace

std::unique_ptr<Op> make_conv_stored() { return std::make_unique<ProductStored<ConvStoredAttrs>>(); }
std::unique_ptr<Op> make_linear_stored() { return std::make_unique<ProductStored<LinearStoredAttrs>>(); }
std::unique_ptr<Op> make_embedding_stored() { return std::make_unique<EmbeddingStored>(); }

}  // namespace fastc::rt
