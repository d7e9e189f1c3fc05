#include "weights.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

using namespace fastc::rt;

namespace {

double now_us() {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Memory that begins on a cache line.
template <typename T>
class Array {
 public:
  explicit Array(size_t count, T value = T{}) : bytes_(count * sizeof(T) + 128), at_(reinterpret_cast<T*>((reinterpret_cast<uintptr_t>(bytes_.data()) + 63) & ~uintptr_t{63})) {
    std::fill(at_, at_ + count, value);
  }
  T* data() { return at_; }

 private:
  std::vector<char> bytes_;
  T* at_;
};

struct Timed {
  std::string name;
  std::function<void()> run;
  std::vector<double> us;
};

// With the first kernel of the table that accepts the arguments, as the runtime chooses.
template <typename Args>
Timed timed(std::string name, const Args& args, const TiledKernel<Args> (&kernels)[kMaxCandidates]) {
  size_t first = 0;
  while (kernels[first].accepts != nullptr && !kernels[first].accepts(args)) ++first;
  const TiledKernel<Args>& kernel = kernels[first];
  auto scratch = std::make_shared<Array<char>>(kernel.scratch ? kernel.scratch(args) : 0);
  auto packed = std::make_shared<Array<char>>(kernel.pack_bytes ? kernel.pack_bytes(args) : 0);
  if (kernel.pack != nullptr) kernel.pack(args, packed->data());
  return {std::move(name), [args, &kernel, scratch, packed] { kernel.run(args, packed->data(), 0, kernel.tiles(args), scratch->data()); }, {}};
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

// The first is what the others are compared with: the median of the ratios of rounds in which all ran one after the other.
void print_interleaved(const std::string& title, std::vector<Timed>& all, double budget_us) {
  const double end = now_us() + budget_us * static_cast<double>(all.size());
  for (int round = 0; round < 7 || now_us() < end; ++round)
    for (Timed& t : all) {
      const double begin = now_us();
      t.run();
      t.us.push_back(now_us() - begin);
    }
  for (const Timed& t : all) {
    std::vector<double> ratios;
    for (size_t i = 0; i < t.us.size(); ++i) ratios.push_back(all[0].us[i] / t.us[i]);
    std::printf("%-26s %-18s %9.1f µs  %5.2fx\n", title.c_str(), t.name.c_str(), median(t.us), median(ratios));
  }
}

struct Layer {
  int64_t rows, k, oc;
  Array<float> x, y, dense;
  Array<uint16_t> half;
  Array<uint8_t> integers;
  Array<float> scales;

  Layer(int64_t rows, int64_t k, int64_t oc)
      : rows(rows), k(k), oc(oc), x(rows * k, 0.5f), y(rows * oc), dense(k * oc, 0.25f), half(k * oc, 0x3400), integers(k * oc, 0x35), scales(oc * (k / 32), 0.01f) {}

  Timed fp32(const KernelTable& table, std::string name, bool two_four) {
    const ConvF32 a{{rows, 1, 1, k, 1, 1, oc, 1, 1, 1, 1, 0, 0, 1, 1, 1}, x.data(), dense.data(), nullptr, nullptr, y.data(), Activation::kIdentity, 0, 0, two_four};
    return timed(std::move(name), a, table.conv_f32);
  }
  Timed stored(const KernelTable& table, std::string name, StoredForm form, int64_t group) {
    const bool is_half = form == StoredForm::kF16 || form == StoredForm::kBF16;
    const void* w = is_half ? static_cast<const void*>(half.data()) : integers.data();
    const StoredF32 a{rows, k, oc, x.data(), w, is_half ? nullptr : scales.data(), group, nullptr, nullptr, y.data(), form, Activation::kIdentity, 0, 0};
    return timed(std::move(name), a, table.stored_f32);
  }
};

struct Blocks {
  std::vector<int32_t> inputs, starts{0};
};

// Every panel keeps the share of its inputs, chosen by a generator that is good enough for that.
Blocks random_blocks(int64_t panels, int64_t k, int percent) {
  Blocks b;
  uint64_t state = 88172645463325252ull;
  for (int64_t p = 0; p < panels; ++p) {
    for (int64_t i = 0; i < k; ++i) {
      state ^= state << 13, state ^= state >> 7, state ^= state << 17;
      if (static_cast<int>(state % 100) < percent) b.inputs.push_back(static_cast<int32_t>(i));
    }
    b.starts.push_back(static_cast<int32_t>(b.inputs.size()));
  }
  return b;
}

}  // namespace

void bench_weights(const KernelTable& table, double budget_us) {
  for (const int64_t size : {512, 2048})
    for (const int64_t rows : {1, 8, 128}) {
      Layer layer(rows, size, size);
      std::vector<Timed> all{layer.fp32(table, "fp32", false)};
      all.push_back(layer.stored(table, "f16", StoredForm::kF16, size));
      all.push_back(layer.stored(table, "bf16", StoredForm::kBF16, size));
      all.push_back(layer.stored(table, "int8 channel", StoredForm::kS8, size));
      for (const int64_t group : {32, 64, 128}) all.push_back(layer.stored(table, "int4 group " + std::to_string(group), StoredForm::kS4, group));
      std::vector<Blocks> lists;
      lists.reserve(8);
      for (const int percent : {90, 80, 70, 50, 30, 20, 10}) {
        const Blocks& b = lists.emplace_back(random_blocks(size / 16, size, percent));
        const SparseF32 a{rows, size, size, layer.x.data(), layer.dense.data(), b.inputs.data(), b.starts.data(), nullptr, nullptr, layer.y.data(), Activation::kIdentity, 0, 0};
        all.push_back(timed("16x1, " + std::to_string(100 - percent) + " % zero", a, table.sparse_f32));
      }
      for (int64_t i = 0; i < size * size; ++i) layer.dense.data()[i] = i / 16 % 4 < 2 ? 0.25f : 0.0f;
      all.push_back(layer.fp32(table, "2:4", true));
      print_interleaved("linear " + std::to_string(size) + "² ×" + std::to_string(rows), all, budget_us);
    }
}
