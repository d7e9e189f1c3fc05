#include "passes/prune/pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

namespace fastc::prune {
namespace {

using Sparsity = Encoding::Sparsity;

int64_t inputs_of(std::span<const int64_t> shape) {
  return std::accumulate(shape.begin() + 1, shape.end(), int64_t{1}, std::multiplies<>());
}

Units numbers(std::span<const float> scores) {
  Units units{std::vector<int32_t>(scores.size()), {scores.begin(), scores.end()}};
  std::iota(units.of.begin(), units.of.end(), 0);
  return units;
}

Units groups(const Pattern& p, std::span<const int64_t> shape, std::span<const float> scores) {
  Units units{std::vector<int32_t>(scores.size(), -1), {}};
  const int64_t channels = shape[1], taps = inputs_of(shape) / channels;
  std::vector<int64_t> group(static_cast<size_t>(p.m));
  for (int64_t o = 0; o < shape[0]; ++o) {
    for (int64_t first = 0; first < channels; first += p.m) {
      for (int64_t tap = 0; tap < taps; ++tap) {
        for (int64_t i = 0; i < p.m; ++i) group[i] = (o * channels + first + i) * taps + tap;
        std::stable_sort(group.begin(), group.end(), [&](int64_t a, int64_t b) { return scores[a] < scores[b] || (scores[a] == scores[b] && a < b); });
        for (int64_t i = 0; i < p.m - p.n; ++i) {
          units.of[group[i]] = static_cast<int32_t>(units.scores.size());
          units.scores.push_back(scores[group[i]]);
        }
      }
    }
  }
  return units;
}

Units blocks(const Pattern& p, std::span<const int64_t> shape, std::span<const float> scores) {
  const int64_t inputs = inputs_of(shape), across = (inputs + p.m - 1) / p.m, down = (shape[0] + p.n - 1) / p.n;
  Units units{std::vector<int32_t>(scores.size()), std::vector<float>(static_cast<size_t>(across * down))};
  std::vector<int32_t> sizes(units.scores.size());
  for (int64_t e = 0; e < static_cast<int64_t>(scores.size()); ++e) {
    const auto unit = static_cast<int32_t>(e / inputs / p.n * across + e % inputs / p.m);
    units.of[e] = unit;
    units.scores[unit] += scores[e];
    ++sizes[unit];
  }
  for (size_t u = 0; u < sizes.size(); ++u) units.scores[u] /= static_cast<float>(sizes[u]);
  return units;
}

// Which of these units go; `weights` share one threshold.
void mark(std::span<const Units> weights, double share, std::span<std::vector<uint8_t>> gone) {
  std::vector<float> all;
  for (const Units& w : weights) all.insert(all.end(), w.scores.begin(), w.scores.end());
  const auto count = static_cast<size_t>(std::floor(share * static_cast<double>(all.size())));
  float limit = -1;
  size_t equal = 0;  // how many units of exactly this score go
  if (count > 0) {
    std::nth_element(all.begin(), all.begin() + static_cast<int64_t>(count - 1), all.end());
    limit = all[count - 1];
    equal = count;
    for (const float score : all) equal -= score < limit ? 1 : 0;
  }
  for (size_t i = 0; i < weights.size(); ++i) {
    gone[i].assign(weights[i].scores.size(), 0);
    if (count == 0) continue;
    for (size_t u = 0; u < gone[i].size(); ++u) {
      const float score = weights[i].scores[u];
      const bool tie = score == limit && equal > 0;
      equal -= tie ? 1 : 0;
      gone[i][u] = score < limit || tie;
    }
  }
}

}  // namespace

Result<Pattern> parse_pattern(std::string_view text) {
  if (text == "unstructured") return Pattern{};
  Pattern p;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, p.n);
  const bool separated = first.ec == std::errc() && first.ptr != end && (*first.ptr == ':' || *first.ptr == 'x');
  const auto second = separated ? std::from_chars(first.ptr + 1, end, p.m) : first;
  p.kind = separated && *first.ptr == ':' ? Sparsity::kNofM : Sparsity::kBlock;
  const bool fits = p.kind == Sparsity::kNofM ? p.n > 0 && p.n < p.m && p.m <= 64 : p.n > 0 && p.m > 0 && p.n <= 4096 && p.m <= 4096;
  if (!separated || second.ec != std::errc() || second.ptr != end || !fits)
    return usage_error("pattern: expected \"unstructured\", \"N:M\" such as \"2:4\" (N of M inputs stay) or \"RxC\" such as \"16x1\" (output channels by inputs), found \"{}\"", text);
  return p;
}

std::string misfit(const Pattern& p, std::span<const int64_t> shape) {
  if (p.kind != Sparsity::kNofM || shape[1] % p.m == 0) return "";
  return fmt::format("its {} input channels are no whole number of groups of {}", shape[1], p.m);
}

Units units_of(const Pattern& pattern, std::span<const int64_t> shape, std::span<const float> scores) {
  if (pattern.kind == Sparsity::kNofM) return groups(pattern, shape, scores);
  return pattern.kind == Sparsity::kBlock ? blocks(pattern, shape, scores) : numbers(scores);
}

std::vector<std::vector<uint8_t>> masks_of(std::span<const Units> weights, std::span<const double> shares) {
  std::vector<std::vector<uint8_t>> gone(weights.size()), masks(weights.size());
  if (shares.size() == 1) {
    mark(weights, shares[0], gone);
  } else {
    for (size_t i = 0; i < weights.size(); ++i) mark(weights.subspan(i, 1), shares[i], std::span(gone).subspan(i, 1));
  }
  for (size_t i = 0; i < weights.size(); ++i) {
    masks[i].resize(weights[i].of.size());
    for (size_t e = 0; e < masks[i].size(); ++e) masks[i][e] = weights[i].of[e] < 0 || gone[i][weights[i].of[e]] == 0;
  }
  return masks;
}

}  // namespace fastc::prune
