// Groups of inputs under integer arithmetic (Dai et al. 2021, "VS-Quant", arXiv 2102.04503, eq. 7: two levels of scales).
//
// A weight with a scale for each group of inputs, w = s[o,g]·q, is an int8 weight with a scale for each channel where the groups' scales are small integer
// multiples of one: s[o,g] = s[o]·m[o,g] and |m·q| ≤ 127. Then Σ s[o,g]·q·x = s[o]·Σ (m·q)·x, and every integer kernel computes it exactly as it is.
#pragma once

#include "base/api.h"
#include "ir/type.h"

namespace fastc {

struct Multiples {
  Tensor scales;     // f32 [channels]
  Tensor multiples;  // u8 [channels, groups]: at least 1, at most ⌊127/Q⌋, Q the largest integer of the encoding's bits
};

// Of an encoding in groups. For each channel the coarsest scale that will do; an error where there is none.
FASTC_API Result<Multiples> find_multiples(const Encoding& encoding);

// f32 [channels]: the encoding's own scales, or those of find_multiples().
FASTC_API Result<Tensor> channel_scales(const Encoding& encoding);

// What integer kernels read: the weight itself, or m·q with a scale for each channel in place of groups.
FASTC_API Result<Weight> by_channel(const Weight& weight);

}  // namespace fastc
