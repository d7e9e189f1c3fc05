#include "threads.h"

#include <algorithm>
#include <system_error>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace fastc::rt {
namespace {

// Layers follow each other within microseconds, and waking a sleeping thread costs about 50: so spin that long, then sleep.
constexpr int kSpins = 4000;

inline void relax() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

int64_t share(int64_t tiles, int32_t thread, int32_t threads) { return tiles * thread / threads; }

}  // namespace

bool ThreadPool::start(int32_t threads) {
  const int32_t wanted = std::max(threads, 1) - 1;
  // The workers read their number of colleagues, so the vector is whole before the first of them gets work.
  workers_.reserve(wanted);
  try {
    for (int32_t t = 1; t <= wanted; ++t) workers_.emplace_back([this, t] { loop(t); });
  } catch (const std::system_error&) {
    return false;
  }
  return true;
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    turn_.fetch_add(1, std::memory_order_seq_cst);
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::wait_for_work(uint32_t seen) {
  for (int i = 0; i < kSpins; ++i) {
    if (turn_.load(std::memory_order_acquire) != seen) return;
    relax();
  }
  std::unique_lock lock(mutex_);
  sleepers_.fetch_add(1, std::memory_order_seq_cst);
  wake_.wait(lock, [&] { return turn_.load(std::memory_order_seq_cst) != seen; });
  sleepers_.fetch_sub(1, std::memory_order_relaxed);
}

void ThreadPool::loop(int32_t thread) {
  for (uint32_t seen = 0;;) {
    wait_for_work(seen);
    seen = turn_.load(std::memory_order_acquire);
    if (stop_) return;
    const int64_t begin = share(tiles_, thread, threads()), end = share(tiles_, thread + 1, threads());
    if (begin < end) work_(self_, begin, end, thread);
    done_.fetch_add(1, std::memory_order_release);
  }
}

void ThreadPool::run(Work work, const void* self, int64_t tiles) {
  if (workers_.empty() || tiles < 2) {
    if (tiles > 0) work(self, 0, tiles, 0);
    return;
  }
  work_ = work, self_ = self, tiles_ = tiles;
  done_.store(0, std::memory_order_relaxed);
  turn_.fetch_add(1, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) > 0) {
    { std::lock_guard lock(mutex_); }  // a worker between its last look and its sleep holds this lock
    wake_.notify_all();
  }
  const int64_t end = share(tiles, 1, threads());
  if (end > 0) work(self, 0, end, 0);
  const int32_t expected = static_cast<int32_t>(workers_.size());
  for (int spins = 0; done_.load(std::memory_order_acquire) != expected; ++spins) {
    if (spins < kSpins) relax();
    else std::this_thread::yield();
  }
}

}  // namespace fastc::rt
