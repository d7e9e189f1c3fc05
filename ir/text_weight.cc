#include "ir/text_weight.h"

#include <algorithm>

#include "base/random.h"
#include "ir/text_tensor.h"

namespace fastc::text {
namespace {

constexpr size_t kMaxRank = 16;
constexpr int64_t kMaxGeneratedBytes = int64_t{1} << 32;  // a short text must not fill the memory

void fill_random(Tensor& t, uint64_t seed) {
  Random random(seed);
  std::vector<double> values(static_cast<size_t>(t.elements()));
  for (double& v : values) switch (t.dtype()) {
      case DType::kS8:
        v = static_cast<double>(random.below(255)) - 127;
        break;
      case DType::kS16:
        v = static_cast<double>(random.below(65535)) - 32767;
        break;
      case DType::kU8:
        v = static_cast<double>(random.below(256));
        break;
      case DType::kBool:
        v = random.flip();
        break;
      case DType::kI32:
      case DType::kI64:
        v = static_cast<double>(random.below(10));
        break;
      default:
        v = random.uniform(-1, 1);
    }
  t = from_doubles(t.dtype(), t.shape(), values);
}

}  // namespace

Result<Type> WeightReader::type() {
  const Place where = scan_.place();
  const std::string_view name = scan_.word();
  auto dtype = parse_dtype(name);
  if (!dtype)
    return name.empty() ? scan_.expected("a type such as f32[N,3]") : Scanner::error(where, dtype.error().message);
  Type out{*dtype, {}, {}};
  FASTC_CHECK(scan_.expect("["));
  while (!scan_.peek("]")) {
    if (!out.shape.empty()) FASTC_CHECK(scan_.expect(","));
    if (out.shape.size() == kMaxRank) return scan_.expected("at most 16 dimensions");
    FASTC_TRY(Dim dim, scan_.dim());
    out.shape.push_back(std::move(dim));
  }
  FASTC_CHECK(scan_.expect("]"));
  if (scan_.take("q")) {
    FASTC_TRY(out.quant, quant());
  }
  return out;
}

Result<Quant> WeightReader::quant() {
  FASTC_CHECK(scan_.expect("("));
  const Place where = scan_.place();
  Tensor scale = Tensor::zeros(DType::kF32, {});
  FASTC_CHECK(element(scale, 0));
  FASTC_CHECK(scan_.expect(","));
  FASTC_TRY(const int64_t zero_point, scan_.integer());
  int64_t bits = 8;
  if (scan_.take(",")) {
    FASTC_TRY(bits, scan_.integer());
  }
  FASTC_CHECK(scan_.expect(")"));
  if (bits != 8 && bits != 16) return Scanner::error(where, fmt::format("expected 8 or 16 bits, found {}", bits));
  if (zero_point < 0 || zero_point > (bits == 8 ? 255 : 0))
    return Scanner::error(where, fmt::format("expected a zero point {}, found {}", bits == 8 ? "from 0 to 255" : "of 0 under 16 bits", zero_point));
  return Quant{scale.values<float>()[0], static_cast<int32_t>(zero_point), static_cast<int32_t>(bits)};
}

Result<Weight> WeightReader::weight(const Type& type) {
  const Place where = scan_.place();
  std::vector<int64_t> shape;
  for (const Dim& dim : type.shape) {
    if (!dim.is_constant())
      return Scanner::error(where, fmt::format("expected a weight of constant shape, found {}", type_text(type)));
    shape.push_back(dim.constant());
  }
  if (type.quant)
    return Scanner::error(
        where, "expected no q(…) on a weight, found one; a weight has an encoding such as int8(axis 0, scales [0.5])");
  if (auto count = checked_elements(type.dtype, shape); !count) return Scanner::error(where, count.error().message);
  Weight out;
  FASTC_CHECK(encoding(out.encoding, shape));
  FASTC_CHECK(sparsity(out.encoding));
  out.trainable = !scan_.take("buffer");
  FASTC_CHECK(scan_.expect("="));
  FASTC_TRY(out.data, data(type.dtype, shape));
  if (auto status = check_weight(out); !status) return Scanner::error(where, status.error().message);
  return out;
}

Status WeightReader::encoding(Encoding& e, const std::vector<int64_t>& shape) {
  int bits = 16;
  while (bits >= 2 && !scan_.take(fmt::format("int{}", bits))) --bits;
  if (bits < 2) return {};
  e.kind = Encoding::Kind::kInt;
  e.bits = bits;
  FASTC_CHECK(scan_.expect("("));
  FASTC_CHECK(scan_.expect("axis"));
  const Place where = scan_.place();
  FASTC_TRY(const int64_t axis, scan_.integer());
  if (axis < 0 || axis >= static_cast<int64_t>(shape.size()))
    return Scanner::error(where, fmt::format("expected an axis below {}, found {}", shape.size(), axis));
  e.axis = static_cast<int>(axis);
  FASTC_CHECK(scan_.expect(","));
  const int64_t channels = shape[static_cast<size_t>(axis)];
  std::vector<int64_t> scales{channels};
  if (scan_.take("group")) {
    FASTC_TRY(e.group_size, scan_.integer());
    if (e.group_size <= 0)
      return Scanner::error(where, fmt::format("expected groups of at least 1, found {}", e.group_size));
    int64_t inputs = 1;
    for (size_t i = 0; i < shape.size(); ++i) inputs *= i == static_cast<size_t>(axis) ? 1 : shape[i];
    scales.push_back(inputs / e.group_size + (inputs % e.group_size != 0));
    FASTC_CHECK(scan_.expect(","));
  }
  FASTC_CHECK(scan_.expect("scales"));
  FASTC_TRY(e.scales, data(DType::kF32, scales));
  return scan_.expect(")");
}

Status WeightReader::sparsity(Encoding& e) {
  if (!scan_.take("sparse")) return {};
  FASTC_CHECK(scan_.expect("("));
  const auto pair = [&](char separator) -> Status {
    FASTC_TRY(const int64_t n, scan_.integer());
    FASTC_CHECK(scan_.expect_character(separator));
    FASTC_TRY(const int64_t m, scan_.integer());
    if (n < 1 || m < 1 || n > 4096 || m > 4096) return scan_.expected("two numbers from 1 to 4096 before this");
    e.n = static_cast<int>(n);
    e.m = static_cast<int>(m);
    return {};
  };
  if (scan_.take("unstructured")) {
    e.sparsity = Encoding::Sparsity::kUnstructured;
  } else if (scan_.take("block")) {
    e.sparsity = Encoding::Sparsity::kBlock;
    FASTC_CHECK(pair('x'));
  } else {
    e.sparsity = Encoding::Sparsity::kNofM;
    FASTC_CHECK(pair(':'));
  }
  return scan_.expect(")");
}

Result<Tensor> WeightReader::data(DType dtype, const std::vector<int64_t>& shape) {
  if (scan_.peek("sha256")) return hashed(dtype, shape);
  if (!scan_.peek("[") && !shape.empty()) return generated(dtype, shape);
  if (shape.empty() && (scan_.peek("zeros") || scan_.peek("ones") || scan_.peek("full") || scan_.peek("random")))
    return generated(dtype, shape);
  FASTC_TRY(const int64_t count, checked_elements(dtype, shape));
  // A literal cannot hold more numbers than the text has room for, so the check stands before the memory is taken.
  if (count > kMaxGeneratedBytes / 8) return scan_.expected("fewer numbers in a literal");
  Tensor out = Tensor::zeros(dtype, shape);
  int64_t next = 0;
  FASTC_CHECK(literal(out, 0, next));
  return out;
}

Result<Tensor> WeightReader::generated(DType dtype, const std::vector<int64_t>& shape) {
  FASTC_TRY(const int64_t count, checked_elements(dtype, shape));
  const int64_t bytes = count * static_cast<int64_t>(size_of(dtype));
  if (bytes > kMaxGeneratedBytes - generated_bytes_) return scan_.expected("generated tensors of at most 4 GiB in all");
  generated_bytes_ += bytes;
  Tensor out = Tensor::zeros(dtype, shape);
  if (scan_.take("zeros")) return out;
  if (scan_.take("ones")) return from_doubles(dtype, shape, std::vector<double>(static_cast<size_t>(count), 1));
  if (scan_.take("full")) {
    FASTC_CHECK(scan_.expect("("));
    Tensor one = Tensor::zeros(dtype, {});
    FASTC_CHECK(element(one, 0));
    FASTC_CHECK(scan_.expect(")"));
    return from_doubles(dtype, shape, std::vector<double>(static_cast<size_t>(count), to_doubles(one)[0]));
  }
  if (!scan_.take("random")) return scan_.expected("data: numbers in [ ], zeros, ones, full(…), random(…) or sha256:…");
  FASTC_CHECK(scan_.expect("("));
  FASTC_TRY(const int64_t seed, scan_.integer());
  FASTC_CHECK(scan_.expect(")"));
  fill_random(out, static_cast<uint64_t>(seed));
  return out;
}

// Nested by axis, or one flat list of all elements.
Status WeightReader::literal(Tensor& out, size_t axis, int64_t& next) {
  if (axis == out.shape().size()) return element(out, next++);
  FASTC_CHECK(scan_.expect("["));
  const bool flat = axis == 0 && !scan_.peek("[");
  const int64_t count = flat ? out.elements() : out.shape()[axis];
  for (int64_t i = 0; i < count; ++i) {
    if (i > 0 && !scan_.take(",")) return scan_.expected(fmt::format("',' and {} numbers or rows here", count));
    if (i == 0 && scan_.peek("]")) return scan_.expected(fmt::format("{} numbers or rows", count));
    FASTC_CHECK(literal(out, flat ? out.shape().size() : axis + 1, next));
  }
  if (!scan_.take("]")) return scan_.expected(fmt::format("']' after {} numbers or rows", count));
  return {};
}

Status WeightReader::element(Tensor& out, int64_t index) {
  const Place where = scan_.place();
  const std::string_view number = scan_.number();
  if (number.empty()) return scan_.expected("a number");
  if (auto status = set_element(out, index, number); !status) return Scanner::error(where, status.error().message);
  return {};
}

Result<Tensor> WeightReader::hashed(DType dtype, const std::vector<int64_t>& shape) {
  const Place where = scan_.place();
  FASTC_CHECK(scan_.expect("sha256"));
  FASTC_CHECK(scan_.expect(":"));
  const std::string hash(scan_.word());
  if (hash.size() != 64 || hash.find_first_not_of("0123456789abcdef") != std::string::npos)
    return Scanner::error(where, fmt::format("expected 64 hex digits after sha256:, found '{}'", hash.substr(0, 80)));
  if (sidecar_path_.empty())
    return Scanner::error(where, "expected a weights file beside the text for sha256:… data, found none");
  if (!sidecar_) {
    FASTC_TRY(sidecar_, Sidecar::open(sidecar_path_));
  }
  auto tensor = sidecar_->tensor(hash, dtype, shape);
  if (!tensor) return Scanner::error(where, tensor.error().message);
  return *tensor;
}

}  // namespace fastc::text
