// Broken artifacts: each is refused with a sentence that says what is wrong, and nothing crashes.
#include <functional>
#include <string>

#include "tests/catch.h"
#include "tests/runtime/artifact.h"

#if defined(__SANITIZE_ADDRESS__)
// A damaged size asks for more memory than there is: that is an error value here, not a crash.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
#endif

using namespace fastc::rt;
using namespace fastc::rt::test;

namespace {

// y = relu(x + c), x: f32[N, 4], N in 1..8
Artifact small() {
  Artifact a;
  a.add_symbol("N", 0, 0, 1, 8);
  const auto x = a.input("x", DType::kF32, {symbol(0), 4});
  const auto c = a.constant<float>("c", {4}, {1, 2, 3, 4});
  const auto sum = a.value("sum", DType::kF32, {symbol(0), 4});
  const auto y = a.value("y", DType::kF32, {symbol(0), 4});
  a.op(Kernel::kBinary, "add", {x, c}, {sum}, BinaryAttrs{static_cast<uint32_t>(Binary::kAdd), 0, 0, 0});
  a.op(Kernel::kUnary, "relu", {sum}, {y}, UnaryAttrs{static_cast<uint32_t>(Activation::kRelu), 0, 0, 0, 255});
  a.outputs = {y};
  return a;
}

Array ones(int64_t n) { return Array::of<float>({n, 4}, std::vector<float>(static_cast<size_t>(n * 4), 1.0f)); }

struct Broken {
  const char* message;  // a part of the sentence expected
  std::function<void(Artifact&)> change;
};

}  // namespace

TEST_CASE("a small artifact runs", "[reader]") {
  const Outcome outcome = run(small(), {Array::of<float>({2, 4}, {-9, -9, -9, -9, 1, 1, 1, 1})});
  REQUIRE(outcome.message == "");
  CHECK(outcome.outputs[0].shape == std::vector<int64_t>{2, 4});
  CHECK(outcome.outputs[0].numbers<float>() == std::vector<float>{0, 0, 0, 0, 2, 3, 4, 5});
}

TEST_CASE("broken tables are refused with a sentence", "[reader][malformed]") {
  const Broken table[] = {
      {"symbolic sizes, at most", [](Artifact& a) { for (int i = 0; i < 70; ++i) a.add_symbol("s", 0, 0, 1, 2); }},
      {"range [5, 2]", [](Artifact& a) { a.symbols[0].min = 5, a.symbols[0].max = 2; }},
      {"bound from input 7", [](Artifact& a) { a.symbols[0].input = 7; }},
      {"bound from axis 9", [](Artifact& a) { a.symbols[0].axis = 9; }},
      {"is not this symbol", [](Artifact& a) { a.symbols[0].axis = 1; }},
      {"unknown code 77", [](Artifact& a) { a.code[0].op = 77; }},
      {"symbol 5 of 1", [](Artifact& a) { a.code[0].value = 5; }},
      {"lacks an operand", [](Artifact& a) { a.code[0].op = static_cast<uint32_t>(DimOp::kAdd); }},
      {"leaves 2 numbers", [](Artifact& a) { a.code.push_back(a.code[0]), a.dims[a.values.back().first_dim] = {0, 0, 2}; }},
      {"nests deeper", [](Artifact& a) { a.code.assign(40, {0, 0, 1}), a.dims[0] = {0, 0, 40}; }},
      {"reaches beyond", [](Artifact& a) { a.dims[0] = {0, 4000000000u, 4000000000u}; }},
      {"dimension 1 is -4", [](Artifact& a) { a.dims[1].value = -4; }},
      {"its name is at offset", [](Artifact& a) { a.values[0].name = 1u << 30; }},
      {"unknown dtype", [](Artifact& a) { a.values[0].dtype = 10; }},
      {"unknown dtype", [](Artifact& a) { a.values[0].layout = 2; }},
      {"rank 9", [](Artifact& a) { a.values[0].rank = 9; }},
      {"dimensions 4000000000", [](Artifact& a) { a.values[0].first_dim = 4000000000u; }},
      {"scale", [](Artifact& a) { a.values[0].scale = -1; }},
      {"zero point 300", [](Artifact& a) { a.values[0].zero_point = 300; }},
      {"buffer 99", [](Artifact& a) { a.values[0].buffer = 99; }},
      {"constant 3 of 1", [](Artifact& a) { a.values[1].constant = 3; }},
      {"constant cannot have a symbolic size", [](Artifact& a) { a.dims[a.values[1].first_dim] = a.dims[0]; }},
      {"needs 16 bytes, its constant has 8", [](Artifact& a) { a.constants[0].bytes = 8; }},
      {"do not lie", [](Artifact& a) { a.constants[0].bytes = ~uint64_t{0}; }},
      {"do not lie", [](Artifact& a) { a.constants[0].offset = uint64_t{1} << 40; }},
      {"do not lie", [](Artifact& a) { a.constants[0].offset += 4; }},
      {"unknown packing", [](Artifact& a) { a.constants[0].packing = 9; }},
      {"packed weight", [](Artifact& a) { a.constants[0].packing = 1; }},
      {"needs kernel 999", [](Artifact& a) { a.ops[0].kernel = 999; }},
      {"reach beyond", [](Artifact& a) { a.ops[0].first_operand = 4000000000u; }},
      {"reach beyond", [](Artifact& a) { a.ops[1].input_count = 4000000000u; }},
      {"is value 1000 of", [](Artifact& a) { a.operands[0] = 1000; }},
      {"input 0 is missing", [](Artifact& a) { a.operands[0] = kNone; }},
      {"too few", [](Artifact& a) { a.ops[0].input_count = 1, a.ops[0].first_operand = 1; }},
      {"at most 1", [](Artifact& a) { a.ops[1].first_operand -= 1, a.ops[1].input_count = 2; }},
      {"expected 16 bytes of attributes, found 12", [](Artifact& a) { a.ops[0].attribute_bytes = 12; }},
      {"not inside their section", [](Artifact& a) { a.ops[0].attribute_offset = 4; }},
      {"not inside their section", [](Artifact& a) { a.ops[0].attribute_offset = 4000000000u; }},
      {"its operator is 99", [](Artifact& a) { a.attributes[0] = 99; }},
      {"its function is 200", [](Artifact& a) { a.attributes[a.ops[1].attribute_offset] = 200; }},
      {"has type int8", [](Artifact& a) { a.values[0].dtype = static_cast<uint8_t>(DType::kS8); }},
      {"before any op writes it", [](Artifact& a) { std::swap(a.ops[0], a.ops[1]); }},
      {"written already", [](Artifact& a) { a.operands[4] = a.operands[2]; }},
      {"which is a constant", [](Artifact& a) { a.operands[4] = 1; }},
      {"was reused for", [](Artifact& a) {
         a.values[3].buffer = a.values[0].buffer;  // y takes x's buffer, and a later op still reads x
         a.values[2].buffer = 2;
         const auto z = a.value("z", DType::kF32, {symbol(0), 4});
         a.op(Kernel::kUnary, "late", {0}, {z}, UnaryAttrs{1, 0, 0, 0, 255});
       }},
      {"cannot work in place", [](Artifact& a) {
         const auto z = a.value("z", DType::kF32, {symbol(0), 4});
         a.values[z].buffer = a.values[3].buffer;
         a.op(Kernel::kSoftmax, "soft", {3}, {z}, AxisAttrs{1, 0});
       }},
      {"value 55 is a constant or not among", [](Artifact& a) { a.inputs[0] = 55; }},
      {"value 1 is a constant", [](Artifact& a) { a.inputs[0] = 1; }},
      {"output 0: value 88", [](Artifact& a) { a.outputs[0] = 88; }},
      {"metadata key", [](Artifact& a) { a.metadata.push_back({1u << 20, 0}); }},
  };
  for (const Broken& broken : table) {
    Artifact a = small();
    broken.change(a);
    const Outcome outcome = run(a, {ones(2)});
    INFO("expected: " << broken.message << ", found: " << outcome.message);
    CHECK(outcome.status == FASTC_RT_BAD_FILE);
    CHECK(outcome.message.find(broken.message) != std::string::npos);
  }
}

TEST_CASE("broken files are refused with a sentence", "[reader][malformed]") {
  const std::vector<uint8_t> good = small().bytes();
  const auto refuse = [&](const char* message, fastc_rt_status status, bool sealed, auto change) {
    std::vector<uint8_t> file = good;
    change(file);
    if (sealed) Artifact::seal(file);
    const Outcome outcome = run_bytes(file, {ones(1)});
    INFO("expected: " << message << ", found: " << outcome.message);
    CHECK(outcome.status == status);
    CHECK(outcome.message.find(message) != std::string::npos);
  };
  const auto header = [](std::vector<uint8_t>& f) { return reinterpret_cast<FileHeader*>(f.data()); };
  const auto section = [](std::vector<uint8_t>& f, int i) { return reinterpret_cast<SectionEntry*>(f.data() + sizeof(FileHeader)) + i; };
  refuse("shorter than its header", FASTC_RT_BAD_FILE, false, [](auto& f) { f.resize(10); });
  refuse("does not begin with", FASTC_RT_BAD_FILE, false, [](auto& f) { f[0] = 'X'; });
  refuse("version 1.7; this runtime reads 1.0", FASTC_RT_UNSUPPORTED, false, [&](auto& f) { header(f)->minor = 7; });
  refuse("version 2.0", FASTC_RT_UNSUPPORTED, false, [&](auto& f) { header(f)->major = 2, header(f)->minor = 0; });
  refuse("truncated", FASTC_RT_BAD_FILE, false, [](auto& f) { f.resize(f.size() - 1); });
  refuse("checksum", FASTC_RT_BAD_FILE, false, [](auto& f) { f.back() ^= 1; });
  refuse("more than fit", FASTC_RT_BAD_FILE, true, [&](auto& f) { header(f)->section_count = 60000; });
  refuse("does not define", FASTC_RT_BAD_FILE, true, [&](auto& f) { section(f, 1)->kind = 40; });
  refuse("a second section", FASTC_RT_BAD_FILE, true, [&](auto& f) { *section(f, 2) = *section(f, 1); });
  refuse("expected records of", FASTC_RT_BAD_FILE, true, [&](auto& f) { section(f, 1)->record_bytes = 3; });
  refuse("not a multiple of 64", FASTC_RT_BAD_FILE, true, [&](auto& f) { section(f, 1)->offset += 8; });
  refuse("reach beyond the file", FASTC_RT_BAD_FILE, true, [&](auto& f) { section(f, 1)->offset = uint64_t{1} << 62; });
  refuse("reach beyond the file", FASTC_RT_BAD_FILE, true, [&](auto& f) { section(f, 1)->bytes = ~uint64_t{0} - 5; });
  refuse("not a whole number", FASTC_RT_BAD_FILE, true, [&](auto& f) { section(f, 1)->bytes -= 1; });
  refuse("does not end in a NUL", FASTC_RT_BAD_FILE, true, [&](auto& f) { section(f, 2)->bytes -= 1; });
}

TEST_CASE("no single flipped byte crashes the reader", "[reader][malformed]") {
  const std::vector<uint8_t> good = small().bytes();
  for (size_t at = sizeof(FileHeader); at < good.size(); ++at) {
    for (const uint8_t flip : {0x01, 0x80, 0xff}) {
      std::vector<uint8_t> file = good;
      file[at] ^= flip;
      Artifact::seal(file);
      run_bytes(file, {ones(2)});  // refused or run, either is fine
    }
  }
  SUCCEED();
}

TEST_CASE("SHA-256 gives the published digest, in plain code and with the CPU's instructions", "[reader]") {
  const std::string abc = "abc";
  uint8_t digest[32], plain[32];
  sha256(reinterpret_cast<const uint8_t*>(abc.data()), 3, digest);
  CHECK((digest[0] == 0xba && digest[1] == 0x78 && digest[31] == 0xad));
  std::vector<uint8_t> long_text(1000);
  for (size_t i = 0; i < long_text.size(); ++i) long_text[i] = static_cast<uint8_t>(i * 7);
  for (size_t bytes : {0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000}) {
    sha256(long_text.data(), bytes, digest);
    sha256_plain(long_text.data(), bytes, plain);
    CHECK(std::memcmp(digest, plain, 32) == 0);
  }
}
