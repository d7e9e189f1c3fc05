#include <algorithm>

#include "ir/ops/common.h"

namespace fastc::ops {

bool is_float(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16 || dtype == DType::kF64;
}
bool is_integer(DType dtype) {
  return dtype == DType::kI64 || dtype == DType::kI32 || dtype == DType::kS8 || dtype == DType::kU8 || dtype == DType::kS16;
}

std::string_view operand_name(const OpView& view, size_t i) {
  const auto& defs = view.node.op->operands;
  return i < defs.size() ? defs[i].name : defs.back().name;
}

tl::unexpected<Error> wrong_operand(const OpView& view, size_t i, std::string_view expected) {
  const std::string found = view.has(i) ? type_text(view.in(i)) : "nothing";
  const bool variadic = i + 1 >= view.node.op->operands.size() &&
                        view.node.op->operands.back().kind == OperandDef::Kind::kVariadic;
  if (variadic) return input_error("operand {} (\"{}\"): expected {}, found {}", i, operand_name(view, i), expected, found);
  return input_error("operand \"{}\": expected {}, found {}", operand_name(view, i), expected, found);
}

tl::unexpected<Error> wrong_attribute(std::string_view name, std::string_view expected, std::string_view found) {
  return input_error("attribute \"{}\": expected {}, found {}", name, expected, found);
}

Status expect_shape(const OpView& view, size_t i, const Shape& shape, std::string_view what) {
  if (!view.has(i) || view.in(i).shape == shape) return {};
  return wrong_operand(view, i, fmt::format("the shape [{}] ({})", shape_text(shape), what));
}

Status expect_float(const OpView& view, size_t i) {
  if (!view.has(i) || is_float(view.in(i).dtype)) return {};
  return wrong_operand(view, i, "a floating-point type");
}

Status expect_same_dtype(const OpView& view, std::initializer_list<size_t> which) {
  const size_t first = *which.begin();
  for (const size_t i : which) {
    if (view.has(i) && view.in(i).dtype != view.in(first).dtype) {
      return wrong_operand(view, i, fmt::format("{} as \"{}\" (insert a cast)", name_of(view.in(first).dtype), operand_name(view, first)));
    }
  }
  return {};
}

Result<int64_t> spatial_rank(const OpView& view, size_t i, int64_t most) {
  const int64_t spatial = view.in(i).rank() - 2;
  if (spatial < 1 || spatial > most) return wrong_operand(view, i, most == 2 ? "rank 3 [N,C,L] or 4 [N,C,H,W]" : "rank 3 [N,C,L], 4 [N,C,H,W] or 5 [N,C,T,H,W]");
  return spatial;
}

Status expect_entries(const OpView& view, std::string_view name, int64_t count, int64_t low) {
  const auto& values = view.node.integers(name);
  if (static_cast<int64_t>(values.size()) != count) {
    return wrong_attribute(name, fmt::format("{} entries", count), fmt::format("{}", values.size()));
  }
  for (const int64_t value : values) {
    // Far above any real size: keeps every later product inside 64 bits.
    if (value < low || value > (int64_t{1} << 31)) {
      return wrong_attribute(name, fmt::format("entries from {} to 2^31", low), fmt::format("{}", value));
    }
  }
  return {};
}

Status expect_axis(int64_t axis, int64_t rank) {
  if (axis >= 0 && axis < rank) return {};
  return wrong_attribute("axis", fmt::format("an axis from 0 to {}", rank - 1), fmt::format("{}", axis));
}

Status expect_unquantized(const OpView& view, const DeclaredQuant& quant) {
  for (size_t i = 0; i < view.node.inputs.size(); ++i) {
    if (view.has(i) && view.in(i).quant) {
      return wrong_operand(view, i, "an unquantized value (this op is not computed on integers; insert a dequantize)");
    }
  }
  if (quant) return input_error("expected no quantization parameters on the result of {}, found some", view.node.op->name);
  return {};
}

namespace {

Status expect_width(const OpView& view, const DeclaredQuant& quant) {
  if (!quant || quant->bits == 8 || view.node.op->sixteen_bits) return {};
  return input_error("expected quantized values of 8 bits, found {}: {} has no form for them (insert a dequantize)", quant->bits, view.node.op->name);
}

}  // namespace

Types keeps(const OpView& view, const DeclaredQuant& quant, Type result) {
  const auto& given = view.in(0).quant;
  if (quant && quant != given) {
    return input_error("expected the result's quantization parameters to be those of \"{}\" ({} keeps them), found others",
                       operand_name(view, 0), view.node.op->name);
  }
  FASTC_CHECK(expect_width(view, given));
  result.quant = given;
  return std::vector<Type>{std::move(result)};
}

Types requantizes(const OpView& view, const DeclaredQuant& quant, Type result) {
  size_t quantized = 0, present = 0;
  for (size_t i = 0; i < view.node.inputs.size(); ++i) {
    if (!view.has(i)) continue;
    ++present;
    if (view.in(i).quant) ++quantized;
  }
  if (quantized != 0 && quantized != present) return input_error("expected all operands quantized or none, found {} of {}", quantized, present);
  if (quantized == 0) {
    FASTC_CHECK(expect_unquantized(view, quant));
  } else if (!quant) {
    return input_error("expected quantization parameters declared for the result of {} on quantized operands, found none", view.node.op->name);
  }
  FASTC_CHECK(expect_width(view, quant));
  for (size_t i = 0; quant && i < view.node.inputs.size(); ++i)
    if (view.has(i) && view.in(i).quant->bits != quant->bits)
      return wrong_operand(view, i, fmt::format("{} bits like the result of {}", quant->bits, view.node.op->name));
  result.quant = quant;
  return std::vector<Type>{std::move(result)};
}

}  // namespace fastc::ops
