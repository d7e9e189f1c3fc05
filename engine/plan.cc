#include <exception>
#include <map>

#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include "engine/autograd.h"
#include "engine/eval.h"
#include "engine/ops/stored.h"
#include "ir/multiples.h"

namespace fastc::engine {
namespace {

std::map<std::string_view, Prepare>& registry() {
  static std::map<std::string_view, Prepare> evaluations;
  return evaluations;
}

std::string sizes_text(const at::Tensor& t) {
  std::string text;
  for (const int64_t size : t.sizes()) text += (text.empty() ? "" : ",") + std::to_string(size);
  return "[" + text + "]";
}

// LibTorch's messages carry a C++ backtrace after the first line.
std::string first_line(const std::exception& e) {
  const auto* torch = dynamic_cast<const c10::Error*>(&e);
  std::string text = torch != nullptr ? torch->what_without_backtrace() : e.what();
  return text.substr(0, text.find('\n'));
}

}  // namespace

tl::unexpected<Error> evaluation_error(const Module& module, const Step& step, const Frame& frame, const std::exception& e) {
  const Node& node = module.node(step.node);
  std::string operands;
  for (const ValueId id : step.inputs) {
    if (!operands.empty()) operands += ", ";
    operands += id == kNoId || !frame.values[id].defined() ? "none" : sizes_text(frame.values[id]);
  }
  return input_error("{} ({}) cannot be evaluated on operands {}: {}", node.name, node.op->name, operands, first_line(e));
}

namespace {

// Marks where each intermediate is used last. Inputs and weights are never freed: they belong to others.
void plan_lifetimes(const Module& module, std::vector<Step>& steps) {
  std::vector<char> needed(module.value_count(), 0);
  for (const ValueId id : module.outputs) needed[id] = 1;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    for (const ValueId id : step->outputs)
      if (!needed[id]) step->frees.push_back(id);
    step->dies.assign(step->inputs.size(), 0);
    for (size_t i = 0; i < step->inputs.size(); ++i) {
      const ValueId id = step->inputs[i];
      if (id == kNoId || module.value(id).kind != Value::Kind::kResult) continue;
      if (needed[id] == 0) {
        step->frees.push_back(id);
        needed[id] = 2;  // seen in this step: x + x dies once, and neither operand may be overwritten first
        step->dies[i] = 1;
      } else if (needed[id] == 2) {
        for (size_t j = 0; j < i; ++j)
          if (step->inputs[j] == id) step->dies[j] = 0;
      }
    }
    for (const ValueId id : step->inputs)
      if (id != kNoId) needed[id] = 1;
  }
}

}  // namespace

RegisterEval::RegisterEval(std::string_view op, Prepare prepare) { registry().emplace(op, prepare); }

void bind_symbol(const Dim& dim, int64_t size, SymbolValues& symbols) {
  if (dim.terms().size() != 1 || dim.terms()[0].factors.size() != 1) return;
  const Dim::Term& term = dim.terms()[0];
  if (term.factors[0].numerator != nullptr || term.coefficient <= 0 || size % term.coefficient != 0) return;
  symbols.emplace(term.factors[0].symbol, size / term.coefficient);
}

Prepare find_eval(std::string_view op) {
  const auto found = registry().find(op);
  return found == registry().end() ? nullptr : found->second;
}

bool recording() { return c10::GradMode::is_enabled(); }

size_t Call::count() const { return step_.inputs.size(); }
bool Call::has(size_t i) const { return i < step_.inputs.size() && step_.inputs[i] != kNoId; }
const at::Tensor& Call::in(size_t i) const { return frame_.values[step_.inputs[i]]; }
at::Tensor Call::maybe(size_t i) const { return has(i) ? in(i) : at::Tensor(); }
void Call::set(size_t i, at::Tensor result) { frame_.values[step_.outputs[i]] = std::move(result); }

bool Call::reusable(size_t i) const {
  if (!step_.dies[i] || recording()) return false;
  const at::Tensor& t = in(i);
  return t.use_count() == 1 && t.storage().use_count() == 1 && t.is_non_overlapping_and_dense();
}

int64_t Call::dim(const Dim& dim) const {
  if (dim.is_constant()) return dim.constant();
  auto value = dim.evaluate(*frame_.symbols);
  TORCH_CHECK(value.has_value(), value.has_value() ? "" : value.error().message);
  return *value;
}

std::vector<int64_t> Call::shape(const Shape& shape) const {
  std::vector<int64_t> sizes;
  sizes.reserve(shape.size());
  for (const Dim& d : shape) sizes.push_back(dim(d));
  return sizes;
}

Plan::Plan(Plan&&) noexcept = default;
Plan& Plan::operator=(Plan&&) noexcept = default;
Plan::~Plan() = default;

Result<Plan> Plan::prepare(const Module& module, Mode mode) {
  Plan plan;
  plan.module_ = &module;
  plan.constants_.resize(module.value_count());
  for (const NodeId id : module.order()) {
    const Node& node = module.node(id);
    const Prepare prepare = find_eval(node.op->name);
    if (prepare == nullptr) return internal_error("{}: the engine has no evaluation of the op {}", node.name, node.op->name);
    Step step{.node = id, .evaluate = {}, .inputs = node.inputs, .outputs = node.outputs, .dies = {}, .frees = {}};
    for (const ValueId operand : node.inputs) {
      if (module.is_weight(operand) && !plan.constants_[operand].defined())
        plan.constants_[operand] = wrap(module.weight(operand).data);
    }
    try {
      const Site site{module, node, mode};
      if (mode != Mode::kInfer) FASTC_CHECK(plan.round_as_integers(site));
      auto evaluate = prepare(site);
      if (!evaluate) return fastc::at(node.name, evaluate.error());
      step.evaluate = std::move(*evaluate);
    } catch (const std::exception& e) {
      return internal_error("{} ({}) cannot be prepared for evaluation: {}", node.name, node.op->name, first_line(e));
    }
    plan.steps_.push_back(std::move(step));
  }
  for (const ValueId id : module.outputs)  // an output may be a weight itself
    if (module.is_weight(id) && !plan.constants_[id].defined()) plan.constants_[id] = wrap(module.weight(id).data);
  plan_lifetimes(module, plan.steps_);
  return plan;
}

namespace {

FakeQuantize fake_quantize(const at::Tensor& steps, int32_t zero_point, int32_t low, int32_t high) {
  return {steps.flatten(), at::zeros({steps.numel()}, at::TensorOptions(at::kFloat)), zero_point, low, high};
}

// A step for each number of an integer layer's weight whose inputs come in groups: the channel's scale is learned, the groups' multiples of it stay.
at::Tensor steps_of_groups(const Weight& weight) {
  const auto& shape = weight.data.shape();
  const at::Tensor scales = wrap(weight.encoding.scales).repeat_interleave(weight.encoding.group_size, 1);
  return scales.narrow(1, 0, weight.data.elements() / shape[0]).reshape(shape);
}

// Nothing where the scales are not those of channels on axis 0 or of groups in them: such a weight is not trained.
std::optional<FakeQuantize> rounding_of(const Weight& weight, bool integer) {
  const Encoding& e = weight.encoding;
  if (e.axis != 0 || weight.data.elements() == 0) return {};
  const int32_t most = (1 << (e.bits - 1)) - 1;
  if (integer && e.group_size > 0) return FakeQuantize{steps_of_groups(weight), at::zeros({weight.data.shape()[0]}, at::TensorOptions(at::kFloat)), 0, -most, most};
  FakeQuantize rounding = fake_quantize(wrap(e.scales), 0, -most, most);
  // A matrix's even groups lie one after the other in memory as they are; those of an image's weight (channels last) do not.
  const bool even = weight.data.rank() == 2 && e.group_size > 0 && weight.data.shape()[1] % e.group_size == 0;
  if (!even) rounding.group = e.group_size;
  return rounding;
}

// What an integer bias adds to the result: b·sx·sw.
Result<at::Tensor> real_bias(const Weight& bias, const Quant& x, const Weight& weight) {
  FASTC_TRY(const Tensor scales, channel_scales(weight.encoding));
  const at::Tensor unit = wrap(scales).to(at::kDouble).mul(static_cast<double>(x.scale));
  return wrap(bias.data).to(at::kDouble).mul(unit).to(at::kFloat);
}

bool is_encoded(const Weight& weight) { return weight.encoding.kind == Encoding::Kind::kInt; }

}  // namespace

Status Plan::round_as_integers(const Site& site) {
  const Node& node = site.node;
  const auto& y = site.out().quant;
  if (y && node.op->integer == IntegerRule::kRequantizes)
    roundings_.emplace(node.output(), fake_quantize(at::full({1}, y->scale, at::TensorOptions(at::kFloat)), y->zero_point, y->low(), y->high()));
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (!site.is_weight(i)) continue;
    const ValueId id = node.inputs[i];
    const Weight& weight = site.weight(i);
    if (is_half(weight) && !halves_.contains(id) && computed_in_f32(site.module, id)) {
      constants_[id] = wrap(weight.data).to(at::kFloat);
      halves_.emplace(id, scalar_type(weight.data.dtype()));
    }
    if (!is_encoded(weight) || roundings_.contains(id)) continue;
    FASTC_TRY(const Tensor real, decode(weight));
    constants_[id] = wrap(real);
    if (const auto rounding = rounding_of(weight, site.in(0).quant.has_value())) roundings_.emplace(id, *rounding);
  }
  if (!site.is_weight(1) || !is_encoded(site.weight(1)) || !site.is_weight(2) || site.weight(2).data.dtype() != DType::kI32) return {};
  at::Tensor& bias = constants_[node.inputs[2]];
  FASTC_TRY(const at::Tensor real, real_bias(site.weight(2), *site.in(0).quant, site.weight(1)));
  if (at::isFloatingType(bias.scalar_type()) && !at::equal(bias, real))
    return stage_error("{}: its bias is another layer's too, in other units; give each layer a bias of its own to train them", node.name);
  bias = real;
  return {};
}

at::Tensor Plan::weight(const std::string& name) const {
  const ValueId id = module_->find_value(name);
  return id == kNoId ? at::Tensor() : constants_[id];
}

void Plan::set_weight(const std::string& name, at::Tensor tensor) {
  const ValueId id = module_->find_value(name);
  if (id != kNoId) constants_[id] = std::move(tensor);
}

Result<SymbolValues> Plan::bind(std::span<const at::Tensor> inputs) const {
  const Module& m = *module_;
  if (inputs.size() != m.inputs.size())
    return input_error("expected {} inputs, found {}", m.inputs.size(), inputs.size());
  SymbolValues symbols;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Value& value = m.value(m.inputs[i]);
    const at::Tensor& t = inputs[i];
    const auto wrong = [&](std::string_view why) {
      return input_error("input {}: expected {}, found {}{}{}", value.name, type_text(value.type), at::toString(t.scalar_type()), sizes_text(t), why);
    };
    if (!t.defined()) return input_error("input {}: expected {}, found nothing", value.name, type_text(value.type));
    if (t.dim() != value.type.rank()) return wrong("");
    if (t.scalar_type() != scalar_type(value.type.dtype) && t.scalar_type() != at::kDouble) return wrong("");
    for (int64_t axis = 0; axis < t.dim(); ++axis) {
      bind_symbol(value.type.shape[axis], t.size(axis), symbols);
    }
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Value& value = m.value(m.inputs[i]);
    FASTC_TRY(const std::vector<int64_t> sizes, evaluate_shape(value.type.shape, symbols));
    if (inputs[i].sizes() != at::IntArrayRef(sizes))
      return input_error("input {}: expected {}, found the shape {}", value.name, type_text(value.type), sizes_text(inputs[i]));
  }
  for (const Symbol& s : m.symbols) {
    const auto found = symbols.find(s.name);
    if (found != symbols.end() && (found->second < s.min || found->second > s.max))
      return input_error("the size {} is {}, expected {} to {}", s.name, found->second, s.min, s.max);
  }
  return symbols;
}

Result<std::vector<at::Tensor>> Plan::run(std::span<const at::Tensor> inputs, const Visitor* visit) const {
  FASTC_TRY(const SymbolValues symbols, bind(inputs));
  Frame frame{constants_, &symbols};
  for (size_t i = 0; i < inputs.size(); ++i) frame.values[module_->inputs[i]] = inputs[i];
  for (const auto& [id, rounding] : roundings_)
    if (module_->is_weight(id)) frame.values[id] = rounding(constants_[id]);
  for (const auto& [id, half] : halves_) frame.values[id] = round_to_half(constants_[id], half);
  std::vector<at::Tensor> operands, results;
  for (const Step& step : steps_) {
    if (visit != nullptr) {  // holding the operands also keeps them from being overwritten
      operands.clear();
      for (const ValueId id : step.inputs) operands.push_back(id == kNoId ? at::Tensor() : frame.values[id]);
    }
    try {
      Call call(frame, step);
      step.evaluate(call);
      if (const auto rounding = roundings_.find(step.outputs[0]); rounding != roundings_.end()) call.set(rounding->second(frame.values[step.outputs[0]]));
    } catch (const std::exception& e) {
      return evaluation_error(*module_, step, frame, e);
    }
    if (visit != nullptr) {
      results.clear();
      for (const ValueId id : step.outputs) results.push_back(frame.values[id]);
      FASTC_CHECK((*visit)(step.node, operands, results));
    }
    for (const ValueId id : step.frees) frame.values[id].reset();
  }
  std::vector<at::Tensor> outputs;
  for (const ValueId id : module_->outputs) outputs.push_back(frame.values[id]);
  return outputs;
}

}  // namespace fastc::engine
