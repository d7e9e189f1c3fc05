// Two operands (where: three) that broadcast against the result.
#include <algorithm>
#include <cmath>
#include <type_traits>

#include "functions.h"
#include "ops/broadcast.h"
#include "ops/make.h"

namespace fastc::rt {
namespace {

using Operands = std::span<Tensor* const>;

// Integers: division rounds toward minus infinity and by zero gives 0, sums wrap around, a negative power of an integer is 0
// unless the base is ±1.
template <typename T>
T integer_div(T a, T b) {
  if (b == 0) return 0;
  if (b == -1) return static_cast<T>(0 - static_cast<std::make_unsigned_t<T>>(a));
  const T q = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}
template <typename T>
T integer_pow(T base, T exponent) {
  if (exponent < 0) return base == 1 ? 1 : (base == -1 ? (exponent % 2 ? -1 : 1) : 0);
  std::make_unsigned_t<T> result = 1, square = static_cast<std::make_unsigned_t<T>>(base);
  for (; exponent > 0; exponent >>= 1, square *= square) {
    if (exponent & 1) result *= square;
  }
  return static_cast<T>(result);
}

template <Binary op, typename T>
auto apply(T a, T b) {
  using Wide = typename std::conditional_t<std::is_integral_v<T>, std::make_unsigned<T>, std::type_identity<T>>::type;
  if constexpr (op == Binary::kAdd) return static_cast<T>(static_cast<Wide>(a) + static_cast<Wide>(b));
  else if constexpr (op == Binary::kSub) return static_cast<T>(static_cast<Wide>(a) - static_cast<Wide>(b));
  else if constexpr (op == Binary::kMul) return static_cast<T>(static_cast<Wide>(a) * static_cast<Wide>(b));
  else if constexpr (op == Binary::kDiv && std::is_integral_v<T>) return integer_div(a, b);
  else if constexpr (op == Binary::kDiv) return a / b;
  else if constexpr (op == Binary::kPow && std::is_integral_v<T>) return integer_pow(a, b);
  else if constexpr (op == Binary::kPow) return static_cast<T>(std::pow(a, b));
  else if constexpr (op == Binary::kMin) return a != a ? a : (b < a || b != b ? b : a);  // NaN wins, as in torch
  else if constexpr (op == Binary::kMax) return a != a ? a : (b > a || b != b ? b : a);
  else if constexpr (op == Binary::kEq) return static_cast<uint8_t>(a == b);
  else if constexpr (op == Binary::kNe) return static_cast<uint8_t>(a != b);
  else if constexpr (op == Binary::kLt) return static_cast<uint8_t>(a < b);
  else if constexpr (op == Binary::kLe) return static_cast<uint8_t>(a <= b);
  else if constexpr (op == Binary::kGt) return static_cast<uint8_t>(a > b);
  else if constexpr (op == Binary::kGe) return static_cast<uint8_t>(a >= b);
  else if constexpr (op == Binary::kAnd) return static_cast<uint8_t>(a != 0 && b != 0);
  else return static_cast<uint8_t>(a != 0 || b != 0);
}

using Row = void (*)(const uint8_t* a, int64_t a_step, const uint8_t* b, int64_t b_step, uint8_t* y, int64_t count);

template <Binary op, typename T>
void row(const uint8_t* a_bytes, int64_t a_step, const uint8_t* b_bytes, int64_t b_step, uint8_t* y_bytes, int64_t count) {
  const T *a = reinterpret_cast<const T*>(a_bytes), *b = reinterpret_cast<const T*>(b_bytes);
  auto* y = reinterpret_cast<decltype(apply<op, T>(T{}, T{}))*>(y_bytes);
  if (a_step == 1 && b_step == 1) {
    for (int64_t i = 0; i < count; ++i) y[i] = apply<op, T>(a[i], b[i]);
  } else {
    for (int64_t i = 0; i < count; ++i) y[i] = apply<op, T>(a[i * a_step], b[i * b_step]);
  }
}

template <typename T, size_t... ops>
Row pick_row(Binary op, std::index_sequence<ops...>) {
  static constexpr Row kRows[] = {row<static_cast<Binary>(ops), T>...};
  return kRows[static_cast<size_t>(op)];
}
template <typename T>
Row pick_row(Binary op) {
  return pick_row<T>(op, std::make_index_sequence<static_cast<size_t>(Binary::kOr) + 1>());
}

class BinaryOp final : public Op {
 public:
  bool prepare(Operands in, Operands out, const void* attributes, PrepareContext& c) override {
    begin();
    attrs_ = *static_cast<const BinaryAttrs*>(attributes);
    op_ = static_cast<Binary>(attrs_.op);
    a_ = in[0], b_ = in[1], y_ = out[0];
    const Tensor* const operands[2] = {a_, b_};
    if (!types(c) || !plan_broadcast<2>(operands, *y_, plan_, c)) return false;
    const bool fast = a_->dtype == DType::kF32 && y_->dtype == DType::kF32;
    fast_ = fast ? first_row_kernel(c.kernels, &KernelTable::binary_f32, &isa_) : nullptr;
    unary_ = first_row_kernel(c.kernels, &KernelTable::unary_f32);
    // Long rows are cut into chunks, short ones gathered into one tile.
    split_ = chunks(plan_.row());
    group_ = std::max<int64_t>(1, kChunk / std::max<int64_t>(1, plan_.row()));
    add(run, this, y_->elements == 0 ? 0 : (split_ > 1 ? plan_.rows() * split_ : chunks(plan_.rows(), group_)));
    return true;
  }

 private:
  bool types(PrepareContext& c) {
    if (a_->dtype != b_->dtype) return misfit(c, "its operands are %s and %s", dtype_name(a_->dtype), dtype_name(b_->dtype));
    const bool truth = op_ >= Binary::kEq;
    if (y_->dtype != (truth ? DType::kBool : a_->dtype)) return misfit(c, "its result is %s", dtype_name(y_->dtype));
    if (attrs_.activation != 0 && y_->dtype != DType::kF32) return misfit(c, "an activation needs a float32 result");
    switch (a_->dtype) {
      case DType::kF32: row_ = pick_row<float>(op_); return true;
      case DType::kF64: row_ = pick_row<double>(op_); return true;
      case DType::kI64: row_ = pick_row<int64_t>(op_); return true;
      case DType::kI32: row_ = pick_row<int32_t>(op_); return true;
      default:
        row_ = pick_row<uint8_t>(op_);
        return truth || misfit(c, "arithmetic on %s is not there", dtype_name(a_->dtype));
    }
  }

  void part(int64_t r, int64_t first, int64_t last) const {
    const int64_t size = static_cast<int64_t>(dtype_bytes(a_->dtype)), y_size = static_cast<int64_t>(dtype_bytes(y_->dtype));
    const int64_t a_step = plan_.step[0][plan_.rank - 1], b_step = plan_.step[1][plan_.rank - 1];
    const uint8_t* a = a_->data + (plan_.start(0, r) + first * a_step) * size;
    const uint8_t* b = b_->data + (plan_.start(1, r) + first * b_step) * size;
    uint8_t* y = y_->data + (r * plan_.row() + first) * y_size;
    if (fast_ != nullptr && a_step == 1 && b_step == 1) {
      fast_(op_, reinterpret_cast<const float*>(a), reinterpret_cast<const float*>(b), reinterpret_cast<float*>(y), last - first);
    } else {
      row_(a, a_step, b, b_step, y, last - first);
    }
    if (attrs_.activation == 0) return;
    float* values = reinterpret_cast<float*>(y);
    const auto activation = static_cast<Activation>(attrs_.activation);
    if (unary_ != nullptr) return unary_(activation, values, values, last - first, attrs_.lo, attrs_.hi);
    for (int64_t i = 0; i < last - first; ++i) values[i] = activate(activation, values[i], attrs_.lo, attrs_.hi);
  }

  static void run(const void* self, int64_t begin, int64_t end, void*) {
    const auto& op = *static_cast<const BinaryOp*>(self);
    const int64_t row = op.plan_.row();
    for (int64_t tile = begin; tile < end; ++tile) {
      if (op.split_ > 1) {
        const int64_t piece = tile % op.split_;
        op.part(tile / op.split_, piece * kChunk, std::min((piece + 1) * kChunk, row));
      } else {
        for (int64_t r = tile * op.group_; r < std::min((tile + 1) * op.group_, op.plan_.rows()); ++r) op.part(r, 0, row);
      }
    }
  }

  BinaryAttrs attrs_{};
  Binary op_ = Binary::kAdd;
  const Tensor *a_ = nullptr, *b_ = nullptr, *y_ = nullptr;
  Broadcast<2> plan_;
  Row row_ = nullptr;
  decltype(KernelTable::binary_f32) fast_ = nullptr;
  decltype(KernelTable::unary_f32) unary_ = nullptr;
  int64_t split_ = 1, group_ = 1;
};

// y = c ? a : b
class Where final : public Op {
 public:
  bool prepare(Operands in, Operands out, const void*, PrepareContext& c) override {
    begin();
    for (int i = 0; i < 3; ++i) operands_[i] = in[i];
    y_ = out[0];
    if (in[1]->dtype != y_->dtype || in[2]->dtype != y_->dtype) return misfit(c, "its operands differ in type");
    if (!plan_broadcast<3>(operands_, *y_, plan_, c)) return false;
    const size_t size = dtype_bytes(y_->dtype);
    work_ = size == 1 ? run<uint8_t> : size == 2 ? run<uint16_t> : size == 4 ? run<uint32_t> : run<uint64_t>;
    add(work_, this, y_->elements == 0 ? 0 : plan_.rows());
    return true;
  }

 private:
  template <typename T>
  static void run(const void* self, int64_t begin, int64_t end, void*) {
    const auto& w = *static_cast<const Where*>(self);
    const int32_t inner = w.plan_.rank - 1;
    const int64_t count = w.plan_.row(), s0 = w.plan_.step[0][inner], s1 = w.plan_.step[1][inner], s2 = w.plan_.step[2][inner];
    for (int64_t r = begin; r < end; ++r) {
      const uint8_t* chosen = w.operands_[0]->data + w.plan_.start(0, r);
      const T* a = w.operands_[1]->as<const T>() + w.plan_.start(1, r);
      const T* b = w.operands_[2]->as<const T>() + w.plan_.start(2, r);
      T* y = w.y_->as<T>() + r * count;
      for (int64_t i = 0; i < count; ++i) y[i] = chosen[i * s0] ? a[i * s1] : b[i * s2];
    }
  }

  const Tensor* operands_[3] = {};
  const Tensor* y_ = nullptr;
  Broadcast<3> plan_;
  void (*work_)(const void*, int64_t, int64_t, void*) = nullptr;
};

}  // namespace

std::unique_ptr<Op> make_binary() { return std::make_unique<BinaryOp>(); }
std::unique_ptr<Op> make_where() { return std::make_unique<Where>(); }

}  // namespace fastc::rt
