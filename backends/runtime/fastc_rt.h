/* fastc runtime: the C ABI. Opens a .fastc artifact, runs it. Needs no Python, no LibTorch, no BLAS, no JSON library.
 *
 * Errors are values: every call that can fail returns a status; fastc_rt_message(status) is a sentence, and the `error`
 * buffer, where given, receives what was expected, found and where. Nothing prints, aborts or throws across this border.
 * A model is immutable and may be shared by any number of sessions and threads; a session belongs to one thread at a time.
 * After a session is opened for a maximum shape, running it allocates nothing. */
#ifndef FASTC_RT_H
#define FASTC_RT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define FASTC_RT_API __attribute__((visibility("default")))
#else
#define FASTC_RT_API
#endif

typedef enum { FASTC_RT_OK = 0, FASTC_RT_BAD_ARGUMENT = 1, FASTC_RT_BAD_FILE = 2, FASTC_RT_UNSUPPORTED = 3, FASTC_RT_OUT_OF_MEMORY = 4, FASTC_RT_IO = 5 } fastc_rt_status;
typedef enum { FASTC_RT_F32 = 0, FASTC_RT_F16 = 1, FASTC_RT_BF16 = 2, FASTC_RT_F64 = 3, FASTC_RT_I64 = 4, FASTC_RT_I32 = 5, FASTC_RT_S8 = 6, FASTC_RT_U8 = 7, FASTC_RT_BOOL = 8, FASTC_RT_S16 = 9 } fastc_rt_dtype;

typedef struct fastc_rt_model fastc_rt_model;
typedef struct fastc_rt_session fastc_rt_session;

/* A dense, row-major tensor in the logical (PyTorch) axis order. The runtime never owns `data`. */
typedef struct {
  void* data;
  int64_t shape[8];
  int32_t rank;
  int32_t dtype; /* fastc_rt_dtype */
} fastc_rt_tensor;

/* shape[i] is -1 where the size is symbolic; min/max then bound it. */
typedef struct {
  const char* name;
  int32_t dtype, rank;
  int64_t shape[8], min[8], max[8];
} fastc_rt_value_info;

FASTC_RT_API const char* fastc_rt_message(fastc_rt_status status);
FASTC_RT_API const char* fastc_rt_version(void);
FASTC_RT_API const char* fastc_rt_isa(void); /* the instruction set in force: FASTC_CPU_ISA, else the best this CPU has */

FASTC_RT_API fastc_rt_status fastc_rt_open(const char* path, fastc_rt_model** model, char* error, size_t error_bytes);
/* `data` must stay as it is until the model is closed: weights are read in place (64-byte aligned memory is not copied). */
FASTC_RT_API fastc_rt_status fastc_rt_open_memory(const void* data, size_t bytes, fastc_rt_model** model, char* error, size_t error_bytes);
FASTC_RT_API void fastc_rt_close(fastc_rt_model* model);
FASTC_RT_API int32_t fastc_rt_input_count(const fastc_rt_model* model);
FASTC_RT_API int32_t fastc_rt_output_count(const fastc_rt_model* model);
FASTC_RT_API fastc_rt_status fastc_rt_input(const fastc_rt_model* model, int32_t index, fastc_rt_value_info* info);
FASTC_RT_API fastc_rt_status fastc_rt_output(const fastc_rt_model* model, int32_t index, fastc_rt_value_info* info);
/* The name of the symbol that axis `axis` of input `input` binds ("N"), or NULL when its size is fixed. */
FASTC_RT_API const char* fastc_rt_symbol_name(const fastc_rt_model* model, int32_t input, int32_t axis);
FASTC_RT_API const char* fastc_rt_source_hash(void); /* SHA-256 over the sources this runtime was built from */
FASTC_RT_API const char* fastc_rt_metadata(const fastc_rt_model* model, const char* key); /* NULL when absent */

/* A weight or another constant as the file holds it: its logical shape, the type of the stored numbers, and their bytes, padding included.
 * A weight that is used in two layouts is told twice. */
typedef struct {
  const char* name;
  const char* packing; /* "plain", "panel16", "panel16x4", "depthwise16"; int4: "nibbles16", "nibbles"; zeros left out: "2:4", "bitmap"; in few bits: "ternary", "2-bit" … "7-bit", "groups" */
  int32_t dtype, rank;
  int64_t shape[8];
  uint64_t bytes;
} fastc_rt_constant_info;
FASTC_RT_API int32_t fastc_rt_constant_count(const fastc_rt_model* model);
FASTC_RT_API fastc_rt_status fastc_rt_constant(const fastc_rt_model* model, int32_t index, fastc_rt_constant_info* info);

/* max_inputs: one tensor a input whose shape is the largest this session will see (data is not read). threads >= 1. */
FASTC_RT_API fastc_rt_status fastc_rt_session_open(const fastc_rt_model* model, const fastc_rt_tensor* max_inputs, int32_t input_count, int32_t threads, fastc_rt_session** session, char* error, size_t error_bytes);
FASTC_RT_API void fastc_rt_session_close(fastc_rt_session* session);
/* The outputs' shape for these inputs; then run writes into outputs[i].data, which the caller sized. */
FASTC_RT_API fastc_rt_status fastc_rt_output_shape(fastc_rt_session* session, const fastc_rt_tensor* inputs, int32_t input_count, int32_t index, fastc_rt_tensor* output);
FASTC_RT_API fastc_rt_status fastc_rt_run(fastc_rt_session* session, const fastc_rt_tensor* inputs, int32_t input_count, fastc_rt_tensor* outputs, int32_t output_count, char* error, size_t error_bytes);
FASTC_RT_API size_t fastc_rt_session_bytes(const fastc_rt_session* session); /* activation and scratch memory */

/* Introspection, for the compiler's node-by-node comparison and for profiles. Ops are in execution order. */
typedef struct {
  const char* name;   /* IR node */
  const char* kernel; /* "conv_s8", … */
  const char* isa;    /* instruction set of the code that runs it here: "generic" when no fast kernel took it */
  int32_t input_count, output_count;
  double seconds;     /* of the last run, when profiling is on */
} fastc_rt_op_info;
FASTC_RT_API int32_t fastc_rt_op_count(const fastc_rt_model* model);
FASTC_RT_API fastc_rt_status fastc_rt_op(const fastc_rt_session* session, int32_t index, fastc_rt_op_info* info);
FASTC_RT_API void fastc_rt_profile(fastc_rt_session* session, int32_t on);
/* Runs one op alone on the caller's operands (logical order, dense; quantized values as their integers): operands are the
 * op's non-constant inputs, in order; output receives its first output. Their shapes are those of the inputs that
 * fastc_rt_session_open, _output_shape or _run saw last. */
FASTC_RT_API fastc_rt_status fastc_rt_run_op(fastc_rt_session* session, int32_t index, const fastc_rt_tensor* operands, int32_t operand_count, fastc_rt_tensor* output, char* error, size_t error_bytes);
/* Names of the op's non-constant operand values and of its outputs (as in the IR), to find them in a reference run. */
FASTC_RT_API const char* fastc_rt_op_operand(const fastc_rt_model* model, int32_t op, int32_t operand);
FASTC_RT_API const char* fastc_rt_op_output(const fastc_rt_model* model, int32_t op, int32_t output);

#ifdef __cplusplus
}
#endif
#endif /* FASTC_RT_H */
