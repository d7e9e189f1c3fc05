#include "session.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "coding.h"
#include "ops/copy.h"

namespace fastc::rt {
namespace {

// The caller's dense array, seen as a tensor.
Tensor as_plain(const fastc_rt_tensor& given, const Tensor& like) {
  Tensor t = like;
  t.layout = Layout::kPlain;
  t.data = static_cast<uint8_t*>(given.data);
  for (int32_t i = 0; i < t.rank; ++i) t.stored[i] = t.shape[i];
  return t;
}

void copy_tensor(const Tensor& from, const Tensor& to) {
  if (to.elements == 0) return;
  if (from.channels_last() == to.channels_last()) {
    std::memcpy(to.data, from.data, to.bytes);
    return;
  }
  StridedCopy copy = relayout(from, to);
  copy.prefer_long_rows();
  copy.run(0, copy.rows());
}

void describe(const Tensor& t, fastc_rt_tensor& out) {
  out.rank = t.rank;
  out.dtype = static_cast<int32_t>(t.dtype);
  std::copy_n(t.shape, t.rank, out.shape);
}

}  // namespace

std::unique_ptr<Session> Session::open(const Model& model, std::span<const fastc_rt_tensor> max_inputs, int32_t threads, Error& error) {
  std::unique_ptr<Session> session(new Session(model));
  const Program& program = model.program();
  if (threads < 1 || threads > 1024) {
    fail(error, FASTC_RT_BAD_ARGUMENT, "expected 1 to 1024 threads, found %d", threads);
    return nullptr;
  }
  if (!bind_symbols(program, max_inputs.data(), static_cast<int32_t>(max_inputs.size()), session->symbols_, error)) return nullptr;
  if (!session->pool_.start(threads)) {
    fail(error, FASTC_RT_OUT_OF_MEMORY, "the system gives no more threads");
    return nullptr;
  }
  if (!session->place(error) || !session->build_ops(error)) return nullptr;
  session->ready_ = true;
  return session;
}

bool Session::shapes_from(const int64_t* symbols, Error& error) {
  const Program& program = model_.program();
  for (size_t v = 0; v < tensors_.size(); ++v) {
    if (tensors_[v].constant) continue;
    Extent extent;
    if (!value_extent(program, program.values[v], symbols, extent, error)) return false;
    set_shape(tensors_[v], extent);
  }
  return true;
}

bool Session::place(Error& error) {
  const Program& program = model_.program();
  tensors_.resize(program.values.size());
  buffer_bytes_.assign(program.values.size(), 0);
  for (size_t v = 0; v < tensors_.size(); ++v) {
    const ValueRecord& value = program.values[v];
    Tensor& t = tensors_[v];
    Extent extent;
    if (!value_extent(program, value, symbols_, extent, error)) return false;
    t.name = program.name_of(value);
    t.dtype = static_cast<DType>(value.dtype), t.layout = static_cast<Layout>(value.layout);
    t.scale = value.scale, t.zero_point = value.zero_point;
    t.constant = value.constant != kNone;
    t.rank = extent.rank;
    set_shape(t, extent);
    if (t.constant) {
      const ConstantRecord& constant = program.constants[value.constant];
      t.packing = static_cast<Packing>(constant.packing), t.coding = static_cast<Coding>(constant.coding);
      if (t.packing != Packing::kPlain) t.bytes = decoded_bytes(constant);
      t.data = const_cast<uint8_t*>(model_.constant(value.constant));
      if (t.data == nullptr) return fail(error, FASTC_RT_OUT_OF_MEMORY, "no memory to decode \"%s\"", t.name);
    } else {
      buffer_bytes_[value.buffer] = std::max(buffer_bytes_[value.buffer], t.bytes);
    }
  }
  uint64_t total = 0;
  std::vector<uint64_t> offsets(buffer_bytes_.size());
  for (size_t b = 0; b < offsets.size(); ++b) {
    offsets[b] = total;
    total += align64(buffer_bytes_[b]);
    if (total > uint64_t{1} << 46) return fail(error, FASTC_RT_OUT_OF_MEMORY, "activations of these shapes need more than 2^46 bytes");
  }
  if (!arena_.allocate(total)) return fail(error, FASTC_RT_OUT_OF_MEMORY, "no memory for %llu bytes of activations", (unsigned long long)total);
  for (size_t v = 0; v < tensors_.size(); ++v) {
    if (!tensors_[v].constant) tensors_[v].data = arena_.data() + offsets[program.values[v].buffer];
  }
  return true;
}

bool Session::build_ops(Error& error) {
  const Program& program = model_.program();
  operands_.reserve(program.operands.size());
  for (uint32_t operand : program.operands) operands_.push_back(operand < tensors_.size() ? &tensors_[operand] : nullptr);
  ops_.reserve(program.ops.size());
  for (const OpRecord& op : program.ops) ops_.push_back(make_op(static_cast<Kernel>(op.kernel)));
  seconds_.assign(ops_.size(), 0);
  if (!prepare_ops(true, error)) return false;
  uint64_t workspace = 0;
  for (const auto& op : ops_) {
    scratch_each_ = std::max(scratch_each_, op->scratch_bytes());
    workspace = std::max(workspace, op->workspace_bytes());
  }
  const auto threads = static_cast<uint64_t>(pool_.threads());
  if (scratch_each_ > uint64_t{1} << 46 || workspace > uint64_t{1} << 46) return fail(error, FASTC_RT_OUT_OF_MEMORY, "these shapes need more than 2^46 bytes of working memory");
  scratch_each_ = align64(scratch_each_);
  if (!scratch_.allocate(scratch_each_ * threads) || !workspace_.allocate(workspace)) {
    return fail(error, FASTC_RT_OUT_OF_MEMORY, "no memory for %llu bytes of working memory", (unsigned long long)(scratch_each_ * threads + workspace));
  }
  return prepare_ops(false, error);
}

bool Session::prepare_ops(bool opening, Error& error) {
  alignas(64) static uint8_t nowhere[64];  // a first pass only asks how much memory is needed; nothing is written through it
  const Program& program = model_.program();
  for (uint32_t i = 0; i < ops_.size(); ++i) {
    const OpRecord& op = program.ops[i];
    PrepareContext c{model_.kernels(), model_.packs(), i, opening, scratch_each_, workspace_.bytes(),
                     opening ? nowhere : workspace_.data(), program.string(op.name), error};
    Tensor* const* first = operands_.data() + op.first_operand;
    if (!ops_[i]->prepare({first, op.input_count}, {first + op.input_count, op.output_count}, program.attributes_of(op), c)) return false;
  }
  return true;
}

bool Session::check_capacity(Error& error) const {
  const Program& program = model_.program();
  for (size_t v = 0; v < tensors_.size(); ++v) {
    if (tensors_[v].constant || tensors_[v].bytes <= buffer_bytes_[program.values[v].buffer]) continue;
    return fail(error, FASTC_RT_BAD_ARGUMENT, "\"%s\" would need %llu bytes; the session was opened for shapes where it needs %llu", tensors_[v].name,
                (unsigned long long)tensors_[v].bytes, (unsigned long long)buffer_bytes_[program.values[v].buffer]);
  }
  return true;
}

bool Session::reshape(std::span<const fastc_rt_tensor> inputs, Error& error) {
  const Program& program = model_.program();
  int64_t symbols[kMaxSymbols];
  if (!bind_symbols(program, inputs.data(), static_cast<int32_t>(inputs.size()), symbols, error)) return false;
  if (ready_ && std::equal(symbols, symbols + program.symbols.size(), symbols_)) return true;
  ready_ = false;
  std::copy_n(symbols, program.symbols.size(), symbols_);
  ready_ = shapes_from(symbols, error) && check_capacity(error) && prepare_ops(false, error);
  if (!ready_ && error.status == FASTC_RT_BAD_FILE) error.status = FASTC_RT_BAD_ARGUMENT;  // other sizes did fit
  return ready_;
}

bool Session::run_steps(const Op& op) {
  struct Job {
    const Step& step;
    uint8_t* scratch;
    uint64_t each;
  };
  for (const Step& step : op.steps()) {
    if (pool_.threads() == 1 || step.tiles < 2) {
      if (step.tiles > 0) step.run(step.self, 0, step.tiles, scratch_.data());
      continue;
    }
    const Job job{step, scratch_.data(), scratch_each_};
    const auto work = [](const void* self, int64_t begin, int64_t end, int32_t thread) {
      const Job& j = *static_cast<const Job*>(self);
      j.step.run(j.step.self, begin, end, j.scratch + j.each * static_cast<uint64_t>(thread));
    };
    pool_.run(work, &job, step.tiles);
  }
  return true;
}

bool Session::run_ops(Error& error) {
  for (size_t i = 0; i < ops_.size(); ++i) {
    if (profiling_) {
      const auto start = std::chrono::steady_clock::now();
      run_steps(*ops_[i]);
      seconds_[i] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    } else {
      run_steps(*ops_[i]);
    }
    if (ops_[i]->checks() && !ops_[i]->check(error)) return false;
  }
  return true;
}

bool Session::run(std::span<const fastc_rt_tensor> inputs, std::span<fastc_rt_tensor> outputs, Error& error) {
  const Program& program = model_.program();
  if (!reshape(inputs, error)) return false;
  if (outputs.size() != program.outputs.size()) {
    return fail(error, FASTC_RT_BAD_ARGUMENT, "expected %zu outputs, found %zu", program.outputs.size(), outputs.size());
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& to = tensors_[program.inputs[i]];
    if (inputs[i].data == nullptr && to.elements > 0) return fail(error, FASTC_RT_BAD_ARGUMENT, "input \"%s\" has no data", to.name);
    copy_tensor(as_plain(inputs[i], to), to);
  }
  if (!run_ops(error)) return false;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Tensor& from = output(i);
    if (outputs[i].data == nullptr && from.elements > 0) return fail(error, FASTC_RT_BAD_ARGUMENT, "output \"%s\" has no room", from.name);
    copy_tensor(from, as_plain(outputs[i], from));
    describe(from, outputs[i]);
  }
  return true;
}

bool Session::run_op(uint32_t index, std::span<const fastc_rt_tensor> operands, fastc_rt_tensor& out, Error& error) {
  const Program& program = model_.program();
  if (!ready_) return fail(error, FASTC_RT_BAD_ARGUMENT, "the session's last shapes did not fit; give it good ones first");
  const OpRecord& op = program.ops[index];
  Tensor* const* first = operands_.data() + op.first_operand;
  size_t given = 0;
  for (uint32_t i = 0; i < op.input_count; ++i) {
    if (first[i] == nullptr || first[i]->constant) continue;
    const Tensor& to = *first[i];
    if (given == operands.size()) return fail(error, FASTC_RT_BAD_ARGUMENT, "op \"%s\": %zu operands are too few", program.string(op.name), given);
    const fastc_rt_tensor& from = operands[given++];
    if (from.data == nullptr || from.dtype != static_cast<int32_t>(to.dtype) || from.rank != to.rank || !std::equal(to.shape, to.shape + to.rank, from.shape)) {
      return fail(error, FASTC_RT_BAD_ARGUMENT, "op \"%s\": operand %zu is not a %s with the shape \"%s\" has now", program.string(op.name), given - 1, dtype_name(to.dtype), to.name);
    }
    copy_tensor(as_plain(from, to), to);
  }
  if (given != operands.size()) return fail(error, FASTC_RT_BAD_ARGUMENT, "op \"%s\": expected %zu operands, found %zu", program.string(op.name), given, operands.size());
  run_steps(*ops_[index]);
  if (ops_[index]->checks() && !ops_[index]->check(error)) return false;
  const Tensor* y = op.output_count > 0 ? first[op.input_count] : nullptr;
  if (y == nullptr || out.data == nullptr) return fail(error, FASTC_RT_BAD_ARGUMENT, "op \"%s\": there is no room for its output", program.string(op.name));
  copy_tensor(*y, as_plain(out, *y));
  describe(*y, out);
  return true;
}

}  // namespace fastc::rt
