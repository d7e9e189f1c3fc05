// Which numbers of a weight may become zero together, and which of them do.
//
// A weight is a matrix of output channels (axis 0) by inputs (the other axes, row-major). A unit is what goes or stays as one:
//   unstructured   one number
//   n:m            one of the m − n smallest numbers of each m consecutive input channels (axis 1, at one tap of the kernel): n stay.
//                  That is the order in which a matrix product over (kh, kw, input channel) meets them, as sparse tensor cores want it.
//   r x c          a block of r output channels by c inputs; blocks at the edge are smaller
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ir/type.h"

namespace fastc::prune {

struct Pattern {
  Encoding::Sparsity kind = Encoding::Sparsity::kUnstructured;
  int n = 0, m = 0;  // kNofM: n of m stay; kBlock: n output channels by m inputs
};
Result<Pattern> parse_pattern(std::string_view text);  // "unstructured", "2:4", "16x1"
// Why a weight of this shape cannot be pruned in the pattern ("" when it can): n:m wants whole groups of input channels.
std::string misfit(const Pattern& pattern, std::span<const int64_t> shape);

// The units of one weight, with the mean score of the numbers in each.
struct Units {
  std::vector<int32_t> of;     // by element: its unit, or −1 where it stays in any case
  std::vector<float> scores;   // by unit
};
Units units_of(const Pattern& pattern, std::span<const int64_t> shape, std::span<const float> scores);

// Masks (1 stays, 0 goes), one a weight, of the floor(share · units) units of least score: one share for all weights together, or one
// for each. Among equals the first go, so nothing depends on a sort's whim.
std::vector<std::vector<uint8_t>> masks_of(std::span<const Units> weights, std::span<const double> shares);

}  // namespace fastc::prune
