#include "ir/recurrent.h"

#include "ir/op.h"

namespace fastc {
namespace {

size_t operands_of_cell(const Node& node) { return node.flag("has_bias") ? 4 : 2; }
size_t first_weight(const Node& node) { return 1 + states_of(node); }

}  // namespace

bool is_recurrent(const Node& node) { return node.op->name == "lstm" || node.op->name == "gru" || node.op->name == "rnn"; }

size_t states_of(const Node& node) { return node.op->name == "lstm" ? 2 : 1; }

bool is_matrix(const Node& node, size_t operand) { return operand >= first_weight(node) && (operand - first_weight(node)) % operands_of_cell(node) < 2; }

std::vector<size_t> matrices_of(const Node& node) {
  std::vector<size_t> out;
  for (size_t i = first_weight(node); i < node.inputs.size(); ++i)
    if (is_matrix(node, i)) out.push_back(i);
  return out;
}

}  // namespace fastc
