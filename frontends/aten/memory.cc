#include "frontends/aten/memory.h"

#include <algorithm>
#include <set>

#include "frontends/aten/schema.h"
#include "ir/op.h"

namespace fastc::aten {
namespace {

// Ops of the IR that read elements of one tensor where they lie, and so can be a step of a view.
bool moves_only(const Node& node) {
  static const std::set<std::string_view> kSteps{"slice", "reshape", "permute", "expand"};
  return kSteps.contains(node.op->name);
}

// Ops that in place change how a tensor looks at its memory, or nothing.
bool only_looks(std::string_view op) {
  static const std::set<std::string_view> kLooks{"squeeze", "unsqueeze", "transpose", "swapaxes", "swapdims", "t", "detach", "dropout", "feature_dropout", "alpha_dropout"};
  return kLooks.contains(op);
}

const Arg& first_operand(const Call& call) { return call.has("self") ? call.arg("self") : call.arg("input"); }

// The tensors in the call's arguments.
template <typename F>
void each_tensor(const Arg& arg, F&& f) {
  if (const TensorArg* t = arg.tensor()) f(*t);
  if (const ArgList* list = arg.list())
    for (const Arg& item : *list) each_tensor(item, f);
}

std::string place_of(const Call& call, const std::string& source) {
  return fmt::format("aten::{}{}{}{}", call.op, call.in_place ? "_" : "", source.empty() ? "" : " at ", source);
}

}  // namespace

int32_t Memory::add_cell(ValueId value, bool weight) {
  storages_.push_back({.value = value, .kin = storages_.size(), .weight = weight, .stale = {}});
  cells_.push_back({storages_.size() - 1, {}, value, 0});
  return static_cast<int32_t>(cells_.size() - 1);
}

int32_t Memory::cell_of(const TensorArg& t) {
  if (t.cell >= 0) return t.cell;
  const auto [it, unseen] = held_.try_emplace(t.id, 0);
  if (unseen) it->second = add_cell(t.id, lowering_.is_weight(t));
  return it->second;
}

TensorArg Memory::own(TensorArg t) {
  t.cell = add_cell(t.id, false);
  return t;
}

std::optional<std::vector<Memory::Step>> Memory::steps_between(ValueId from, ValueId to) const {
  std::vector<Step> steps;
  while (to != from) {
    const Node* node = lowering_.module().producer(to);
    if (!node || !moves_only(*node)) return std::nullopt;
    steps.push_back({std::string(node->op->name), node->attrs});
    to = node->inputs[0];
  }
  std::ranges::reverse(steps);
  return steps;
}

Result<TensorArg> Memory::take(const Step& step, const TensorArg& from) {
  if (step.op != "slice") return lowering_.emit(step.op, {from}, step.attrs);
  return lowering_.part_of(from, std::get<int64_t>(step.attrs.at("axis")), std::get<Dim>(step.attrs.at("start")), std::get<Dim>(step.attrs.at("end")),
                           std::get<int64_t>(step.attrs.at("step")));
}

// `whole` with what the step takes of it being `part`.
Result<TensorArg> Memory::turn_around(const Step& step, const TensorArg& whole, const TensorArg& part) {
  if (step.op == "reshape") return lowering_.reshape(part, lowering_.shape(whole));
  if (step.op == "permute") {
    const auto& perm = std::get<std::vector<int64_t>>(step.attrs.at("perm"));
    std::vector<int64_t> back(perm.size());
    for (size_t i = 0; i < perm.size(); ++i) back[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
    return lowering_.permute(part, std::move(back));
  }
  if (step.op == "slice")
    return lowering_.put_slice(whole, std::get<int64_t>(step.attrs.at("axis")), std::get<Dim>(step.attrs.at("start")), std::get<Dim>(step.attrs.at("end")),
                               std::get<int64_t>(step.attrs.at("step")), part);
  return input_error("writes through a view in which elements repeat ({}); write to a copy of it (clone)", step.op);
}

Status Memory::refresh(Arg& arg) {
  if (auto* list = std::get_if<ArgList>(&arg.value)) {
    for (Arg& item : *list) FASTC_CHECK(refresh(item));
    return {};
  }
  auto* t = std::get_if<TensorArg>(&arg.value);
  if (!t) return {};
  t->cell = cell_of(*t);
  Cell& cell = cells_[static_cast<size_t>(t->cell)];
  const Storage& storage = storages_[cell.storage];
  if (!storage.stale.empty())
    return input_error("a tensor is read whose memory may have been changed by {}: whether they share it depends on strides; use the op that is not in place, write to a copy (clone), or export with run_decompositions()",
                       storage.stale);
  if (cell.version != storage.version) {
    TensorArg now{storage.value, {}};
    for (const Step& step : cell.steps) {
      FASTC_TRY(now, take(step, now));
    }
    cell.value = now.id;
    cell.version = storage.version;
  }
  if (t->id != cell.value) *t = {cell.value, {}, t->cell};
  return {};
}

bool Memory::is_view(const Call& call, const Cell& of, const std::vector<Step>& steps) const {
  static const std::set<std::string_view> kReshaping{"reshape", "reshape_as", "flatten"};
  if (!kReshaping.contains(call.op) || steps.empty()) return true;
  return storages_[of.storage].dense && std::ranges::all_of(of.steps, [](const Step& s) { return s.op == "reshape"; });
}

void Memory::place(const Call& call, TensorArg& result) {
  const Sharing shares = sharing(call);
  if (shares == Sharing::kHandedOn && result.cell >= 0) return;
  const TensorArg* operand = first_operand(call).tensor();
  if (shares == Sharing::kView && operand) {
    const Cell& of = cells_[static_cast<size_t>(operand->cell)];
    if (auto steps = steps_between(operand->id, result.id); steps && is_view(call, of, *steps)) {
      Cell view = of;
      view.steps.insert(view.steps.end(), steps->begin(), steps->end());
      view.value = result.id;
      cells_.push_back(std::move(view));
      result.cell = static_cast<int32_t>(cells_.size() - 1);
      return;
    }
  }
  result.cell = add_cell(result.id, false);
  Storage& made = storages_.back();
  const Node* node = lowering_.module().producer(result.id);
  bool from_numbers = true;
  for (const auto& [name, arg] : call.args) each_tensor(arg, [&](const TensorArg&) { from_numbers = false; });
  made.dense = from_numbers || call.op.starts_with("new_");
  if (shares == Sharing::kNone || (node && node->op->name == "cast")) return;
  for (const auto& [name, arg] : call.args)
    each_tensor(arg, [&](const TensorArg& t) {
      const size_t kin = storages_[cells_[static_cast<size_t>(t.cell)].storage].kin;
      for (Storage& s : storages_)
        if (s.kin == kin) s.kin = made.kin;
    });
}

void Memory::place(const Call& call, Arg& result) {
  if (auto* t = std::get_if<TensorArg>(&result.value)) place(call, *t);
  if (auto* list = std::get_if<ArgList>(&result.value))
    for (Arg& item : *list) place(call, item);
}

Status Memory::write(Cell& cell, const TensorArg& value, const std::string& where) {
  Storage& storage = storages_[cell.storage];
  for (const Storage& s : storages_)
    if (s.kin == storage.kin && s.weight)
      return input_error("writes to {}, a weight or a constant of the model, or to what may be it; write to a copy of it (clone)", lowering_.module().value(s.value).name);
  std::vector<TensorArg> whole{{storage.value, {}}};  // what each step was taken of
  for (size_t i = 0; i + 1 < cell.steps.size(); ++i) {
    FASTC_TRY(auto part, take(cell.steps[i], whole.back()));
    whole.push_back(part);
  }
  TensorArg now = value;
  for (size_t i = cell.steps.size(); i-- > 0;) {
    FASTC_TRY(now, turn_around(cell.steps[i], whole[i], now));
  }
  storage.value = now.id;
  cell.value = value.id;
  cell.version = ++storage.version;
  for (Storage& s : storages_)
    if (&s != &storage && s.kin == storage.kin) s.stale = where;
  return {};
}

Result<ArgList> Memory::write(const Call& call, const TensorArg& target, const Arg& result) {
  Cell& cell = cells_[static_cast<size_t>(target.cell)];
  const Type type = lowering_.type(target);
  if (const TensorArg* t = result.tensor(); t && call.in_place && only_looks(call.op)) {
    auto steps = steps_between(target.id, t->id);
    if (!steps) return input_error("in place is not supported");
    cell.steps.insert(cell.steps.end(), steps->begin(), steps->end());
    cell.value = t->id;
    return ArgList{Arg{TensorArg{t->id, {}, target.cell}}};
  }
  FASTC_TRY(auto value, lowering_.materialize(result, type.dtype));
  FASTC_TRY(value, lowering_.cast(value, type.dtype));
  if (lowering_.shape(value) != type.shape)
    return input_error("writes [{}] to a tensor of shape [{}]", shape_text(lowering_.shape(value)), shape_text(type.shape));
  FASTC_CHECK(write(cell, value, place_of(call, lowering_.source())));
  return ArgList{Arg{TensorArg{value.id, {}, target.cell}}};
}

Result<ArgList> Memory::run(Call call) {
  for (auto& [name, arg] : call.args) {
    auto status = refresh(arg);
    if (!status) return at(fmt::format("{}, argument {}", lowering_.where(call), name), std::move(status).error());
  }
  FASTC_TRY(ArgList results, lowering_.lower(call));
  const TensorArg* target = call.in_place ? first_operand(call).tensor() : call.arg("out").tensor();
  if (call.in_place && !target && !first_operand(call).scalar()) return input_error("{}: in place is not supported", lowering_.where(call));
  if (target && !results.empty()) {
    auto written = write(call, *target, results[0]);
    if (!written) return at(lowering_.where(call), std::move(written).error());
    return written;
  }
  for (Arg& result : results) place(call, result);
  return results;
}

}  // namespace fastc::aten
