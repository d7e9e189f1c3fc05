#include "ir/tensor.h"

#include <cmath>
#include <limits>

#include "ir/type.h"
#include "tests/catch.h"

using namespace fastc;

namespace {

Tensor transposed(const Tensor& t) {
  return Tensor::view(t.dtype(), {t.shape()[1], t.shape()[0]}, {t.strides()[1], t.strides()[0]}, t.raw(), t.owner());
}

}  // namespace

TEST_CASE("every type but bf16 has a NumPy code") {
  CHECK(*npy_descr(DType::kF32) == "<f4");
  CHECK(*npy_descr(DType::kF16) == "<f2");
  CHECK(*npy_descr(DType::kU8) == "|u1");
  CHECK(*npy_descr(DType::kBool) == "|b1");
  const auto refused = npy_descr(DType::kBF16);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "expected a data type that .npy files have, found bf16: cast it to f32 first");
}

TEST_CASE("a tensor is copied when it is written while shared") {
  Tensor a = Tensor::of<float>({3}, {1, 2, 3});
  const void* before = a.raw();
  a.mutable_values<float>()[0] = 5;
  CHECK(a.raw() == before);
  Tensor b = a;
  CHECK(b.same_memory(a));
  b.mutable_values<float>()[0] = 7;
  CHECK(a.values<float>()[0] == 5);
  CHECK(b.values<float>()[0] == 7);
}

TEST_CASE("foreign memory is never written") {
  static const float data[2] = {1, 2};
  Tensor t = Tensor::view(DType::kF32, {2}, {1}, data, std::make_shared<int>(0));
  CHECK(t.raw() == data);
  t.mutable_values<float>()[1] = 9;
  CHECK(data[1] == 2);
  CHECK(t.values<float>()[1] == 9);
}

TEST_CASE("strided views become dense in row-major order") {
  const Tensor t = Tensor::of<int32_t>({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor u = transposed(t);
  CHECK_FALSE(u.contiguous());
  CHECK(equal(u, Tensor::of<int32_t>({3, 2}, {1, 4, 2, 5, 3, 6})));
  CHECK(equal(u.reshaped({6}), Tensor::of<int32_t>({6}, {1, 4, 2, 5, 3, 6})));
  CHECK(to_doubles(u) == std::vector<double>{1, 4, 2, 5, 3, 6});
  CHECK(equal(select(u, 0, std::vector<int64_t>{0, 2}), Tensor::of<int32_t>({2, 2}, {1, 4, 3, 6})));
  CHECK(equal(select(t, 1, std::vector<int64_t>{1}), Tensor::of<int32_t>({2, 1}, {2, 5})));
}

TEST_CASE("empty and scalar tensors") {
  const Tensor empty = Tensor::zeros(DType::kF32, {0, 3});
  CHECK(empty.defined());
  CHECK(empty.elements() == 0);
  CHECK(empty.contiguous());
  CHECK(equal(empty.to_contiguous(), empty));
  CHECK(select(empty, 1, std::vector<int64_t>{0}).shape() == std::vector<int64_t>{0, 1});
  CHECK(Tensor::of<double>({}, {2.5}).elements() == 1);
  CHECK_FALSE(Tensor().defined());
}

TEST_CASE("16-bit floats round to nearest, ties to even") {
  const double inf = std::numeric_limits<double>::infinity();
  const std::vector<double> values{1,    -2,   65504,  65520,           1e-8, 5.9604644775390625e-08,
                                   2049, 2051, 1023.5, 6.103515625e-05, -inf, 0.1};
  const auto half = to_doubles(from_doubles(DType::kF16, {12}, values));
  CHECK(half == std::vector<double>{1, -2, 65504, inf, 0, 5.9604644775390625e-08, 2048, 2052, 1023.5, 6.103515625e-05,
                                    -inf, 0.0999755859375});
  const auto brain = to_doubles(from_doubles(DType::kBF16, {4}, std::vector<double>{1, 257, 259, -inf}));
  CHECK(brain == std::vector<double>{1, 256, 260, -inf});
  CHECK(std::isnan(to_doubles(from_doubles(DType::kF16, {1}, std::vector<double>{NAN}))[0]));
  CHECK(to_doubles(from_doubles(DType::kU8, {3}, std::vector<double>{-3, 2.5, 300})) == std::vector<double>{0, 2, 255});
  // Every half survives the way through double.
  for (int bits = 0; bits < 0x7c00; ++bits) {
    const auto word = static_cast<uint16_t>(bits);
    const Tensor t = tensor_of_bytes(DType::kF16, {1}, &word);
    REQUIRE(equal(from_doubles(DType::kF16, {1}, to_doubles(t)), t));
  }
}

TEST_CASE("sizes from files are bounded") {
  CHECK(checked_elements(DType::kF32, std::vector<int64_t>{2, 3}).value() == 6);
  CHECK(checked_elements(DType::kF32, std::vector<int64_t>{0, int64_t{1} << 40}).value() == 0);
  CHECK(checked_elements(DType::kF32, std::vector<int64_t>{-1}).error().message ==
        "expected a size of at least 0, found -1");
  CHECK_FALSE(checked_elements(DType::kF32, std::vector<int64_t>{int64_t{1} << 40, int64_t{1} << 40}));
  CHECK(parse_dtype("float32").value() == DType::kF32);
  CHECK(parse_dtype("f12").error().message ==
        "expected a data type (f32, f16, bf16, f64, i64, i32, s8, u8 or bool), found 'f12'");
}

TEST_CASE("encoded weights: sizes, checks and values") {
  Weight w{Tensor::of<int8_t>({2, 3}, {1, -2, 3, 4, 5, -127}), {}, true};
  CHECK(stored_bytes(w) == 6);
  w.encoding.kind = Encoding::Kind::kInt;
  CHECK(check_weight(w).error().message == "expected f32 scales of shape [2], found none");
  w.encoding.scales = Tensor::of<float>({2}, {0.5F, 0.25F});
  REQUIRE(check_weight(w));
  CHECK(stored_bytes(w) == 6 + 8);
  CHECK(to_doubles(decode(w).value()) == std::vector<double>{0.5, -1, 1.5, 1, 1.25, -31.75});
  w.encoding.bits = 4;
  CHECK(check_weight(w).error().message == "expected int4 numbers from -7 to 7, found -127");
  w.data = Tensor::of<int8_t>({2, 3}, {1, -2, 3, 4, 5, -7});
  w.encoding.group_size = 2;
  w.encoding.scales = Tensor::of<float>({2, 2}, {1, 10, 100, 1000});
  CHECK(to_doubles(decode(w).value()) == std::vector<double>{1, -2, 30, 400, 500, -7000});
  CHECK(stored_bytes(w) == 3 + 16);
  w.encoding.scales = Tensor::of<float>({2, 2}, {1, 0, 1, 1});
  CHECK(check_weight(w).error().message == "expected scales above 0, found 0");
}

TEST_CASE("types as text") {
  CHECK(type_text({DType::kF32, {Dim::symbol("N"), 3}, {}}) == "f32[N,3]");
  CHECK(type_text({DType::kU8, {2}, Quant{0.0235F, 128}}) == "u8[2] q(0.0235, 128)");
  CHECK(type_text({DType::kS16, {2}, Quant{0.0001F, 0, 16}}) == "s16[2] q(0.0001, 0, 16)");
  CHECK(type_text({DType::kI64, {}, {}}) == "i64[]");
}
