// What the op files share: short declarations of operands and attributes, checks that end in one sentence, and the shape
// rules that several families use. Every sentence names the operand, what was expected and what was found; the caller puts
// the node's name in front.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/op.h"

namespace fastc::ops {

using Types = Result<std::vector<Type>>;
using DeclaredQuant = std::optional<Quant>;

// --- declaring. "x, weight, bias?, xs..." : ? optional, ... variadic.
std::vector<OperandDef> operands(std::string_view list);
AttrDef flag(std::string_view name, bool fallback, std::string_view help);
AttrDef integer(std::string_view name, std::string_view help);
AttrDef integer(std::string_view name, int64_t fallback, std::string_view help);
AttrDef number(std::string_view name, std::string_view help);
AttrDef number(std::string_view name, double fallback, std::string_view help);
AttrDef text(std::string_view name, std::string_view fallback, std::string_view help);
AttrDef required_text(std::string_view name, std::string_view help);
AttrDef integers(std::string_view name, std::string_view help);
AttrDef dim(std::string_view name, std::string_view help);
AttrDef dims(std::string_view name, std::string_view help);

// --- reading attributes. A Dim may have been given as an integer, Dims as integers.
Dim dim_of(const Node& node, std::string_view name);
Shape dims_of(const Node& node, std::string_view name);

// --- checking
bool is_float(DType dtype);
bool is_integer(DType dtype);  // i64, i32, s8, u8; not bool
std::string_view operand_name(const OpView& view, size_t i);
// `operand "weight": expected {expected}, found f32[3,4]`
tl::unexpected<Error> wrong_operand(const OpView& view, size_t i, std::string_view expected);
tl::unexpected<Error> wrong_attribute(std::string_view name, std::string_view expected, std::string_view found);
Status expect_shape(const OpView& view, size_t i, const Shape& shape, std::string_view what);
Status expect_float(const OpView& view, size_t i);
Status expect_same_dtype(const OpView& view, std::initializer_list<size_t> which);
// Rank 3 to 5: [N,C,L], [N,C,H,W] or [N,C,T,H,W]; how many spatial axes, `most` at most.
Result<int64_t> spatial_rank(const OpView& view, size_t i, int64_t most = 3);
// The list attribute has `count` entries, none below `low`.
Status expect_entries(const OpView& view, std::string_view name, int64_t count, int64_t low);
// The attribute is an axis of a tensor of this rank.
Status expect_axis(int64_t axis, int64_t rank);

// --- quantized results
// The op is not computed on integers: no quantized operand, no declared parameters.
Status expect_unquantized(const OpView& view, const DeclaredQuant& quant);
// u8 → u8 with the parameters of operand 0 (also unquantized types pass through as they are).
Types keeps(const OpView& view, const DeclaredQuant& quant, Type result);
// u8 → u8 with declared parameters; f32 → f32.
Types requantizes(const OpView& view, const DeclaredQuant& quant, Type result);

// --- shape rules
// numpy broadcasting; the error names both shapes.
Result<Shape> broadcast(const Shape& a, const Shape& b);
// floor((size + pad - dilation*(kernel-1) - 1) / stride) + 1
Result<Dim> window_size(const Dim& size, int64_t kernel, int64_t pad, int64_t stride, int64_t dilation, bool ceil_mode, int64_t pad_end);

// --- costs
Cost no_cost(const OpView& view);               // moves data only
Dim elements(const Type& type);
Cost mac_cost(Dim macs, Dim other_flops = 0);   // flops = 2 x macs + other_flops

// --- coupling. Axes of length 1 or of symbolic length take no part.
void tie_axis(Coupler& coupler, ValueId a, int64_t axis_a, ValueId b, int64_t axis_b);
void pin_axis(Coupler& coupler, ValueId value, int64_t axis);
void pin_all(const OpView& view, Coupler& coupler);          // every axis of every operand and result
// Aligned at the last axis, as in broadcasting; an operand's axis of length 1 under a longer one is free.
void tie_broadcast(const OpView& view, Coupler& coupler, size_t operand);
void couple_elementwise(const OpView& view, Coupler& coupler);  // all operands broadcast against result 0
void couple_except(const OpView& view, Coupler& coupler, std::initializer_list<int64_t> mixed);  // same shape; these axes are pinned

// --- conv and conv_transpose
bool is_depthwise(const Module& module, const Node& node);  // groups of one input channel
// Axis 1 of `value` holds `groups` times `per` channels: the i-th of every group goes together, with the i-th of `to` along its axis 1.
void tie_groups(Coupler& coupler, ValueId value, int64_t per, int64_t groups, ValueId to);
void shrink_groups(const Module& module, Node& node, const Kept& kept);  // depthwise: as many groups as x keeps channels

}  // namespace fastc::ops
