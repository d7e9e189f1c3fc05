// The .fastc artifact: one little-endian file that the runtime maps into memory and reads in place.
//
// This header is the whole format, and the only thing the runtime shares with the compiler. backends/artifact writes it,
// backends/runtime/reader.cc reads it and trusts nothing. Plain structs, no pointers: offsets are from the file's start,
// indices are into the section named in the comment, kNone means "absent".
//
//   FileHeader | SectionEntry[section_count] | sections, each 64-byte aligned
//
// Versions: a reader accepts any file of its own major version whose minor version is not newer, and every older major
// version it lists in kReadableMajors; it refuses newer ones by naming both.
//
// Activations. Every value has a layout. kPlain is row-major in the logical order. kChannelsLast moves axis 1 to the end
// (N,C,H,W → N,H,W,C; N,C,L → N,L,C; N,C,T,H,W → N,T,H,W,C) and is what convolution, pooling and their elementwise neighbours compute in. Always dense.
// Weights of conv and linear are stored once, in panels of 16 output channels, K = (kh, kw, input channel of the group):
//   f32   [ceil(O/16)][K][16]                      (O padded with zeros)
//   s8    [ceil(O/16)][ceil(K/4)][16][4]           (O and K padded with zeros; VNNI and an AMX B tile both read this)
//   depthwise (groups > 1 and groups == input channels == outputs): f32/s8 [kh*kw][ceil(C/16)*16]
//   grouped: the panels of group 0, then of group 1, … (each group's O/groups padded to 16 on its own)
//   over three axes: as FrameJoin says: [O, kt·C/g, kh, kw] or [O, C/g, kh·kt, kw] in place of [O, C/g, kh, kw]
// Under activations of 16 bits: s8 or s16 [O][K], row-major.
// Weights kept in fewer bits under float activations (kLinearStored, kConvStored) are real = scale · q, or a half float. Their K counts (input
// channel of the group, [kt,] kh, kw), as the network's file does, so that the inputs which share a scale lie together:
//   s8, f16, bf16 in kPanel16   [ceil(O/16)][K][16]
//   int4 in kNibbles16          [ceil(O/16)][ceil(K/2)][16] bytes: the low nibble is input 2i, the high one 2i + 1, each q + 8 (a missing input is 8)
//   scales                      f32 [panels of all groups][ceil(K/group)][16]; group = K where a channel has one scale
// Weights whose zeros come in blocks (kLinearSparse, kConvSparse) keep the blocks of 16 output channels by one input that are not zero, panel after panel,
// inputs rising: f32 [blocks][16], i32 [blocks] the input of each, i32 [ceil(O/16) + 1] where each panel's blocks begin.
// Weights may lie in the file as a shorter code (Coding), without zeros that come in a pattern or in as few bits as their integers need; the reader decodes them,
// once a model, into the packing that kernels read:
//   kTwoFour   at most two of each four inputs of a channel are not zero, under kPanel16 and kPanel16x4 with K % 4 == 0. R = 16 · panels of all groups
//              rows, channels in the panels' order: the kept numbers [R][K/2], inputs rising, then u32 [R][ceil(K/32)], eight fours a word: bits 4i and
//              4i + 1 say which input of four i the first kept number belongs to, bits 4i + 2 and 4i + 3 the second, which comes later. These are the operand A and
//              the metadata of mma.sp for f16, bf16 and s8 (PTX ISA, "Sparse matrix storage": four bits a four, two rising indices; 0000, 0101, 1010 and
//              1111 are invalid), a row of A after the other, as a kernel for CUDA's sparse tensor cores loads them. f32 there is tf32, one of two inputs: it would be rounded to 16 bits first.
//   kBitmap    any zeros: u32 [ceil(elements/32)], a bit an element of the packing from the lowest on, 1 where it is kept, then the kept elements
//   kFewBits   s8 of few levels, element after element of the packing, its padding as well. levels = 2^b, b from 2 to 7: b bits each in two's complement, from the lowest
//              bit of each byte on, [ceil(elements·b/8)] bytes, what is left of the last one 0. levels = 3: −1, 0 and 1, five a byte: Σ (q_i + 1)·3^i ≤ 242,
//              [ceil(elements/5)] bytes, missing digits 0.
//   kGroups    s8 that are an integer times a code of few levels, one integer for each `group` inputs of a channel, under kPanel16x4, kPanel16 and kPlain: GroupsHeader; then
//              the multipliers, from 1 to most_multiplier(), unsigned in multiplier_bits each, row after row, groups rising; then the codes as in kFewBits, row after row. R rows as
//              in kTwoFour (kPlain: as many as there are) of ceil(inputs/group) multipliers and `inputs` codes, counted as the network's file does, (input channel
//              of the group, kernel position): input j of the code is input j % positions · (inputs/positions) + ⌊j/positions⌋ of the packing. A last group may be shorter.
// A table of kEmbeddingStored has rows as the network has them: s8 [V][D], or kNibbles [V][ceil(D/2)]; its scales are f32 [V][ceil(D/group)].
#pragma once

#include <cstdint>

namespace fastc::rt {

inline constexpr char kMagic[8] = {'F', 'A', 'S', 'T', 'C', 'A', 'R', 'T'};
inline constexpr uint16_t kFormatMajor = 1;
inline constexpr uint16_t kFormatMinor = 2;  // 1: ConstantRecord::coding; 2: DepthAttrs, kArgsort, kFewBits, kGroups
inline constexpr uint32_t kNone = 0xffffffffu;
inline constexpr uint64_t kAlignment = 64;
inline constexpr uint32_t kMaxRank = 8;

enum class DType : uint8_t { kF32 = 0, kF16 = 1, kBF16 = 2, kF64 = 3, kI64 = 4, kI32 = 5, kS8 = 6, kU8 = 7, kBool = 8, kS16 = 9 };
enum class Layout : uint8_t { kPlain = 0, kChannelsLast = 1 };

enum class SectionKind : uint32_t {
  kStrings = 1,    // bytes; a string is a u32 offset to a NUL-terminated name in here
  kSymbols = 2,    // SymbolRecord[]
  kDimCode = 3,    // DimToken[]
  kDims = 4,       // DimRecord[]: one per axis of a value
  kValues = 5,     // ValueRecord[]
  kConstants = 6,  // ConstantRecord[]
  kOps = 7,        // OpRecord[], in execution order
  kOperands = 8,   // u32[]: value indices (kNone for an absent optional operand)
  kAttributes = 9, // bytes: the attribute struct of each op, 8-byte aligned
  kInputs = 10,    // u32[]: value indices, in forward()'s order
  kOutputs = 11,   // u32[]
  kMetadata = 12,  // MetadataRecord[]: provenance, task, model name. No time, path, host name or latency.
  kData = 13,      // tensor bytes, each 64-byte aligned
};

struct FileHeader {
  char magic[8];
  uint16_t major, minor;
  uint32_t section_count;
  uint64_t file_bytes;
  uint8_t sha256[32];  // of every byte after this header
  uint8_t reserved[8];
};
static_assert(sizeof(FileHeader) == 64);

struct SectionEntry {
  uint32_t kind;          // SectionKind
  uint32_t record_bytes;  // size of one record; 1 for byte sections
  uint64_t offset, bytes;
};
static_assert(sizeof(SectionEntry) == 24);

// A symbolic size, bound at run time from one axis of one input.
struct SymbolRecord {
  uint32_t name;
  uint32_t input, axis;  // bound from dimension `axis` (logical order) of the input-th input
  uint32_t reserved;
  int64_t min, max;      // inclusive; a shape outside is refused
};

// A dimension is an integer, or postfix code over symbols: normalized polynomial with floor division.
enum class DimOp : uint32_t { kConst = 0, kSymbol = 1, kAdd = 2, kMul = 3, kFloorDiv = 4 };
struct DimToken {
  uint32_t op;
  uint32_t reserved;
  int64_t value;  // the integer, or the symbol's index
};
struct DimRecord {
  int64_t value;               // the integer, when code_count == 0
  uint32_t code_first, code_count;
};

struct ValueRecord {
  uint32_t name;
  uint8_t dtype, layout, rank, reserved0;
  uint32_t first_dim;   // rank DimRecords, in logical order whatever the layout
  float scale;          // quantized values: real = scale * (q - zero_point); else 0
  int32_t zero_point;
  uint32_t constant;    // index of its ConstantRecord, or kNone
  uint32_t buffer;      // activations: values with one buffer number never live at the same time; constants: kNone
  uint32_t reserved1;
};
static_assert(sizeof(ValueRecord) == 32);

enum class Packing : uint8_t { kPlain = 0, kPanel16 = 1, kPanel16x4 = 2, kDepthwise16 = 3, kNibbles16 = 4, kNibbles = 5 };
inline constexpr uint8_t kLastPacking = static_cast<uint8_t>(Packing::kNibbles);
enum class Coding : uint8_t { kNone = 0, kTwoFour = 1, kBitmap = 2, kFewBits = 3, kGroups = 4 };
inline constexpr uint8_t kLastCoding = static_cast<uint8_t>(Coding::kGroups);
struct ConstantRecord {
  uint64_t offset, bytes;  // in the file
  uint8_t packing, coding;
  uint8_t element_bytes;  // under a coding: 1, 2 or 4; kFewBits, kGroups: 1
  uint8_t levels;         // kFewBits, kGroups: how many different codes there are: 3, or a power of two from 4 to 128
  uint32_t count;         // kTwoFour: K; the others: elements
};
static_assert(sizeof(ConstantRecord) == 24);

struct GroupsHeader { uint32_t inputs, positions, group, multiplier_bits; };  // K; kh·kw; inputs that share a multiplier; from 1 to 7
static_assert(sizeof(GroupsHeader) == 16);

// So that a multiplier times any code is a byte.
inline constexpr unsigned most_multiplier(unsigned levels) { return levels == 3 ? 127 : 256 / levels; }

// Where input k of a channel, counted through the panels of all groups, lies in kPanel16 (quad 1) and kPanel16x4 (quad 4) with `inputs` of them.
inline uint64_t panel_element(uint64_t channel, uint64_t k, uint64_t inputs, uint64_t quad) {
  return channel / 16 * 16 * inputs + (k / quad * 16 + channel % 16) * quad + k % quad;
}

struct OpRecord {
  uint32_t kernel;  // Kernel
  uint32_t name;    // the IR node's name (of the last node where several were fused)
  uint32_t first_operand, input_count, output_count;  // inputs, then outputs, in kOperands
  uint32_t attribute_offset, attribute_bytes;
  uint32_t reserved;
};

struct MetadataRecord { uint32_t key, value; };

enum class Activation : uint32_t {
  kIdentity = 0, kRelu = 1, kClip = 2, kSigmoid = 3, kTanh = 4, kGelu = 5, kGeluTanh = 6, kSilu = 7, kHardSwish = 8,
  kHardSigmoid = 9, kExp = 10, kLog = 11, kSqrt = 12, kRsqrt = 13, kNeg = 14, kAbs = 15, kErf = 16, kSin = 17, kCos = 18,
  kReciprocal = 19, kNot = 20, kFloor = 21, kLeakyRelu = 22, kElu = 23, kSoftplus = 24,
};
enum class Binary : uint32_t {
  kAdd = 0, kSub = 1, kMul = 2, kDiv = 3, kPow = 4, kMin = 5, kMax = 6,
  kEq = 7, kNe = 8, kLt = 9, kLe = 10, kGt = 11, kGe = 12, kAnd = 13, kOr = 14,
};
enum class Reduce : uint32_t { kSum = 0, kMean = 1, kMax = 2, kMin = 3 };

// Kernels and their operands. "?" marks an optional operand. Integer kernels follow the contract: activations u8 with
// zero point, weights s8 with a scale per output channel, acc:int32 = Σ(qx−zx)·qw + bias; y = clamp(zy + rne(float(acc)·m)). Activations of
// 16 bits are s16 in ±32767 with zero point 0, and the same formulas hold with acc:int64 and weights that are s8 or s16.
enum class Kernel : uint32_t {
  kConvF32 = 1,     // x, w, bias?, residual? → y           ConvAttrs; all 4-D channels-last (3-D: H = 1; 5-D: and DepthAttrs)
  kConvS8 = 2,      // x:u8, w:s8, bias:i32, m:f32[O], residual:u8? → y:u8 (or f32: y = float(acc)·m)   ConvAttrs
  kLinearF32 = 3,   // x[…,K], w, bias?, residual? → y[…,O]  LinearAttrs
  kLinearS8 = 4,    // as kConvS8                            LinearAttrs
  kLinearDynamic = 5,  // x:f32, w:s8, scale:f32[O], Σw:i32[O], bias:f32? → y:f32. Row-wise (or whole-tensor) u8 range at run time. DynamicAttrs
  kConvDynamic = 6,    // the same for convolution           ConvAttrs
  kConvTransposeF32 = 7,  // x, w (plain [Ci][Co/g][kh][kw]), bias? → y   ConvAttrs (output_pad used)
  kMatmulF32 = 8,   // a[…,M,K], b[…,K,N] (broadcast batch) → y   MatmulAttrs
  kBatchNorm = 9,   // x, scale[C], shift[C] → y  (already folded to y = x·scale + shift)   UnaryAttrs (activation after it)
  kLayerNorm = 10,  // x, weight?, bias? → y      NormAttrs
  kRmsNorm = 11,    // x, weight? → y             NormAttrs
  kEmbedding = 12,  // table[V,D], indices → y[…,D]          no attributes
  kAttention = 13,  // q,k,v [B,H,L,D], mask? → y            AttentionAttrs
  kLstm = 14,       // x, then per layer·direction: w_ih, w_hh and, with has_bias, b_ih, b_hh; h0?, c0? last → y, hn?, cn?   RecurrentAttrs
  kMaxPool = 15,    // x → y (f32, u8 or s16)   PoolAttrs, channels-last (5-D: and DepthAttrs)
  kAvgPool = 16,    // x → y; u8 and s16: y = clamp(zy + rne(float(Σ(qx−zx))·(sx/(sy·count))))   PoolAttrs
  kAdaptiveAvgPool = 17,  // x → y, same integer formula     PoolAttrs.kernel holds the output size
  kReduce = 18,     // x → y   ReduceAttrs; u8 and s16: max, min, and a mean of the same formula as average pooling
  kUnary = 19,      // x → y   UnaryAttrs; u8 and s16: relu and clip
  kBinary = 20,     // a, b → y   BinaryAttrs, numpy broadcasting
  kAddS8 = 21,      // a:u8, b:u8 → y:u8 = clamp(zy + rne(float(qa−za)·(sa/sy) + float(qb−zb)·(sb/sy)))   ClampAttrs
  kConcat = 22,     // x… → y   AxisAttrs; u8 and s16 inputs whose parameters differ: y = clamp(zy + rne(float(q−z)·(s/sy)))
  kTranspose = 23,  // x → y   PermuteAttrs (also carries layout changes: dims are of the stored arrays)
  kReshape = 24,    // x → y, both kPlain: a copy, or nothing when they share a buffer
  kSlice = 25,      // x → y   SliceAttrs
  kPad = 26,        // x → y   PadAttrs; u8 and s16 pad with value already quantized
  kExpand = 27,     // x → y   broadcasting, no attributes
  kGather = 28,     // x, indices → y  (torch.gather)   AxisAttrs
  kIndexSelect = 29,  // x, indices[…] → y (numpy take along axis)   AxisAttrs
  kWhere = 30,      // c, a, b → y
  kCast = 31,       // x → y
  kIota = 32,       // → y:i64 or f32, start + i·step along its only axis   IotaAttrs
  kSoftmax = 33,    // x → y   AxisAttrs (flags & 1: log)
  kQuantize = 34,   // x:f32 → y:u8 or s16 = clamp(zy + rne(x / s)), computed as x·float32(1/s); may change kPlain → kChannelsLast
  kDequantize = 35, // x:u8 or s16 → y:f32 = s·(q−z); may change the layout
  kCumsum = 36,     // x → y   AxisAttrs
  kResize = 37,     // x → y   ResizeAttrs, channels-last
  kGroupNorm = 38,  // x, weight[C]?, bias[C]? → y   GroupNormAttrs, kPlain
  kGru = 39,        // x, then per layer·direction: w_ih, w_hh and, with has_bias, b_ih, b_hh; h0? last → y, hn?   RecurrentAttrs
  kRnnTanh = 40,    // as kGru; h = tanh(…)   RecurrentAttrs
  kRnnRelu = 41,    // as kGru; h = relu(…)   RecurrentAttrs
  kArgsort = 42,    // x → y:i64, where the elements of the last axis stand in order; equals as they come, NaN the largest   AxisAttrs (flags & 1: descending)
  // Activations of 16 bits: numbers from 80 on.
  kConvS16 = 80,    // x:s16, w:s8 or s16, bias:i32, m:f32[O], residual:s16? → y:s16 (or f32: y = float(acc)·m)   ConvAttrs
  kLinearS16 = 81,  // as kConvS16                           LinearAttrs
  kAddS16 = 82,     // as kAddS8                             ClampAttrs
  // Weights in fewer bits than the f32 they are computed in: numbers from 64 on.
  kLinearStored = 64,     // x[…,K], w, scales?, bias?, residual? → y[…,O]   LinearStoredAttrs; scales under integers only
  kConvStored = 65,       // the same for convolution, channels-last, never depthwise   ConvStoredAttrs
  kEmbeddingStored = 66,  // table[V,D], scales, indices → y[…,D] = scale · q   StoredAttrs
  kLinearSparse = 67,     // x[…,K], blocks, inputs, starts, bias?, residual? → y[…,O]   LinearAttrs
  kConvSparse = 68,       // the same for a 1×1 convolution of stride 1, one group, no padding, channels-last   ConvAttrs
  // kLstm, kGru and the RNNs on the kernels of linear layers. x, then per layer·direction: w_ih, w_hh (kPanel16) and, with has_bias, b_ih, b_hh; states last
  kRecurrentF32 = 69,      // → y, hn?, cn?   RecurrentProductAttrs
  // The same with x and h quantized as in kLinearDynamic, row by row; each matrix is three operands: w:s8 (kPanel16x4), scale:f32[O], Σw:i32[O]
  kRecurrentDynamic = 70,  // → y, hn?, cn?   RecurrentProductAttrs
};

struct ConvAttrs {
  int32_t kernel[2], stride[2], pad_begin[2], pad_end[2], dilation[2], output_pad[2];
  int32_t groups;
  uint32_t activation;  // Activation: identity, relu, clip for integers; any for f32. After the residual is added.
  float lo, hi;         // clip's bounds; integer kernels: already quantized into qlo, qhi
  int32_t qlo, qhi;     // clamp of the u8 result (0, 255 when there is no activation)
  float residual_m;     // integer: y = clamp(zy + rne(float(acc)·m + float(qr−zr)·residual_m)); two multiplies, one add, no fma
  int32_t residual_zero_point;
};
struct LinearAttrs {
  uint32_t activation;
  float lo, hi;
  int32_t qlo, qhi;
  float residual_m;
  int32_t residual_zero_point;
};
// group: inputs of a channel that share a scale; 0: all of them (and no scales under half floats).
struct StoredAttrs { int32_t group, reserved; };
struct LinearStoredAttrs { LinearAttrs product; int32_t group; };
struct ConvStoredAttrs { ConvAttrs product; int32_t group; };
static_assert(sizeof(StoredAttrs) == 8 && sizeof(LinearStoredAttrs) == sizeof(LinearAttrs) + 4 && sizeof(ConvStoredAttrs) == sizeof(ConvAttrs) + 4);
struct DynamicAttrs { uint32_t activation; float lo, hi; uint32_t per_row; };  // per_row 0: one range for the whole tensor
struct MatmulAttrs { uint32_t transpose_a, transpose_b; };
struct NormAttrs { int32_t axes; float epsilon; };  // over the last `axes` axes
struct GroupNormAttrs { int32_t groups; float epsilon; };
struct AttentionAttrs { uint32_t causal; float scale; uint32_t kv_groups, reserved; };
struct RecurrentAttrs { int32_t hidden, layers, bidirectional, batch_first, has_bias; };
enum class RecurrentCell : uint32_t { kLstm = 0, kGru = 1, kRnnTanh = 2, kRnnRelu = 3 };
struct RecurrentProductAttrs { RecurrentAttrs layers; uint32_t cell; };
struct PoolAttrs { int32_t kernel[2], stride[2], pad_begin[2], pad_end[2], dilation[2]; uint32_t count_include_pad, ceil; };
// The axis T of a window over [N,C,T,H,W]: follows the other attributes of a convolution or pooling where the values have five axes.
//
// A convolution over T is one over images. Where the window sees one frame at a time they are the N·T frames; where it sees one pixel of each
// frame, the N images of T rows and H·W columns. Else the kt frames that a frame of the result sees are joined into one image:
//   kChannels   [N·OT, kt·C, H, W]: of each pixel the channels of all frames; frame after frame inside a group
//   kRows       [N·OT, C, H·kt, W]: of each row the rows of all frames, so that a depthwise window stays depthwise; needs dilation 1 over H
enum class FrameJoin : int32_t { kChannels = 0, kRows = 1 };
struct DepthAttrs { int32_t kernel, stride, pad_begin, pad_end, dilation, join; };
struct ReduceAttrs { uint32_t op, axes_mask, keep_dims, reserved; };  // bit i: axis i of the stored array
struct UnaryAttrs { uint32_t activation; float lo, hi; int32_t qlo, qhi; };  // relu and clip of u8 and s16 are clamps
struct BinaryAttrs { uint32_t op, activation; float lo, hi; };
struct ClampAttrs { int32_t qlo, qhi; };
struct AxisAttrs { int32_t axis; uint32_t flags; };  // of the stored array
struct PermuteAttrs { int32_t perm[kMaxRank]; };
struct SliceAttrs { int64_t start[kMaxRank], step[kMaxRank]; };  // of the stored array; the end follows from y's shape
struct PadAttrs { int32_t before[kMaxRank], after[kMaxRank]; float value; int32_t qvalue; };
struct IotaAttrs { double start, step; };
struct ResizeAttrs { uint32_t bilinear, align_corners; };

}  // namespace fastc::rt
