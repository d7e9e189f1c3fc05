// Union-find over the elements (value, axis, index) of a module: what the ops' coupling rules write into. Inside of coupling.cc.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ir/op.h"

namespace fastc {

// Who pins a component: a node's id, or one of these.
inline constexpr int kNotPinned = -1, kPinInput = -2, kPinOutput = -3, kPinSymbolic = -4, kPinLast = -5;

// A question that a rule asked of choose(): the how-manieth of its node, and about what.
using Question = std::pair<NodeId, size_t>;
using Answers = std::map<Question, size_t>;  // 0 where there is none

// Axes of symbolic length have no elements; what is tied to one is pinned.
class Elements final : public Coupler {
 public:
  struct Asked {
    Question question;
    Run whole;
    size_t alternatives;
  };
  Elements(const Module& module, Answers answers);
  void at_node(NodeId id) { node_ = id, asked_of_node_ = 0; }
  size_t choose(const Run& whole, size_t alternatives) override;
  const std::vector<Asked>& asked() const { return asked_; }
  const Answers& answers() const { return answers_; }
  bool pinned(const Run& run);  // all of it
  void tie(const Run& a, const Run& b) override;
  void pin(const Run& a) override;
  void pin_value(ValueId value, int reason);
  void pin_everything(const OpView& view);
  void pin_whole_axes();  // to be called last: what holds every element of an axis cannot go
  const std::string& error() const { return error_; }  // a rule that does not fit its operands

  int32_t root(int32_t element);
  int pin_of(int32_t root) const { return pins_[static_cast<size_t>(root)]; }
  // Every element in the order of values, axes, indices.
  template <typename Visit>
  void each(const Visit& visit) {
    for (const Axis& axis : axes_) {
      for (int64_t i = 0; i < axis.size; ++i) visit(axis.value, axis.axis, i, root(axis.first + static_cast<int32_t>(i)));
    }
  }

 private:
  struct Axis {
    ValueId value;
    int64_t axis;
    int32_t first;
    int64_t size;  // -1: symbolic
  };
  // Null after setting error_ when the run does not lie in its axis.
  const Axis* axis_of(const Run& run);
  static int64_t length(const Run& run, const Axis& axis) { return (run.count < 0 ? axis.size : run.count) * run.repeat; }
  static int32_t element(const Run& run, const Axis& axis, int64_t i) { return axis.first + static_cast<int32_t>(run.first + i / run.repeat * run.step); }
  void join(int32_t a, int32_t b);
  void mark(int32_t element, int reason);

  const Module* module_;
  NodeId node_ = kNoId;
  std::vector<Axis> axes_;             // by value, then axis
  std::vector<size_t> axes_of_value_;  // where a value's axes begin in axes_
  std::vector<int32_t> parents_;
  std::vector<int> pins_;              // of roots
  Answers answers_;
  std::vector<Asked> asked_;
  size_t asked_of_node_ = 0;
  std::string error_;
};

}  // namespace fastc
