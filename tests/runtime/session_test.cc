// Sessions: nothing is allocated while running, threads change no bit, symbols keep to their ranges, ops run alone, an
// instruction set can be forced.
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "backends/runtime/fastc_rt.hpp"
#include "backends/runtime/isa.h"
#include "tests/catch.h"
#include "tests/runtime/artifact.h"

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define COUNT_ALLOCATIONS 1
#endif

namespace {
std::atomic<long> allocations{0};
}

#ifdef COUNT_ALLOCATIONS
// The C library's own, with a counter before them; operator new comes through here too.
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void* malloc(size_t bytes) {
  ++allocations;
  return __libc_malloc(bytes);
}
void* calloc(size_t count, size_t bytes) {
  ++allocations;
  return __libc_calloc(count, bytes);
}
void* realloc(void* old, size_t bytes) {
  ++allocations;
  return __libc_realloc(old, bytes);
}
int posix_memalign(void** out, size_t alignment, size_t bytes) {
  ++allocations;
  *out = __libc_memalign(alignment, bytes);
  return *out == nullptr ? 12 : 0;
}
}
#endif

using namespace fastc::rt;
using namespace fastc::rt::test;

namespace {

// x[N,2,4,4] → conv 3×3 → relu+reduce, quantize → add → dequantize, linear_dynamic: something of everything that has scratch
// or workspace.
Artifact network() {
  Artifact a;
  a.add_symbol("N", 0, 0, 1, 64);
  const auto n = symbol(0);
  const Layout last = Layout::kChannelsLast;
  const auto x = a.input("x", DType::kF32, {n, 2, 4, 4});
  const auto xl = a.value("xl", DType::kF32, {n, 2, 4, 4}, last);
  a.op(Kernel::kTranspose, "to_last", {x}, {xl}, PermuteAttrs{{0, 2, 3, 1}});
  // A transpose speaks of stored arrays: x is plain here, xl channels-last, and its stored shape is [N,4,4,2].
  std::vector<float> packed(9 * 2 * 16);
  for (size_t i = 0; i < packed.size(); ++i) packed[i] = i % 16 < 6 ? static_cast<float>(static_cast<int>(i % 7) - 3) * 0.1f : 0.0f;
  const auto w = a.constant<float>("w", {6, 2, 3, 3}, packed, Packing::kPanel16);
  const auto y1 = a.value("y1", DType::kF32, {n, 6, 4, 4}, last);
  ConvAttrs conv{{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {0, 0}, 1, static_cast<uint32_t>(Activation::kRelu), 0, 0, 0, 255, 0, 0};
  a.op(Kernel::kConvF32, "conv", {xl, w}, {y1}, conv);
  const auto q = a.value("q", DType::kU8, {n, 6, 4, 4}, last, {0.02f, 3}), q2 = a.value("q2", DType::kU8, {n, 6, 4, 4}, last, {0.05f, 1});
  a.op(Kernel::kQuantize, "quantize", {y1}, {q});
  a.op(Kernel::kAddS8, "add", {q, q}, {q2}, ClampAttrs{0, 255});
  const auto d = a.value("d", DType::kF32, {n, 6, 4, 4}, last), flat = a.value("flat", DType::kF32, {n, 6});
  a.op(Kernel::kDequantize, "dequantize", {q2}, {d});
  a.op(Kernel::kReduce, "mean", {d}, {flat}, ReduceAttrs{static_cast<uint32_t>(Reduce::kMean), 6, 0, 0});
  std::vector<int8_t> panel(2 * 64);
  std::vector<int32_t> sums(3, 0);
  for (int o = 0; o < 3; ++o)
    for (int k = 0; k < 6; ++k) sums[o] += panel[(k / 4 * 16 + o) * 4 + k % 4] = static_cast<int8_t>(20 * o - 13 * k);
  const auto wq = a.constant<int8_t>("wq", {3, 6}, panel, Packing::kPanel16x4);
  const auto scale = a.constant<float>("scale", {3}, {0.01f, 0.02f, 0.03f});
  const auto sum = a.constant<int32_t>("sum", {3}, sums);
  const auto y = a.value("y", DType::kF32, {n, 3});
  a.op(Kernel::kLinearDynamic, "head", {flat, wq, scale, sum}, {y}, DynamicAttrs{0, 0, 0, 1});
  a.outputs = {y, y1};
  a.metadata.push_back({a.text("model"), a.text("tiny")});
  return a;
}

Array image(int64_t n) {
  std::vector<float> v(static_cast<size_t>(n * 32));
  for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(static_cast<int>(i * 37 % 101) - 50) / 25.0f;
  return Array::of<float>({n, 2, 4, 4}, v);
}

struct Opened {
  std::vector<uint8_t> file;
  fastc::Model model;
  fastc::Session session;
  explicit Opened(int64_t largest, int threads = 1) : file(network().bytes()) {
    REQUIRE(model.open(std::as_bytes(std::span(file))));
    Array x = image(largest);
    const bool opened = session.open(model, {x.tensor()}, threads);
    INFO(session.error());
    REQUIRE(opened);
  }
  std::vector<float> run(int64_t n) {
    Array x = image(n), y = Array::of<float>({n, 3}, std::vector<float>(static_cast<size_t>(n * 3))), y1 = Array::of<float>({n, 6, 4, 4}, std::vector<float>(static_cast<size_t>(n * 96)));
    fastc_rt_tensor in[] = {x.tensor()}, out[] = {y.tensor(), y1.tensor()};
    const bool ran = session.run(in, out);
    INFO(session.error());
    REQUIRE(ran);
    std::vector<float> all = y.numbers<float>();
    for (float v : y1.numbers<float>()) all.push_back(v);
    return all;
  }
};

}  // namespace

TEST_CASE("running allocates nothing, not even when the batch changes", "[session]") {
#ifdef COUNT_ALLOCATIONS
  for (const int threads : {1, 2}) {
    Opened o(8, threads);
    Array x = image(8), small = image(3);
    std::vector<float> y(24), y1(768);
    fastc_rt_tensor out[] = {{y.data(), {}, 0, 0}, {y1.data(), {}, 0, 0}};
    fastc_rt_tensor in[] = {x.tensor()}, less[] = {small.tensor()};
    char error[256];
    const long before = allocations;
    bool fine = true;
    for (int i = 0; i < 5; ++i) {
      fine = fine && fastc_rt_run(o.session.get(), in, 1, out, 2, error, sizeof error) == FASTC_RT_OK;
      fine = fine && fastc_rt_run(o.session.get(), less, 1, out, 2, error, sizeof error) == FASTC_RT_OK;
    }
    const long after = allocations;
    CHECK(fine);
    CHECK(after == before);
  }
  const long before = allocations;
  std::free(std::malloc(10));
  CHECK(allocations > before);  // the counter counts
#else
  std::cout << "skipped: allocations are counted with glibc and without sanitizers only\n";
#endif
}

TEST_CASE("threads and batch neighbours change no bit", "[session]") {
  const std::vector<float> eight = Opened(8, 1).run(8);
  CHECK(Opened(8, 2).run(8) == eight);
  CHECK(Opened(8, 3).run(8) == eight);
  Opened small(8, 2);
  const std::vector<float> three = small.run(3), again = small.run(8);
  CHECK(again == eight);
  CHECK(std::vector<float>(three.begin(), three.begin() + 9) == std::vector<float>(eight.begin(), eight.begin() + 9));
}

TEST_CASE("sessions of one model share its weights and run side by side", "[session]") {
  const std::vector<uint8_t> file = network().bytes();
  fastc::Model model;
  REQUIRE(model.open(std::as_bytes(std::span(file))));
  const std::vector<float> expected = Opened(4, 1).run(4);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      fastc::Session session;
      Array x = image(4), y = Array::of<float>({4, 3}, std::vector<float>(12)), y1 = Array::of<float>({4, 6, 4, 4}, std::vector<float>(384));
      fastc_rt_tensor in[] = {x.tensor()}, out[] = {y.tensor(), y1.tensor()};
      if (!session.open(model, {x.tensor()}, 2)) ++wrong;
      for (int i = 0; i < 20; ++i) {
        if (!session.run(in, out) || std::memcmp(y.bytes.data(), expected.data(), 48) != 0) ++wrong;
      }
    });
  }
  for (std::thread& t : threads) t.join();
  CHECK(wrong == 0);
}

TEST_CASE("shapes outside the model or the session are refused with a sentence", "[session][malformed]") {
  Opened o(4);
  char error[512];
  Array y = Array::of<float>({8, 3}, std::vector<float>(24)), y1 = Array::of<float>({8, 6, 4, 4}, std::vector<float>(768));
  fastc_rt_tensor out[] = {y.tensor(), y1.tensor()};
  const auto refuse = [&](Array x, const char* message) {
    fastc_rt_tensor in[] = {x.tensor()};
    CHECK(fastc_rt_run(o.session.get(), in, 1, out, 2, error, sizeof error) == FASTC_RT_BAD_ARGUMENT);
    INFO("expected: " << message << ", found: " << error);
    CHECK(std::string(error).find(message) != std::string::npos);
  };
  refuse(image(5), "the session was opened for shapes where");
  refuse(image(0), "axis 0 (N) is 0, allowed are 1 to 64");
  refuse(Array::of<float>({1, 2, 4, 5}, std::vector<float>(40)), "axis 3 is 5, expected 4");
  refuse(Array::of<float>({2, 16}, std::vector<float>(32)), "expected rank 4, found 2");
  refuse(Array::of<double>({1, 2, 4, 4}, std::vector<double>(32)), "expected float32, found float64");
  CHECK(fastc_rt_run(o.session.get(), nullptr, 0, out, 2, error, sizeof error) == FASTC_RT_BAD_ARGUMENT);
  CHECK(std::string(error) == "expected 1 inputs, found 0");
  CHECK(o.run(4) == Opened(4).run(4));  // and it still works
  fastc::Session none;
  Array x = image(1);
  CHECK_FALSE(none.open(o.model, {x.tensor()}, 0));
  CHECK(none.error().find("threads") != std::string::npos);
}

TEST_CASE("an op runs alone on the reference's operands, in logical order", "[session]") {
  Opened o(2);
  const fastc_rt_model* model = o.model.get();
  REQUIRE(fastc_rt_op_count(model) == 7);
  CHECK(std::string(fastc_rt_op_operand(model, 3, 1)) == "q");
  CHECK(fastc_rt_op_operand(model, 1, 1) == nullptr);  // weights are constants
  CHECK(std::string(fastc_rt_op_output(model, 1, 0)) == "y1");
  fastc_rt_op_info info{};
  REQUIRE(fastc_rt_op(o.session.get(), 1, &info) == FASTC_RT_OK);
  CHECK(std::string(info.name) == "conv");
  CHECK(std::string(info.kernel) == "conv_f32");
  CHECK(info.input_count == 1);
  std::vector<float> logical(2 * 6 * 16);
  for (size_t i = 0; i < logical.size(); ++i) logical[i] = static_cast<float>(i % 97) * 0.02f;
  Array x = Array::of<float>({2, 6, 4, 4}, logical), q = Array::of<uint8_t>({2, 6, 4, 4}, std::vector<uint8_t>(192));
  fastc_rt_tensor operand = x.tensor(), result = q.tensor();
  char error[512];
  REQUIRE(fastc_rt_run_op(o.session.get(), 2, &operand, 1, &result, error, sizeof error) == FASTC_RT_OK);
  for (size_t i = 0; i < logical.size(); ++i) CHECK(static_cast<int>(q.bytes[i]) == static_cast<int>(i % 97) + 3);
  CHECK(result.shape[1] == 6);
  Array wrong = Array::of<float>({1, 6, 4, 4}, std::vector<float>(96));
  operand = wrong.tensor();
  CHECK(fastc_rt_run_op(o.session.get(), 2, &operand, 1, &result, error, sizeof error) == FASTC_RT_BAD_ARGUMENT);
}

TEST_CASE("what a model says about itself", "[session]") {
  Opened o(2);
  CHECK(o.model.metadata("model") == "tiny");
  CHECK(o.model.metadata("absent") == "");
  const fastc_rt_value_info x = o.model.input(0), y = o.model.output(0);
  CHECK(std::string(x.name) == "x");
  CHECK(x.shape[0] == -1); CHECK(x.min[0] == 1); CHECK(x.max[0] == 64); CHECK(x.shape[3] == 4);
  CHECK(y.rank == 2); CHECK(y.shape[0] == -1); CHECK(y.max[0] == 64);
  CHECK(std::string(fastc_rt_symbol_name(o.model.get(), 0, 0)) == "N");
  CHECK(fastc_rt_symbol_name(o.model.get(), 0, 1) == nullptr);
  CHECK(fastc_rt_session_bytes(o.session.get()) > 0);
  fastc_rt_profile(o.session.get(), 1);
  o.run(2);
  fastc_rt_op_info info{};
  fastc_rt_op(o.session.get(), 1, &info);
  CHECK(info.seconds > 0);
}

TEST_CASE("sizes are computed by dimension code", "[session]") {
  Artifact a;  // y = x[::2] has ⌊(N+1)/2⌋ rows
  a.add_symbol("N", 0, 0, 1, 100);
  const auto x = a.input("x", DType::kF32, {symbol(0)});
  const auto y = a.value("y", DType::kF32, {1});
  const auto first = static_cast<uint32_t>(a.code.size());
  a.code.insert(a.code.end(), {{1, 0, 0}, {0, 0, 1}, {2, 0, 0}, {0, 0, 2}, {4, 0, 0}});
  a.dims[a.values[y].first_dim] = {0, first, 5};
  a.op(Kernel::kSlice, "slice", {x}, {y}, SliceAttrs{{0}, {2}});
  a.outputs = {y};
  CHECK(run(a, {Array::of<float>({5}, {1, 2, 3, 4, 5})}).outputs[0].numbers<float>() == std::vector<float>{1, 3, 5});
  CHECK(run(a, {Array::of<float>({4}, {1, 2, 3, 4})}).outputs[0].numbers<float>() == std::vector<float>{1, 3});
  a.code[first + 3].value = 0;
  CHECK(run(a, {Array::of<float>({4}, {1, 2, 3, 4})}).message.find("divides by zero") != std::string::npos);
  a.code[first + 3].value = INT64_MAX, a.code[first + 4].op = static_cast<uint32_t>(DimOp::kMul);
  CHECK(run(a, {Array::of<float>({4}, {1, 2, 3, 4})}).message.find("overflows") != std::string::npos);
}

TEST_CASE("a reshape in one buffer costs nothing and keeps the data", "[session]") {
  Artifact a;
  const auto x = a.input("x", DType::kF32, {2, 3});
  const auto y = a.value("y", DType::kF32, {3, 2}), z = a.value("z", DType::kF32, {6});
  a.values[y].buffer = a.values[z].buffer = a.values[x].buffer;
  a.op(Kernel::kReshape, "a", {x}, {y}), a.op(Kernel::kReshape, "b", {y}, {z});
  a.outputs = {z, x};
  const Outcome o = run(a, {Array::of<float>({2, 3}, {1, 2, 3, 4, 5, 6})});
  REQUIRE(o.message == "");
  CHECK(o.outputs[0].numbers<float>() == std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(o.outputs[0].bytes == o.outputs[1].bytes);
}

TEST_CASE("an instruction set can be forced, and one that is not there is refused", "[session]") {
  KernelChain chain;
  Error error;
  REQUIRE(kernels_for("generic", chain, error));
  CHECK(chain.count == 1);
  CHECK(std::string(chain.name()) == "generic");
  CHECK_FALSE(kernels_for("sse9", chain, error));
  CHECK(std::string(error.text).find("expected generic, avx2") != std::string::npos);
#if defined(__x86_64__)
  CHECK_FALSE(kernels_for("neon", chain, error));
  CHECK(error.status == FASTC_RT_UNSUPPORTED);
#endif
  REQUIRE(kernels_for(nullptr, chain, error));
  CHECK(std::string(chain.tables[chain.count - 1]->isa) == "generic");
  // Whoever runs this program with FASTC_CPU_ISA set finds that it took effect.
  const char* forced = std::getenv("FASTC_CPU_ISA");
  if (forced != nullptr) CHECK(std::string(fastc_rt_isa()) == forced);
}
