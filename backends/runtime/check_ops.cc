// The list of ops: operands against the kernel's signature, order of definition and use, and the sharing of buffers.
#include <cstdio>
#include <cstring>
#include <vector>

#include "plan.h"
#include "reader.h"
#include "signatures.h"

namespace fastc::rt {
namespace {

char dtype_letter(uint8_t dtype) {
  constexpr char kLetters[] = {'f', 'h', 'g', 'd', 'l', 'i', 's', 'u', 'b', 'w'};
  return kLetters[dtype];
}

// One word of a signature: the types allowed, and whether the operand may be absent or repeats.
struct Word {
  const char* begin = nullptr;
  size_t length = 0;
  bool optional = false, repeats = false;

  bool allows(uint8_t dtype) const {
    return std::memchr(begin, 'x', length) != nullptr || std::memchr(begin, dtype_letter(dtype), length) != nullptr;
  }
};

// The next word of a signature; false at its end or at '>', which is consumed.
bool next_word(const char*& at, Word& word) {
  while (*at == ' ') ++at;
  if (*at == '\0') return false;
  if (*at == '>') {
    ++at;
    return false;
  }
  word = {};
  word.begin = at;
  while (*at != '\0' && *at != ' ' && *at != '?' && *at != '*') ++at, ++word.length;
  if (*at == '?') word.optional = true, ++at;
  if (*at == '*') word.optional = word.repeats = true, ++at;
  return true;
}

struct Checker {
  const Program& program;
  const OpRecord& op;
  const Signature& signature;
  Error& error;

  const char* name() const { return program.string(op.name); }

  // Packed weights have fewer or more bytes than their shape says: only the kernels that know the packing may see them.
  bool packed_fits(const ValueRecord& value, size_t at, const char* what) const {
    if (value.constant == kNone || program.constants[value.constant].packing == static_cast<uint8_t>(Packing::kPlain)) return true;
    const bool reads_panels = signature.kernel <= Kernel::kConvDynamic || signature.kernel == Kernel::kLinearStored || signature.kernel == Kernel::kConvStored;
    // Recurrent layers have several weights, and look at each themselves.
    if (signature.kernel == Kernel::kRecurrentF32 || signature.kernel == Kernel::kRecurrentDynamic) return what[0] == 'i' && at > 0;
    return what[0] == 'i' && ((reads_panels && at == 1) || (signature.kernel == Kernel::kEmbeddingStored && at == 0));
  }

  bool operand(std::span<const uint32_t> list, size_t at, const Word& word, const char* what) {
    const uint32_t index = list[at];
    if (index == kNone) {
      if (word.optional) return true;
      return fail(error, FASTC_RT_BAD_FILE, "op \"%s\" (%s): %s %zu is missing", name(), signature.name, what, at);
    }
    if (index >= program.values.size()) {
      return fail(error, FASTC_RT_BAD_FILE, "op \"%s\" (%s): %s %zu is value %u of %zu", name(), signature.name, what, at, index,
                  program.values.size());
    }
    const ValueRecord& value = program.values[index];
    if (!packed_fits(value, at, what)) {
      return fail(error, FASTC_RT_BAD_FILE, "op \"%s\" (%s): %s %zu (%s) is a packed weight, which it cannot read there", name(),
                  signature.name, what, at, program.name_of(value));
    }
    if (word.allows(value.dtype)) return true;
    return fail(error, FASTC_RT_BAD_FILE, "op \"%s\" (%s): %s %zu (%s) has type %s, which this kernel does not take there", name(),
                signature.name, what, at, program.name_of(value), dtype_name(static_cast<DType>(value.dtype)));
  }

  bool side(std::span<const uint32_t> list, const char*& words, const char* what) {
    Word word;
    size_t at = 0;
    while (next_word(words, word)) {
      if (at >= list.size()) {
        if (word.optional) continue;
        return fail(error, FASTC_RT_BAD_FILE, "op \"%s\" (%s): %zu %ss are too few", name(), signature.name, list.size(), what);
      }
      do {
        if (!operand(list, at++, word, what)) return false;
      } while (word.repeats && at < list.size());
    }
    return at == list.size() ||
           fail(error, FASTC_RT_BAD_FILE, "op \"%s\" (%s): %zu %ss, at most %zu", name(), signature.name, list.size(), what, at);
  }

  bool attributes() {
    const uint32_t expected = attribute_bytes(signature, program, op);
    if (op.attribute_bytes != expected) {
      return fail(error, FASTC_RT_BAD_FILE, "op \"%s\" (%s): expected %u bytes of attributes, found %u", name(), signature.name, expected, op.attribute_bytes);
    }
    if (op.attribute_offset % 8 != 0 || op.attribute_offset > program.attributes.size() ||
        op.attribute_bytes > program.attributes.size() - op.attribute_offset) {
      return fail(error, FASTC_RT_BAD_FILE, "op \"%s\" (%s): attributes at offset %u are not inside their section, aligned to 8",
                  name(), signature.name, op.attribute_offset);
    }
    return signature.check == nullptr || signature.check(program, op, error);
  }

  bool run() {
    const char* words = signature.types;
    return side(program.inputs_of(op), words, "input") && side(program.outputs_of(op), words, "output") && attributes();
  }
};

// Which value each buffer holds while the ops run in order. Reading a value whose buffer was written since is a compiler bug
// that would give wrong numbers silently; it is found here instead.
class Occupancy {
 public:
  Occupancy(const Program& program, Error& error)
      : program_(program), error_(error), holder_(program.values.size(), kNone), root_(program.values.size(), kNone) {}

  void define(uint32_t value, uint32_t root) {
    root_[value] = root;
    holder_[program_.values[value].buffer] = root;
  }
  uint32_t root(uint32_t value) const { return root_[value]; }

  bool readable(uint32_t index, const char* reader) {
    const ValueRecord& value = program_.values[index];
    if (value.constant != kNone) return true;
    if (root_[index] == kNone) {
      return fail(error_, FASTC_RT_BAD_FILE, "%s reads \"%s\" before any op writes it", reader, program_.name_of(value));
    }
    if (holder_[value.buffer] != root_[index]) {
      return fail(error_, FASTC_RT_BAD_FILE, "%s reads \"%s\" after its buffer %u was reused for \"%s\"", reader,
                  program_.name_of(value), value.buffer, program_.name_of(program_.values[holder_[value.buffer]]));
    }
    return true;
  }

 private:
  const Program& program_;
  Error& error_;
  std::vector<uint32_t> holder_;  // by buffer: the value it holds
  std::vector<uint32_t> root_;    // by value: itself, or the value it is a view of
};

// Ops that read element i of an operand only to write element i of the result may work in place.
bool in_place(Kernel kernel) {
  return kernel == Kernel::kReshape || kernel == Kernel::kUnary || kernel == Kernel::kBinary || kernel == Kernel::kAddS8 || kernel == Kernel::kAddS16 ||
         kernel == Kernel::kBatchNorm;
}

bool check_outputs(const Program& program, const OpRecord& op, Occupancy& occupancy, Error& error) {
  const char* name = program.string(op.name);
  const auto inputs = program.inputs_of(op), outputs = program.outputs_of(op);
  for (size_t o = 0; o < outputs.size(); ++o) {
    if (outputs[o] == kNone) continue;
    const ValueRecord& y = program.values[outputs[o]];
    if (y.constant != kNone || occupancy.root(outputs[o]) != kNone) {
      return fail(error, FASTC_RT_BAD_FILE, "op \"%s\" writes \"%s\", which is %s", name, program.name_of(y),
                  y.constant != kNone ? "a constant" : "written already");
    }
    uint32_t root = outputs[o];
    for (uint32_t input : inputs) {
      if (input == kNone || program.values[input].constant != kNone || program.values[input].buffer != y.buffer) continue;
      const Kernel kernel = static_cast<Kernel>(op.kernel);
      const bool same_size = dtype_bytes(static_cast<DType>(y.dtype)) == dtype_bytes(static_cast<DType>(program.values[input].dtype));
      if (!in_place(kernel) || !same_size) {
        return fail(error, FASTC_RT_BAD_FILE, "op \"%s\" (%s) reads and writes buffer %u, but cannot work in place", name,
                    kernel_name(kernel), y.buffer);
      }
      if (kernel == Kernel::kReshape) root = occupancy.root(input);
    }
    for (size_t other = 0; other < o; ++other) {
      if (outputs[other] != kNone && program.values[outputs[other]].buffer == y.buffer) {
        return fail(error, FASTC_RT_BAD_FILE, "op \"%s\" writes two results into buffer %u", name, y.buffer);
      }
    }
    occupancy.define(outputs[o], root);
  }
  return true;
}

bool check_op(const Program& program, uint32_t index, Occupancy& occupancy, Error& error) {
  const OpRecord& op = program.ops[index];
  if (op.name >= program.strings.size()) return fail(error, FASTC_RT_BAD_FILE, "op %u: its name is outside the strings", index);
  const Signature* signature = find_signature(op.kernel);
  if (signature == nullptr) {
    return fail(error, FASTC_RT_BAD_FILE, "op \"%s\" needs kernel %u, which this runtime does not have", program.string(op.name), op.kernel);
  }
  const uint64_t count = uint64_t{op.input_count} + op.output_count;
  if (op.first_operand > program.operands.size() || count > program.operands.size() - op.first_operand) {
    return fail(error, FASTC_RT_BAD_FILE, "op \"%s\": operands %u+%llu reach beyond %zu", program.string(op.name), op.first_operand,
                (unsigned long long)count, program.operands.size());
  }
  if (!Checker{program, op, *signature, error}.run()) return false;
  for (uint32_t input : program.inputs_of(op)) {
    char reader[160];
    std::snprintf(reader, sizeof reader, "op \"%s\"", program.string(op.name));
    if (input != kNone && !occupancy.readable(input, reader)) return false;
  }
  return check_outputs(program, op, occupancy, error);
}

}  // namespace

bool check_ops(const Program& program, Error& error) {
  Occupancy occupancy(program, error);
  for (uint32_t input : program.inputs) occupancy.define(input, input);
  for (uint32_t i = 0; i < program.ops.size(); ++i) {
    if (!check_op(program, i, occupancy, error)) return false;
  }
  for (uint32_t output : program.outputs) {
    const ValueRecord& value = program.values[output];
    if (value.constant != kNone && program.constants[value.constant].packing != static_cast<uint8_t>(Packing::kPlain)) {
      return fail(error, FASTC_RT_BAD_FILE, "output \"%s\" is a packed weight", program.name_of(value));
    }
    if (!occupancy.readable(output, "the list of outputs")) return false;
  }
  return true;
}

}  // namespace fastc::rt
