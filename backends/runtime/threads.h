// A session's own threads. Work comes as independent tiles [0, n); thread t computes one contiguous share of them, always the
// same for the same n and number of threads, and a tile's result never depends on who computes it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace fastc::rt {

class ThreadPool {
 public:
  using Work = void (*)(const void* self, int64_t begin, int64_t end, int32_t thread);

  ThreadPool() = default;
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  bool start(int32_t threads);  // false when the system gives no more threads
  int32_t threads() const { return static_cast<int32_t>(workers_.size()) + 1; }
  void run(Work work, const void* self, int64_t tiles);  // returns when every tile is done

 private:
  void loop(int32_t thread);
  void wait_for_work(uint32_t seen);

  std::vector<std::thread> workers_;
  // One job at a time; `turn_` is raised when it is set, and each worker answers by raising `done_`.
  Work work_ = nullptr;
  const void* self_ = nullptr;
  int64_t tiles_ = 0;
  alignas(64) std::atomic<uint32_t> turn_{0};
  alignas(64) std::atomic<int32_t> done_{0};
  std::atomic<int32_t> sleepers_{0};
  bool stop_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
};

}  // namespace fastc::rt
