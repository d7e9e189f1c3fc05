// An aten call as both frontends see it: the op's name and its arguments by the names of its schema, all of them present.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ir/module.h"

namespace fastc::aten {

// A value of the module. `path` is the attribute by which the model reaches a weight ("layer1.0.conv1.weight"): tied weights are one value
// with several paths, and nodes are called after the path they use.
struct TensorArg {
  ValueId id = kNoId;
  std::string path;
  int32_t cell = -1;  // which of the model's tensors it is, to Memory; rules leave it alone
};

struct Arg;
using ArgList = std::vector<Arg>;

// Numbers that PyTorch keeps in rank-0 tensors while tracing (size arithmetic) are plain numbers here. Integers are dimensions, so that
// arithmetic on sizes folds by itself. Types (ScalarType) are integers as ATen numbers them.
struct Arg {
  std::variant<std::monostate, bool, Dim, double, std::string, TensorArg, ArgList> value;

  bool none() const { return std::holds_alternative<std::monostate>(value); }
  const TensorArg* tensor() const { return std::get_if<TensorArg>(&value); }
  const Dim* dim() const { return std::get_if<Dim>(&value); }
  const bool* flag() const { return std::get_if<bool>(&value); }
  const double* number() const { return std::get_if<double>(&value); }
  const std::string* text() const { return std::get_if<std::string>(&value); }
  const ArgList* list() const { return std::get_if<ArgList>(&value); }
  bool scalar() const { return dim() || flag() || number(); }
};

struct Call {
  std::string op;        // without namespace, overload and the _ of in-place ops: "add"
  std::string overload;  // "Tensor", "" …
  std::map<std::string, Arg, std::less<>> args;
  bool in_place = false;  // the op's name ended in _

  // The argument, or none when this overload has no such one.
  const Arg& arg(std::string_view name) const;
  bool has(std::string_view name) const { return !arg(name).none(); }

  Result<TensorArg> tensor(std::string_view name) const;
  std::optional<TensorArg> optional_tensor(std::string_view name) const;
  Result<std::vector<TensorArg>> tensors(std::string_view name) const;
  Result<int64_t> integer(std::string_view name) const;
  int64_t integer_or(std::string_view name, int64_t fallback) const;
  bool flag_or(std::string_view name, bool fallback) const;
  Result<double> number(std::string_view name) const;
  double number_or(std::string_view name, double fallback) const;
  Result<Dim> dim(std::string_view name) const;
  Result<Dim> dim_or(std::string_view name, Dim fallback) const;  // where it is none
  Result<Shape> dims(std::string_view name) const;                  // one number is a list of one
  Result<std::vector<int64_t>> integers(std::string_view name) const;  // numbers only, no symbols
  // For int[S] arguments: one entry counts for all; an empty list gives `fallback`.
  Result<std::vector<int64_t>> spatial(std::string_view name, int64_t rank, std::vector<int64_t> fallback = {}) const;
};

}  // namespace fastc::aten
