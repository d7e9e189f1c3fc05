#include "ir/coupling_elements.h"

#include <algorithm>
#include <numeric>

namespace fastc {
namespace {

// An axis this long is a position or a vocabulary, not channels; leaving it out keeps the element count small.
constexpr int64_t kLongestAxis = 1 << 18;

}  // namespace

Elements::Elements(const Module& module, Answers answers) : module_(&module), answers_(std::move(answers)) {
  std::vector<bool> alive(module.value_count());
  for (const ValueId id : module.inputs) alive[id] = true;
  for (const NodeId id : module.order()) {
    for (const auto* list : {&module.node(id).inputs, &module.node(id).outputs}) {
      for (const ValueId value : *list) {
        if (value != kNoId) alive[value] = true;
      }
    }
  }
  int32_t count = 0;
  for (size_t id = 0; id < alive.size(); ++id) {
    axes_of_value_.push_back(axes_.size());
    if (!alive[id]) continue;
    const Shape& shape = module.value(static_cast<ValueId>(id)).type.shape;
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      const bool known = shape[axis].is_constant() && shape[axis].constant() <= kLongestAxis;
      const int64_t size = known ? shape[axis].constant() : -1;
      axes_.push_back({static_cast<ValueId>(id), static_cast<int64_t>(axis), count, size});
      count += static_cast<int32_t>(std::max<int64_t>(size, 0));
    }
  }
  parents_.resize(count);
  std::iota(parents_.begin(), parents_.end(), 0);
  pins_.assign(count, kNotPinned);
}

const Elements::Axis* Elements::axis_of(const Run& run) {
  const Type& type = module_->value(run.value).type;
  if (run.axis < 0 || run.axis >= type.rank()) {
    error_ = fmt::format("its coupling rule names axis {} of {} {}", run.axis, module_->value(run.value).name, type_text(type));
    return nullptr;
  }
  const Axis& axis = axes_[axes_of_value_[run.value] + run.axis];
  if (axis.size < 0) return &axis;
  const int64_t count = run.count < 0 ? axis.size : run.count;
  const int64_t last = run.first + (count - 1) * run.step;
  if (run.first < 0 || run.step < 1 || run.repeat < 1 || (count > 0 && last >= axis.size)) {
    error_ = fmt::format("its coupling rule reaches element {} of axis {} of {} {}", last, run.axis, module_->value(run.value).name, type_text(type));
    return nullptr;
  }
  return &axis;
}

int32_t Elements::root(int32_t element) {
  while (parents_[element] != element) {
    parents_[element] = parents_[parents_[element]];
    element = parents_[element];
  }
  return element;
}

void Elements::mark(int32_t element, int reason) {
  int& pin = pins_[root(element)];
  if (pin == kNotPinned) pin = reason;
}

void Elements::join(int32_t a, int32_t b) {
  a = root(a);
  b = root(b);
  if (a == b) return;
  if (b < a) std::swap(a, b);  // the smallest element is the root: the result does not depend on the order of ties
  parents_[b] = a;
  if (pins_[a] == kNotPinned) pins_[a] = pins_[b];
}

void Elements::tie(const Run& a, const Run& b) {
  const Axis *axis_a = axis_of(a), *axis_b = axis_a ? axis_of(b) : nullptr;
  if (!axis_a || !axis_b) return;
  if (axis_a->size < 0 || axis_b->size < 0) {
    for (const auto& [run, axis] : {std::pair{&a, axis_a}, std::pair{&b, axis_b}}) {
      for (int64_t i = 0; axis->size >= 0 && i < length(*run, *axis); ++i) mark(element(*run, *axis, i), kPinSymbolic);
    }
    return;
  }
  const int64_t count = length(a, *axis_a);
  if (count != length(b, *axis_b)) {
    error_ = fmt::format("its coupling rule ties {} elements of {} to {} of {}", count, module_->value(a.value).name, length(b, *axis_b), module_->value(b.value).name);
    return;
  }
  for (int64_t i = 0; i < count; ++i) join(element(a, *axis_a, i), element(b, *axis_b, i));
}

void Elements::pin(const Run& a) {
  const Axis* axis = axis_of(a);
  if (!axis || axis->size < 0) return;
  for (int64_t i = 0; i < length(a, *axis); ++i) mark(element(a, *axis, i), node_);
}

size_t Elements::choose(const Run& whole, size_t alternatives) {
  const Question question{node_, asked_of_node_++};
  asked_.push_back({question, whole, alternatives});
  const auto answer = answers_.find(question);
  return answer == answers_.end() ? 0 : answer->second;
}

bool Elements::pinned(const Run& run) {
  const Axis* axis = axis_of(run);
  if (!axis || axis->size < 0) return false;
  for (int64_t i = 0; i < length(run, *axis); ++i) {
    if (pin_of(root(element(run, *axis, i))) == kNotPinned) return false;
  }
  return true;
}

void Elements::pin_value(ValueId value, int reason) {
  for (int64_t axis = 0; axis < module_->value(value).type.rank(); ++axis) {
    const Run run{.value = value, .axis = axis};
    const Axis* place = axis_of(run);
    for (int64_t i = 0; place && i < place->size; ++i) mark(element(run, *place, i), reason);
  }
}

void Elements::pin_whole_axes() {
  for (const Axis& axis : axes_) {
    if (axis.size < 1) continue;
    const int32_t first = root(axis.first);
    bool together = true;
    for (int64_t i = 1; together && i < axis.size; ++i) together = root(axis.first + static_cast<int32_t>(i)) == first;
    if (together) mark(axis.first, kPinLast);
  }
}

void Elements::pin_everything(const OpView& view) {
  for (const auto* list : {&view.node.inputs, &view.node.outputs}) {
    for (const ValueId value : *list) {
      for (int64_t axis = 0; value != kNoId && axis < module_->value(value).type.rank(); ++axis) pin({.value = value, .axis = axis});
    }
  }
}

}  // namespace fastc
