// Modules as text, for people, for pass tests, for dumps and diffs. What print() writes, parse() reads back to the same module.
//
//   module resnet20 (%x : f32[N,3,32,32]) -> (%linear) symbols N in [1, 4096] {
//     @conv1.weight : f32[16,3,3,3] = random(7)
//     %conv1 : f32[N,16,32,32] = conv(%x, @conv1.weight) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1]}
//     %q : u8[N,16,32,32] q(0.0235, 128) = quantize(%conv1)
//     @w : s8[2,2] int8(axis 0, scales [0.5, 0.25]) = [[1, 2], [3, -4]]
//     @mean : f32[2] buffer = zeros                 // not trainable
//     …
//   }
//
// Lines may come in any order as far as values are defined before their use (weights anywhere). Attributes equal to their
// default are not printed. `_` stands for an absent operand. A result's type may be left out when parsing; what cannot be
// inferred are quantization parameters: `%q : q(0.0235, 128) = quantize(%x)`. Names with other characters than letters,
// digits and . _ $ # / are quoted: %"a b". `//` starts a comment.
//
// Tensors of up to 64 elements are literals (shortest text that reads back exactly); larger ones are `sha256:…` of their
// dense little-endian bytes, with the bytes in a sidecar NAME.weights. By hand also: zeros, ones, full(0.5), random(seed)
// (uniform: floats in [-1, 1), s8 in [-127, 127], u8 in [0, 255], other integers in [0, 9]).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/api.h"
#include "base/result.h"
#include "ir/module.h"

namespace fastc {

struct PrintOptions {
  bool types = true;             // of results that can be inferred
  bool hashes = true;            // false: `sha256:…` is not computed and the text cannot be read back
  int64_t literal_elements = 64;
};
FASTC_API std::string print(const Module& module, const PrintOptions& options = {});

// The same text for two imports of one network, say from .pt and .pt2: names and weights in order of use, symbols called
// s0, s1 … in order of appearance, their ranges and the module's name left out. Not meant to be read back.
FASTC_API std::string canonical_text(const Module& module);

// Errors are kInput and say line:column, what was expected and what was found. `sidecar`: where `sha256:…` tensors are, if there are any.
FASTC_API Result<Module> parse(std::string_view text, const std::filesystem::path& sidecar = {});

// PATH and, when there are tensors too large for literals, PATH with its extension replaced by .weights. Each is written atomically.
FASTC_API Status write_module(const Module& module, const std::filesystem::path& path);
FASTC_API Result<Module> read_module(const std::filesystem::path& path);

}  // namespace fastc
