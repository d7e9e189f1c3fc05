#include "driver/pipeline/order.h"

#include <nlohmann/json.hpp>

#include "passes/pass.h"

namespace fastc {
namespace {

std::string_view word(ProgramState state) { return state == ProgramState::kQuantized ? "quantized" : "float"; }
std::string place(const Stage& stage) { return stage.pointer + " (" + stage.pass + ")"; }

}  // namespace

Status check_order(const Recipe& recipe, bool has_training_data) {
  ProgramState state = ProgramState::kFloat;
  const Stage *set_state = nullptr, *folded = nullptr;
  for (const Stage& stage : recipe.pipeline) {
    const PassTraits& traits = find_pass(stage.pass)->traits();
    const bool aware = traits.trains_quantized && state == ProgramState::kQuantized;  // its batch norm is folded already, and it wants none
    if (traits.needs != ProgramState::kAny && traits.needs != state && !aware)
      return usage_error("{} needs a {} network, but {} leaves a {} one; put it {}", place(stage), word(traits.needs), set_state ? place(*set_state) : "the model as imported",
                         word(state), state == ProgramState::kQuantized ? "before" : "after a quantizing stage");
    if (traits.needs_batch_norm && folded && !aware)
      return usage_error("{} trains with batch norm, but {} folds it away; put the training first", place(stage), place(*folded));
    if (traits.needs_training_data && !has_training_data && recipe.task && recipe.task->value("type", "") != "fidelity")
      return usage_error("{} needs training data; add \"train\" to /task", place(stage));
    if (stage.pass == "graph.fold" || traits.needs_folded) folded = &stage;
    if (traits.leaves != ProgramState::kAny && !aware) state = traits.leaves, set_state = &stage;
  }
  return {};
}

}  // namespace fastc
