// Any bytes at all as an artifact: refused with a status, or opened and run, never a crash. The checksum is repaired first, or
// nothing behind it would ever be reached.
#include <cstdint>
#include <cstring>
#include <vector>

#include "backends/runtime/fastc_rt.h"
#include "backends/runtime/format.h"
#include "backends/runtime/sha256.h"

extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using fastc::rt::FileHeader;
  std::vector<uint8_t> file(data, data + size);
  if (size >= sizeof(FileHeader)) {
    FileHeader header;
    std::memcpy(&header, file.data(), sizeof header);
    std::memcpy(header.magic, fastc::rt::kMagic, sizeof header.magic);
    header.major = fastc::rt::kFormatMajor, header.minor = fastc::rt::kFormatMinor;
    header.file_bytes = size;
    fastc::rt::sha256(file.data() + sizeof header, size - sizeof header, header.sha256);
    std::memcpy(file.data(), &header, sizeof header);
  }
  fastc_rt_model* model = nullptr;
  char error[256];
  if (fastc_rt_open_memory(file.data(), file.size(), &model, error, sizeof error) != FASTC_RT_OK) return 0;
  std::vector<fastc_rt_tensor> inputs(static_cast<size_t>(fastc_rt_input_count(model)));
  std::vector<std::vector<uint8_t>> memory;
  int64_t total = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    fastc_rt_value_info info{};
    fastc_rt_input(model, static_cast<int32_t>(i), &info);
    inputs[i].dtype = info.dtype, inputs[i].rank = info.rank;
    int64_t elements = 1;
    for (int32_t axis = 0; axis < info.rank; ++axis) {
      inputs[i].shape[axis] = info.min[axis];
      if (info.min[axis] > 4096 || (elements *= info.min[axis]) > 4096) total = -1;
    }
    memory.emplace_back(static_cast<size_t>(total < 0 ? 8 : elements * 8 + 8));
    inputs[i].data = memory.back().data();
    if (total < 0) break;
  }
  fastc_rt_session* session = nullptr;
  if (total == 0 && fastc_rt_session_open(model, inputs.data(), static_cast<int32_t>(inputs.size()), 1, &session, error, sizeof error) == FASTC_RT_OK &&
      fastc_rt_session_bytes(session) < 1u << 22) {
    std::vector<uint8_t> room(1u << 22);  // no output is larger than the session's memory, but a constant may be an output (32 of its bytes can come from one of the file)
    std::vector<fastc_rt_tensor> outputs(static_cast<size_t>(fastc_rt_output_count(model)));
    for (auto& output : outputs) output.data = room.data();
    if (size < room.size() / 32) fastc_rt_run(session, inputs.data(), static_cast<int32_t>(inputs.size()), outputs.data(), static_cast<int32_t>(outputs.size()), error, sizeof error);
  }
  fastc_rt_session_close(session);
  fastc_rt_close(model);
  return 0;
}
