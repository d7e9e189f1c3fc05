// Weights without their zeros: the code by hand, its meaning for a sparse tensor core, and back through the runtime's decoder.
#include "backends/artifact/coding.h"

#include <cstring>

#include "backends/cpu/lower.h"
#include "backends/cpu/pack.h"
#include "backends/runtime/coding.h"
#include "ir/text.h"
#include "tests/catch.h"

using namespace fastc;

namespace {

Encoding pattern(Encoding::Sparsity kind, int n = 0, int m = 0) {
  Encoding e;
  e.sparsity = kind, e.n = n, e.m = m;
  return e;
}
const Encoding kTwoFour = pattern(Encoding::Sparsity::kNofM, 2, 4), kAny = pattern(Encoding::Sparsity::kUnstructured);

template <typename T>
T number(const Code& code, size_t byte) {
  T out;
  std::memcpy(&out, code.bytes.data() + byte, sizeof out);
  return out;
}

template <typename T>
Code coded(const Encoding& e, rt::Packing packing, int64_t inputs, const std::vector<T>& packed) {
  return without_zeros(e, packing, static_cast<rt::DType>(dtype_of<T>()), inputs, std::as_bytes(std::span(packed)));
}

// What the runtime makes of it, as the type that was packed; empty when it refuses it.
template <typename T>
std::vector<T> decoded(const Code& code, rt::Packing packing) {
  const rt::ConstantRecord record{0, code.bytes.size(), static_cast<uint8_t>(packing), static_cast<uint8_t>(code.coding), code.element_bytes, 0, code.count};
  const auto* bytes = reinterpret_cast<const uint8_t*>(code.bytes.data());
  if (!rt::check_code(record, bytes)) return {};
  std::vector<T> out(rt::decoded_bytes(record) / sizeof(T), T(99));
  rt::decode(record, bytes, reinterpret_cast<uint8_t*>(out.data()));
  return out;
}

// [O, K] with at most two numbers in every four.
Tensor two_of_four(int64_t rows, int64_t k) {
  Tensor w = Tensor::zeros(DType::kF32, {rows, k, 1, 1});
  const auto values = w.mutable_values<float>();
  uint32_t random = 7;
  for (size_t four = 0; four < values.size() / 4; ++four)
    for (int i = 0; i < 2; ++i) {
      random = random * 1664525 + 1013904223;
      values[4 * four + random / (1u << 30)] = static_cast<float>(random % 1000) - 500;
    }
  return w;
}

}  // namespace

TEST_CASE("2:4 keeps two numbers of four and two places of two bits") {
  // Three fours of one channel: inputs 1 and 3; input 2 alone; none. −0 is a zero.
  const Tensor w = Tensor::of<float>({1, 12, 1, 1}, {0, 5, -0.0F, 6, 0, 0, 7, 0, 0, 0, 0, 0});
  const auto packed = lowering::pack_panels(w, 1);
  const Code code = coded(kTwoFour, rt::Packing::kPanel16, 12, packed);
  CHECK(code.coding == rt::Coding::kTwoFour);
  CHECK(code.count == 12);
  REQUIRE(code.bytes.size() == 16 * 6 * 4 + 16 * 4);  // sixteen rows, fifteen of them padding
  const std::vector<float> first{5, 6, 0, 7, 0, 0};
  for (size_t i = 0; i < first.size(); ++i) CHECK(number<float>(code, 4 * i) == first[i]);
  CHECK(number<uint32_t>(code, 16 * 6 * 4) == 0x4444448du);  // 1101: 1 and 3; 1000: 0 and 2; 0100: 0 and 1, also where there is nothing
  CHECK(number<uint32_t>(code, 16 * 6 * 4 + 4) == 0x44444444u);
  CHECK(decoded<float>(code, rt::Packing::kPanel16) == packed);
}

TEST_CASE("2:4 numbers and places are the operand A and the metadata of mma.sp") {
  const int64_t rows = 20, k = 40;
  const Tensor w = two_of_four(rows, k);
  const Code code = coded(kTwoFour, rt::Packing::kPanel16, k, lowering::pack_panels(w, 1));
  REQUIRE(code.coding == rt::Coding::kTwoFour);
  // D[i] = Σ A[i][j] · B[4·(j/2) + place of j]; B[k] = k + 1.
  for (int64_t i = 0; i < rows; ++i) {
    float sparse = 0, dense = 0;
    for (int64_t j = 0; j < k / 2; ++j) {
      const auto word = number<uint32_t>(code, 32 * (k / 2) * 4 + (i * 2 + j / 16) * 4);  // 32 rows, two words each
      const int64_t place = word >> (2 * (j % 16)) & 3;
      sparse += number<float>(code, (i * (k / 2) + j) * 4) * static_cast<float>(j / 2 * 4 + place + 1);
    }
    for (int64_t j = 0; j < k; ++j) dense += w.data<float>()[i * k + j] * static_cast<float>(j + 1);
    CHECK(sparse == dense);
  }
}

TEST_CASE("codes come back as they were, in every packing and width") {
  const Tensor w = two_of_four(19, 36);
  const auto f32 = lowering::pack_panels(w, 1);
  std::vector<int8_t> small(w.values<float>().size());
  for (size_t i = 0; i < small.size(); ++i) small[i] = static_cast<int8_t>(w.values<float>()[i] / 4);
  small[0] = small[1] = -128, small[2] = small[3] = 0;  // all bits but the sign are zero, and it is none
  const Tensor q = Tensor::of<int8_t>({19, 36, 1, 1}, std::span<const int8_t>(small));
  const auto s8 = lowering::pack_panels_s8(q, 1);
  CHECK(decoded<float>(coded(kTwoFour, rt::Packing::kPanel16, 36, f32), rt::Packing::kPanel16) == f32);
  CHECK(decoded<int8_t>(coded(kTwoFour, rt::Packing::kPanel16x4, 36, s8), rt::Packing::kPanel16x4) == s8);
  CHECK(decoded<float>(coded(kAny, rt::Packing::kPanel16, 36, f32), rt::Packing::kPanel16) == f32);
  CHECK(decoded<int8_t>(coded(kAny, rt::Packing::kPanel16x4, 36, s8), rt::Packing::kPanel16x4) == s8);
  const std::vector<int8_t> halves{0, 1, 0, -128, 0, 0, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0};  // eight of 16 bits: 256, −0, 0, 1027, 0 …
  const Code half = without_zeros(kAny, rt::Packing::kPlain, rt::DType::kF16, 0, std::as_bytes(std::span(halves)));
  CHECK(half.bytes.size() == 4 + 2 * 2);  // a word of bits, two numbers
  CHECK(decoded<int8_t>(half, rt::Packing::kPlain) == std::vector<int8_t>{0, 1, 0, 0, 0, 0, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("a bitmap is taken where it saves a tenth, and where 2:4 does not fit") {
  std::vector<float> packed(320, 1.0F);
  const auto zero = [&](size_t count) { std::fill_n(packed.begin(), count, 0.0F); };
  zero(20);
  CHECK(coded(kAny, rt::Packing::kPlain, 0, packed).coding == rt::Coding::kNone);
  zero(80);
  const Code quarter = coded(kAny, rt::Packing::kPlain, 0, packed);
  CHECK(quarter.coding == rt::Coding::kBitmap);
  CHECK(quarter.bytes.size() == 320 / 8 + 240 * 4);
  CHECK(number<uint32_t>(quarter, 4 * 2) == 0xffff0000u);
  CHECK(coded(Encoding{}, rt::Packing::kPlain, 0, packed).coding == rt::Coding::kNone);  // no pattern promised: mapped as it is
  const Tensor three = Tensor::of<float>({1, 4, 1, 1}, {1, 2, 3, 0});
  CHECK(coded(kTwoFour, rt::Packing::kPanel16, 4, lowering::pack_panels(three, 1)).coding == rt::Coding::kBitmap);
  const Tensor odd = Tensor::of<float>({1, 3, 1, 1}, {1, 0, 0});
  CHECK(coded(kTwoFour, rt::Packing::kPanel16, 3, lowering::pack_panels(odd, 1)).coding == rt::Coding::kBitmap);
  std::fill(packed.begin(), packed.end(), 0.0F);
  CHECK(decoded<float>(coded(kAny, rt::Packing::kPlain, 0, packed), rt::Packing::kPlain) == packed);  // nothing is kept
  CHECK(coded(kAny, rt::Packing::kPlain, 0, std::vector<float>()).coding == rt::Coding::kNone);
}

TEST_CASE("the artifact takes half of the bytes under 2:4, a fifth and a bit under 80 %") {
  const auto size = [](const char* weight) {
    auto module = parse(std::string("module m (%x : f32[N,256]) -> (%y) symbols N in [1, 16] {\n  @w : ") + weight + " = random(1)\n  %y = linear(%x, @w)\n}");
    INFO((module ? "" : module.error().message));
    REQUIRE(module);
    const auto w = module->weights.find("w")->second.data.mutable_values<float>();
    const size_t keep = module->weights.find("w")->second.encoding.sparsity == Encoding::Sparsity::kNofM ? 2 : 1, of = keep == 2 ? 4 : 5;
    for (size_t i = 0; i < w.size(); ++i)
      if (i % of >= keep) w[i] = 0;
    const auto bytes = lower(*module);
    REQUIRE(bytes);
    return bytes->size();
  };
  const size_t numbers = 64 * 256, dense = size("f32[64,256]");
  const auto about = [](size_t found, size_t expected) { return found + 192 >= expected && found <= expected + 192; };
  CHECK(about(dense - size("f32[64,256] sparse(2:4)"), numbers * 4 - numbers / 2 * 4 - numbers / 8));
  CHECK(about(dense - size("f32[64,256] sparse(unstructured)"), numbers * 4 - (numbers + 4) / 5 * 4 - numbers / 8));
}
