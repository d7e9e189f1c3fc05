// The C ABI: arguments checked, errors turned into statuses, nothing thrown across.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <new>

#include "session.h"
#include "signatures.h"

using fastc::rt::Coding;
using fastc::rt::Error;
using fastc::rt::fail;
using fastc::rt::Model;
using fastc::rt::OpRecord;
using fastc::rt::Packing;
using fastc::rt::Program;
using fastc::rt::Session;
using fastc::rt::ValueRecord;

struct fastc_rt_model {
  std::unique_ptr<Model> model;
};
struct fastc_rt_session {
  std::unique_ptr<Session> session;
};

namespace {

fastc_rt_status give(const Error& error, char* text, size_t bytes) {
  if (text != nullptr && bytes > 0) std::snprintf(text, bytes, "%s", error.text);
  return error.status;
}

// Runs `body`, which returns false after fail(); the only exceptions the runtime can meet are the library's own.
template <typename Body>
fastc_rt_status guarded(char* text, size_t bytes, Body body) {
  Error error;
  try {
    if (!body(error) && error.status == FASTC_RT_OK) error.status = FASTC_RT_BAD_ARGUMENT;
  } catch (const std::bad_alloc&) {
    fail(error, FASTC_RT_OUT_OF_MEMORY, "out of memory");
  } catch (...) {
    fail(error, FASTC_RT_OUT_OF_MEMORY, "the system refused a resource");
  }
  return give(error, text, bytes);
}

bool missing(Error& error, const char* what) { return fail(error, FASTC_RT_BAD_ARGUMENT, "%s is null", what); }

fastc_rt_status describe(const Program& program, std::span<const uint32_t> list, int32_t index, fastc_rt_value_info* info) {
  if (info == nullptr || index < 0 || static_cast<size_t>(index) >= list.size()) return FASTC_RT_BAD_ARGUMENT;
  const auto& value = program.values[list[index]];
  *info = {};
  info->name = program.name_of(value);
  info->dtype = value.dtype;
  info->rank = value.rank;
  for (uint32_t axis = 0; axis < value.rank; ++axis) {
    const auto& dim = program.dims[value.first_dim + axis];
    info->shape[axis] = dim.code_count == 0 ? dim.value : -1;
    if (!fastc::rt::dim_range(program, dim, info->min[axis], info->max[axis])) info->min[axis] = 0, info->max[axis] = INT64_MAX;
  }
  return FASTC_RT_OK;
}

// The op's `index`-th operand that is not a constant, or null.
const char* activation_name(const Program& program, std::span<const uint32_t> list, int32_t index) {
  for (uint32_t value : list) {
    if (value == fastc::rt::kNone || program.values[value].constant != fastc::rt::kNone) continue;
    if (index-- == 0) return program.name_of(program.values[value]);
  }
  return nullptr;
}

int32_t count_activations(const Program& program, std::span<const uint32_t> list) {
  return static_cast<int32_t>(std::count_if(list.begin(), list.end(), [&](uint32_t v) {
    return v != fastc::rt::kNone && program.values[v].constant == fastc::rt::kNone;
  }));
}

std::span<const fastc_rt_tensor> view(const fastc_rt_tensor* tensors, int32_t count) {
  return {tensors, static_cast<size_t>(tensors == nullptr || count < 0 ? 0 : count)};
}

// A negative size, or a rank nobody has, would be read as memory sizes later.
bool sane(std::span<const fastc_rt_tensor> tensors, Error& error) {
  for (const fastc_rt_tensor& t : tensors) {
    if (t.rank < 0 || t.rank > 8) return fail(error, FASTC_RT_BAD_ARGUMENT, "a tensor's rank is %d, expected 0 to 8", t.rank);
    for (int32_t i = 0; i < t.rank; ++i) {
      if (t.shape[i] < 0) return fail(error, FASTC_RT_BAD_ARGUMENT, "a tensor's axis %d has size %lld", i, (long long)t.shape[i]);
    }
  }
  return true;
}

const char* levels_name(uint8_t levels) {
  switch (levels) {
    case 3: return "ternary";
    case 4: return "2-bit";
    case 8: return "3-bit";
    case 16: return "4-bit";
    case 32: return "5-bit";
    case 64: return "6-bit";
    default: return "7-bit";
  }
}

const char* packing_name(const fastc::rt::ConstantRecord& constant) {
  switch (static_cast<Coding>(constant.coding)) {
    case Coding::kNone: break;
    case Coding::kTwoFour: return "2:4";
    case Coding::kBitmap: return "bitmap";
    case Coding::kFewBits: return levels_name(constant.levels);
    case Coding::kGroups: return "groups";
  }
  switch (static_cast<Packing>(constant.packing)) {
    case Packing::kPlain: return "plain";
    case Packing::kPanel16: return "panel16";
    case Packing::kPanel16x4: return "panel16x4";
    case Packing::kDepthwise16: return "depthwise16";
    case Packing::kNibbles16: return "nibbles16";
    case Packing::kNibbles: return "nibbles";
  }
  return "unknown";
}

// The `index`-th value that is a constant, or null.
const ValueRecord* constant_at(const Program& program, int32_t index) {
  for (const ValueRecord& value : program.values)
    if (value.constant != fastc::rt::kNone && index-- == 0) return &value;
  return nullptr;
}

}  // namespace

extern "C" {

const char* fastc_rt_message(fastc_rt_status status) {
  switch (status) {
    case FASTC_RT_OK: return "done";
    case FASTC_RT_BAD_ARGUMENT: return "an argument does not fit the model";
    case FASTC_RT_BAD_FILE: return "the artifact is damaged or was not written by fastc";
    case FASTC_RT_UNSUPPORTED: return "this runtime or this CPU cannot do what was asked";
    case FASTC_RT_OUT_OF_MEMORY: return "there is not enough memory";
    case FASTC_RT_IO: return "the file cannot be read";
  }
  return "unknown status";
}

const char* fastc_rt_version(void) { return "0.1.0"; }

const char* fastc_rt_isa(void) {
  const fastc::rt::KernelChain* chain = nullptr;
  Error error;
  return fastc::rt::active_kernels(chain, error) ? chain->name() : "none";
}

fastc_rt_status fastc_rt_open(const char* path, fastc_rt_model** model, char* error, size_t error_bytes) {
  return guarded(error, error_bytes, [&](Error& e) {
    if (path == nullptr || model == nullptr) return missing(e, "path or model");
    *model = nullptr;
    auto opened = Model::open_file(path, e);
    if (opened != nullptr) *model = new fastc_rt_model{std::move(opened)};
    return *model != nullptr;
  });
}

fastc_rt_status fastc_rt_open_memory(const void* data, size_t bytes, fastc_rt_model** model, char* error, size_t error_bytes) {
  return guarded(error, error_bytes, [&](Error& e) {
    if (data == nullptr || model == nullptr) return missing(e, "data or model");
    *model = nullptr;
    auto opened = Model::open_memory(data, bytes, e);
    if (opened != nullptr) *model = new fastc_rt_model{std::move(opened)};
    return *model != nullptr;
  });
}

void fastc_rt_close(fastc_rt_model* model) { delete model; }

int32_t fastc_rt_input_count(const fastc_rt_model* model) {
  return model == nullptr ? 0 : static_cast<int32_t>(model->model->program().inputs.size());
}
int32_t fastc_rt_output_count(const fastc_rt_model* model) {
  return model == nullptr ? 0 : static_cast<int32_t>(model->model->program().outputs.size());
}
fastc_rt_status fastc_rt_input(const fastc_rt_model* model, int32_t index, fastc_rt_value_info* info) {
  if (model == nullptr) return FASTC_RT_BAD_ARGUMENT;
  return describe(model->model->program(), model->model->program().inputs, index, info);
}
fastc_rt_status fastc_rt_output(const fastc_rt_model* model, int32_t index, fastc_rt_value_info* info) {
  if (model == nullptr) return FASTC_RT_BAD_ARGUMENT;
  return describe(model->model->program(), model->model->program().outputs, index, info);
}

int32_t fastc_rt_constant_count(const fastc_rt_model* model) {
  if (model == nullptr) return 0;
  const auto& values = model->model->program().values;
  return static_cast<int32_t>(std::count_if(values.begin(), values.end(), [](const ValueRecord& v) { return v.constant != fastc::rt::kNone; }));
}
fastc_rt_status fastc_rt_constant(const fastc_rt_model* model, int32_t index, fastc_rt_constant_info* info) {
  if (model == nullptr || info == nullptr || index < 0) return FASTC_RT_BAD_ARGUMENT;
  const Program& program = model->model->program();
  const ValueRecord* value = constant_at(program, index);
  if (value == nullptr) return FASTC_RT_BAD_ARGUMENT;
  const fastc::rt::ConstantRecord& constant = program.constants[value->constant];
  *info = {program.name_of(*value), packing_name(constant), value->dtype, value->rank, {}, constant.bytes};
  for (int32_t i = 0; i < info->rank; ++i) info->shape[i] = program.dims[value->first_dim + static_cast<uint32_t>(i)].value;  // never symbolic: checked when read
  return FASTC_RT_OK;
}

const char* fastc_rt_symbol_name(const fastc_rt_model* model, int32_t input, int32_t axis) {
  if (model == nullptr) return nullptr;
  const Program& program = model->model->program();
  for (const auto& symbol : program.symbols) {
    if (static_cast<int32_t>(symbol.input) == input && static_cast<int32_t>(symbol.axis) == axis) return program.string(symbol.name);
  }
  return nullptr;
}

const char* fastc_rt_metadata(const fastc_rt_model* model, const char* key) {
  if (model == nullptr || key == nullptr) return nullptr;
  const Program& program = model->model->program();
  for (const auto& entry : program.metadata) {
    if (std::strcmp(program.string(entry.key), key) == 0) return program.string(entry.value);
  }
  return nullptr;
}

fastc_rt_status fastc_rt_session_open(const fastc_rt_model* model, const fastc_rt_tensor* max_inputs, int32_t input_count, int32_t threads,
                                      fastc_rt_session** session, char* error, size_t error_bytes) {
  return guarded(error, error_bytes, [&](Error& e) {
    if (model == nullptr || session == nullptr) return missing(e, "model or session");
    *session = nullptr;
    const auto inputs = view(max_inputs, input_count);
    if (!sane(inputs, e)) return false;
    auto opened = Session::open(*model->model, inputs, threads, e);
    if (opened != nullptr) *session = new fastc_rt_session{std::move(opened)};
    return *session != nullptr;
  });
}

void fastc_rt_session_close(fastc_rt_session* session) { delete session; }

fastc_rt_status fastc_rt_output_shape(fastc_rt_session* session, const fastc_rt_tensor* inputs, int32_t input_count, int32_t index, fastc_rt_tensor* output) {
  return guarded(nullptr, 0, [&](Error& e) {
    if (session == nullptr || output == nullptr) return missing(e, "session or output");
    const auto given = view(inputs, input_count);
    const Session& s = *session->session;
    if (index < 0 || static_cast<size_t>(index) >= s.model().program().outputs.size()) return fail(e, FASTC_RT_BAD_ARGUMENT, "there is no output %d", index);
    if (!sane(given, e) || !session->session->reshape(given, e)) return false;
    const auto& y = s.output(index);
    output->rank = y.rank;
    output->dtype = static_cast<int32_t>(y.dtype);
    std::copy_n(y.shape, y.rank, output->shape);
    return true;
  });
}

fastc_rt_status fastc_rt_run(fastc_rt_session* session, const fastc_rt_tensor* inputs, int32_t input_count, fastc_rt_tensor* outputs,
                             int32_t output_count, char* error, size_t error_bytes) {
  return guarded(error, error_bytes, [&](Error& e) {
    if (session == nullptr) return missing(e, "session");
    const auto given = view(inputs, input_count);
    const std::span<fastc_rt_tensor> wanted{outputs, static_cast<size_t>(outputs == nullptr || output_count < 0 ? 0 : output_count)};
    return sane(given, e) && session->session->run(given, wanted, e);
  });
}

size_t fastc_rt_session_bytes(const fastc_rt_session* session) {
  return session == nullptr ? 0 : static_cast<size_t>(session->session->bytes());
}

int32_t fastc_rt_op_count(const fastc_rt_model* model) {
  return model == nullptr ? 0 : static_cast<int32_t>(model->model->program().ops.size());
}

fastc_rt_status fastc_rt_op(const fastc_rt_session* session, int32_t index, fastc_rt_op_info* info) {
  if (session == nullptr || info == nullptr || index < 0) return FASTC_RT_BAD_ARGUMENT;
  const Session& s = *session->session;
  const Program& program = s.model().program();
  if (static_cast<size_t>(index) >= program.ops.size()) return FASTC_RT_BAD_ARGUMENT;
  const OpRecord& op = program.ops[index];
  info->name = program.string(op.name);
  info->kernel = fastc::rt::kernel_name(static_cast<fastc::rt::Kernel>(op.kernel));
  info->isa = s.isa_of(static_cast<uint32_t>(index));
  info->input_count = count_activations(program, program.inputs_of(op));
  info->output_count = static_cast<int32_t>(op.output_count);
  info->seconds = s.seconds_of(static_cast<uint32_t>(index));
  return FASTC_RT_OK;
}

void fastc_rt_profile(fastc_rt_session* session, int32_t on) {
  if (session != nullptr) session->session->profile(on != 0);
}

fastc_rt_status fastc_rt_run_op(fastc_rt_session* session, int32_t index, const fastc_rt_tensor* operands, int32_t operand_count,
                                fastc_rt_tensor* output, char* error, size_t error_bytes) {
  return guarded(error, error_bytes, [&](Error& e) {
    if (session == nullptr || output == nullptr) return missing(e, "session or output");
    const auto& ops = session->session->model().program().ops;
    if (index < 0 || static_cast<size_t>(index) >= ops.size()) return fail(e, FASTC_RT_BAD_ARGUMENT, "op %d of %zu", index, ops.size());
    const auto given = view(operands, operand_count);
    return sane(given, e) && session->session->run_op(static_cast<uint32_t>(index), given, *output, e);
  });
}

const char* fastc_rt_op_operand(const fastc_rt_model* model, int32_t op, int32_t operand) {
  if (model == nullptr || op < 0 || operand < 0) return nullptr;
  const Program& program = model->model->program();
  if (static_cast<size_t>(op) >= program.ops.size()) return nullptr;
  return activation_name(program, program.inputs_of(program.ops[op]), operand);
}

const char* fastc_rt_op_output(const fastc_rt_model* model, int32_t op, int32_t output) {
  if (model == nullptr || op < 0 || output < 0) return nullptr;
  const Program& program = model->model->program();
  if (static_cast<size_t>(op) >= program.ops.size()) return nullptr;
  const auto list = program.outputs_of(program.ops[op]);
  if (static_cast<size_t>(output) >= list.size() || list[output] == fastc::rt::kNone) return nullptr;
  return program.name_of(program.values[list[output]]);
}

}  // extern "C"
