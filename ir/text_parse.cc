#include <map>

#include "base/text.h"
#include "ir/op.h"
#include "ir/text.h"
#include "ir/text_scan.h"
#include "ir/text_tensor.h"
#include "ir/text_weight.h"

namespace fastc {
namespace {

using text::Place;
using text::Scanner;

// A node's line, kept until every weight is known: weights may stand after their use.
struct ResultText {
  std::string name;
  Place place;
  std::optional<Type> type;    // as written; to be compared with the inferred one
  std::optional<Quant> quant;  // of the type, or alone
};
struct OperandText {
  std::string name;  // empty: absent
  bool weight = false;
  Place place;
};
struct NodeText {
  std::vector<ResultText> results;
  const OpDef* op = nullptr;
  std::vector<OperandText> operands;
  Attrs attrs;
};

class Parser {
 public:
  Parser(std::string_view text, const std::filesystem::path& sidecar) : scan_(text), reader_(scan_, sidecar) {}

  Result<Module> run() {
    FASTC_CHECK(header());
    FASTC_CHECK(scan_.expect("{"));
    while (!scan_.take("}")) {
      if (scan_.peek("@")) {
        FASTC_CHECK(weight());
      } else if (scan_.peek("%")) {
        FASTC_CHECK(node());
      } else {
        return scan_.expected("a line that begins with % or @, or '}'");
      }
    }
    if (!scan_.at_end()) return scan_.expected("the end of the text");
    for (NodeText& node : nodes_) FASTC_CHECK(build(node));
    for (const OperandText& output : outputs_) {
      FASTC_TRY(const ValueId id, lookup(output));
      module_.outputs.push_back(id);
    }
    FASTC_CHECK(verify(module_));
    return std::move(module_);
  }

 private:
  Status header() {
    FASTC_CHECK(scan_.expect("module"));
    if (scan_.peek("\"")) {
      FASTC_TRY(module_.name, scan_.quoted());
    } else if (!scan_.peek("(")) {
      module_.name = scan_.bare_name();
    }
    FASTC_CHECK(scan_.expect("("));
    while (!scan_.take(")")) {
      if (!module_.inputs.empty()) FASTC_CHECK(scan_.expect(","));
      FASTC_CHECK(input());
    }
    FASTC_CHECK(scan_.expect("->"));
    FASTC_CHECK(scan_.expect("("));
    while (!scan_.take(")")) {
      if (!outputs_.empty()) FASTC_CHECK(scan_.expect(","));
      FASTC_TRY(OperandText output, operand());
      outputs_.push_back(std::move(output));
    }
    return scan_.take("symbols") ? symbols() : Status();
  }

  Status input() {
    const Place where = scan_.place();
    FASTC_TRY(const std::string name, scan_.name('%'));
    FASTC_CHECK(scan_.expect(":"));
    FASTC_TRY(Type type, reader_.type());
    FASTC_CHECK(define(name, where));
    values_[name] = module_.add_input(name, std::move(type));
    return {};
  }

  Status symbols() {
    do {
      Symbol symbol;
      symbol.name = scan_.word();
      if (symbol.name.empty()) return scan_.expected("the name of a symbol");
      FASTC_CHECK(scan_.expect("in"));
      FASTC_CHECK(scan_.expect("["));
      FASTC_TRY(symbol.min, scan_.integer());
      FASTC_CHECK(scan_.expect(","));
      FASTC_TRY(symbol.max, scan_.integer());
      FASTC_CHECK(scan_.expect("]"));
      module_.symbols.push_back(std::move(symbol));
    } while (scan_.take(","));
    return {};
  }

  Status define(const std::string& name, Place where) {
    const auto [found, fresh] = defined_.try_emplace(name, where);
    if (fresh) return {};
    return Scanner::error(
        where, fmt::format("expected a new name, found {}, which line {} defines", name, found->second.line));
  }

  Status weight() {
    const Place where = scan_.place();
    FASTC_TRY(const std::string name, scan_.name('@'));
    FASTC_CHECK(define(name, where));
    FASTC_CHECK(scan_.expect(":"));
    FASTC_TRY(const Type type, reader_.type());
    FASTC_TRY(Weight weight, reader_.weight(type));
    weights_[name] = module_.add_weight(name, std::move(weight));
    return {};
  }

  Status node() {
    NodeText node;
    do {
      FASTC_TRY(ResultText result, this->result());
      node.results.push_back(std::move(result));
    } while (scan_.take(","));
    FASTC_CHECK(scan_.expect("="));
    const Place where = scan_.place();
    const std::string op(scan_.word());
    if (op.empty()) return scan_.expected("the name of an op");
    node.op = find_op(op);
    if (node.op == nullptr) return unknown_op(op, where);
    FASTC_CHECK(scan_.expect("("));
    while (!scan_.take(")")) {
      if (!node.operands.empty()) FASTC_CHECK(scan_.expect(","));
      FASTC_TRY(OperandText operand, this->operand());
      node.operands.push_back(std::move(operand));
    }
    if (scan_.take("{")) FASTC_CHECK(attributes(node));
    nodes_.push_back(std::move(node));
    return {};
  }

  tl::unexpected<Error> unknown_op(const std::string& op, Place where) {
    std::vector<std::string> names;
    for (const OpDef* def : all_ops()) names.emplace_back(def->name);
    const std::string guess = nearest(op, names);
    return Scanner::error(where, fmt::format("expected the name of an op, found '{}'{}", op,
                                             guess.empty() ? "" : fmt::format("; did you mean {}?", guess)));
  }

  Result<ResultText> result() {
    ResultText out;
    out.place = scan_.place();
    FASTC_TRY(out.name, scan_.name('%'));
    FASTC_CHECK(define(out.name, out.place));
    if (!scan_.take(":")) return out;
    if (scan_.take("q")) {
      FASTC_TRY(out.quant, reader_.quant());
      return out;
    }
    FASTC_TRY(out.type, reader_.type());
    out.quant = out.type->quant;
    return out;
  }

  Result<OperandText> operand() {
    OperandText out;
    out.place = scan_.place();
    if (scan_.take("_")) return out;
    out.weight = scan_.peek("@");
    if (!out.weight && !scan_.peek("%")) return scan_.expected("a value such as %x or @w, or _");
    FASTC_TRY(out.name, scan_.name(out.weight ? '@' : '%'));
    return out;
  }

  Status attributes(NodeText& node) {
    while (!scan_.take("}")) {
      if (!node.attrs.empty()) FASTC_CHECK(scan_.expect(","));
      const Place where = scan_.place();
      const std::string name(scan_.word());
      if (name.empty()) return scan_.expected("the name of an attribute");
      const AttrDef* def = nullptr;
      std::vector<std::string> known;
      for (const AttrDef& candidate : node.op->attributes) {
        known.emplace_back(candidate.name);
        if (candidate.name == name) def = &candidate;
      }
      if (def == nullptr)
        return Scanner::error(where, fmt::format("expected an attribute of {} ({}), found {}", node.op->name,
                                                 known.empty() ? "it has none" : list_words(known), name));
      FASTC_CHECK(scan_.expect("="));
      FASTC_TRY(Attr value, attribute(def->type));
      if (!node.attrs.emplace(name, std::move(value)).second)
        return Scanner::error(where, fmt::format("expected each attribute once, found {} again", name));
    }
    return {};
  }

  Result<Attr> attribute(AttrType type) {
    const Place where = scan_.place();
    switch (type) {
      case AttrType::kBool:
        if (scan_.take("true")) return Attr(true);
        if (scan_.take("false")) return Attr(false);
        return scan_.expected("true or false");
      case AttrType::kInt: {
        FASTC_TRY(const int64_t value, scan_.integer());
        return Attr(value);
      }
      case AttrType::kFloat: {
        Tensor number = Tensor::zeros(DType::kF64, {});
        const std::string_view text = scan_.number();
        if (text.empty()) return scan_.expected("a number");
        if (auto status = fastc::text::set_element(number, 0, text); !status)
          return Scanner::error(where, status.error().message);
        return Attr(number.values<double>()[0]);
      }
      case AttrType::kString: {
        FASTC_TRY(std::string value, scan_.quoted());
        return Attr(std::move(value));
      }
      case AttrType::kDim: {
        FASTC_TRY(Dim value, scan_.dim());
        return Attr(std::move(value));
      }
      case AttrType::kInts: {
        std::vector<int64_t> values;
        FASTC_CHECK(list([&]() -> Status {
          FASTC_TRY(const int64_t value, scan_.integer());
          values.push_back(value);
          return {};
        }));
        return Attr(std::move(values));
      }
      case AttrType::kDims: {
        std::vector<Dim> values;
        FASTC_CHECK(list([&]() -> Status {
          FASTC_TRY(Dim value, scan_.dim());
          values.push_back(std::move(value));
          return {};
        }));
        return Attr(std::move(values));
      }
    }
    return internal_error("an attribute type without a parser");
  }

  template <typename F>
  Status list(F item) {
    FASTC_CHECK(scan_.expect("["));
    for (bool first = true; !scan_.take("]"); first = false) {
      if (!first) FASTC_CHECK(scan_.expect(","));
      FASTC_CHECK(item());
    }
    return {};
  }

  Result<ValueId> lookup(const OperandText& operand) const {
    if (operand.name.empty()) return kNoId;
    const auto& table = operand.weight ? weights_ : values_;
    const auto found = table.find(operand.name);
    if (found != table.end()) return found->second;
    const bool elsewhere = defined_.contains(operand.name);
    return Scanner::error(
        operand.place,
        fmt::format("expected a value defined before its use, found {}{}{}", operand.weight ? '@' : '%', operand.name,
                    !elsewhere                                          ? ", which is not defined"
                    : operand.weight || weights_.contains(operand.name) ? ", which is defined with the other of % and @"
                                                                        : ""));
  }

  Status build(NodeText& node) {
    std::vector<ValueId> inputs;
    for (const OperandText& operand : node.operands) {
      FASTC_TRY(const ValueId id, lookup(operand));
      inputs.push_back(id);
    }
    const ResultText& first = node.results.front();
    auto made = module_.add_node(node.op->name, first.name, std::move(inputs), std::move(node.attrs), first.quant);
    if (!made) return Scanner::error(first.place, made.error().message);
    const auto outputs = module_.node(*made).outputs;
    if (outputs.size() != node.results.size())
      return Scanner::error(first.place, fmt::format("expected {} results of {}, found {}", outputs.size(),
                                                     node.op->name, node.results.size()));
    for (size_t i = 0; i < outputs.size(); ++i) {
      Value& value = module_.value(outputs[i]);
      const ResultText& written = node.results[i];
      const bool differs =
          written.type ? !(*written.type == value.type) : written.quant && written.quant != value.type.quant;
      if (differs)
        return Scanner::error(
            written.place,
            fmt::format("%{}: expected the inferred type {}, found {}", written.name, type_text(value.type),
                        written.type ? type_text(*written.type) : quant_text(*written.quant)));
      value.name = written.name;
      values_[written.name] = outputs[i];
    }
    return {};
  }

  Scanner scan_;
  text::WeightReader reader_;
  Module module_;
  std::map<std::string, Place> defined_;
  std::map<std::string, ValueId> values_, weights_;
  std::vector<NodeText> nodes_;
  std::vector<OperandText> outputs_;
};

}  // namespace

Result<Module> parse(std::string_view text, const std::filesystem::path& sidecar) {
  return Parser(text, sidecar).run();
}

}  // namespace fastc
