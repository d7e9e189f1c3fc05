#include "base/random.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "base/sha256.h"

// A fused multiply-add rounds once where the source rounds twice: the numbers below would then depend on the compiler.
#if defined(__clang__)
#pragma clang fp contract(off)
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

namespace fastc {
namespace {

uint64_t splitmix64(uint64_t& state) {
  uint64_t z = (state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// ln(x) for x in (0, 1], by +, -, *, / alone: libm's log differs in the last bit from one library to the next.
// x = m·2^e with m in [√½, √2); ln m = 2·artanh(s), s = (m-1)/(m+1), |s| < 0.172, so 11 terms reach 1e-17.
double portable_log(double x) {
  int exponent = 0;
  double m = std::frexp(x, &exponent);  // exact
  if (m < 0.70710678118654752) {
    m *= 2;
    --exponent;
  }
  const double s = (m - 1) / (m + 1);
  const double s2 = s * s;
  double sum = 0;
  for (int k = 21; k >= 1; k -= 2) sum = sum * s2 + 1.0 / k;
  return 2 * s * sum + exponent * 0.69314718055994531;
}

uint64_t first_bytes(const Sha256& hash) {
  const auto digest = hash.digest();
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value |= uint64_t{digest[i]} << (8 * i);
  return value;
}

}  // namespace

uint64_t seed_for(uint64_t seed, std::string_view stage) {
  std::array<std::byte, 8> bytes;
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<std::byte>(seed >> (8 * i));  // the same on big-endian machines
  Sha256 hash;
  hash.update(bytes);
  hash.update({reinterpret_cast<const std::byte*>(stage.data()), stage.size()});
  return first_bytes(hash);
}

uint64_t seed_for(uint64_t seed, uint64_t index) {
  // Two rounds of splitmix64: called once a sample, where SHA-256 would be seen in the profile.
  uint64_t state = seed;
  state = splitmix64(state) ^ index;
  return splitmix64(state);
}

Random::Random(uint64_t seed) {
  for (auto& word : state_) word = splitmix64(seed);
}

uint64_t Random::bits() {
  const uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
  const uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

double Random::uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }

double Random::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  for (;;) {
    const double x = 2 * uniform() - 1;
    const double y = 2 * uniform() - 1;
    const double r = x * x + y * y;
    if (r >= 1 || r == 0) continue;
    const double factor = std::sqrt(-2 * portable_log(r) / r);
    spare_ = y * factor;
    has_spare_ = true;
    return x * factor;
  }
}

uint64_t Random::below(uint64_t n) {
  // Lemire, "Fast random integer generation in an interval", 2019: the high word of bits·n, redrawn where it would be biased.
  __extension__ using Wide = unsigned __int128;
  Wide product = Wide{bits()} * n;
  if (static_cast<uint64_t>(product) < n) {
    const uint64_t threshold = -n % n;
    while (static_cast<uint64_t>(product) < threshold) product = Wide{bits()} * n;
  }
  return static_cast<uint64_t>(product >> 64);
}

}  // namespace fastc
