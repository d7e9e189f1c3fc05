// Buffers by linear scan: ops run in order, so a value lives from the op that makes it to the last op that reads it. A reshape
// is free when its source and result share a buffer: then the buffer lives as long as either.
#include <algorithm>
#include <cstdlib>

#include "backends/cpu/lowering.h"

namespace fastc::lowering {
namespace {

// Symbols stand for unknown sizes; any positive number gives comparable estimates.
constexpr int64_t kTypicalSymbol = 8;

struct Lives {
  std::vector<uint32_t> root;  // of each value: the first value of its chain of reshapes
  std::vector<int> last_use;   // of each root: index of the last op that needs it
};

Lives find_lives(const ArtifactBuilder& builder) {
  Lives lives;
  lives.root.resize(builder.value_count());
  for (uint32_t v = 0; v < lives.root.size(); ++v) lives.root[v] = v;
  lives.last_use.assign(builder.value_count(), -1);
  const auto& ops = builder.ops();
  for (int i = 0; i < static_cast<int>(ops.size()); ++i) {
    const auto& op = ops[i];
    const bool aliases = op.kernel == rt::Kernel::kReshape && builder.value(op.inputs[0]).constant == rt::kNone;
    if (aliases) lives.root[op.outputs[0]] = lives.root[op.inputs[0]];
    for (const uint32_t v : op.inputs)
      if (v != rt::kNone) lives.last_use[lives.root[v]] = i;
    for (const uint32_t v : op.outputs) lives.last_use[lives.root[v]] = std::max(lives.last_use[lives.root[v]], i);
  }
  // Inputs stay intact (the caller may look at them), outputs are read after the last op.
  for (const auto* list : {&builder.inputs(), &builder.outputs()})
    for (const uint32_t v : *list) lives.last_use[lives.root[v]] = static_cast<int>(ops.size());
  return lives;
}

}  // namespace

void assign_buffers(ArtifactBuilder& builder) {
  const Lives lives = find_lives(builder);
  struct Buffer {
    int64_t bytes;
    int free_after;  // the op after which it may be taken again
  };
  std::vector<Buffer> buffers;
  std::vector<uint32_t> assigned(builder.value_count(), rt::kNone);
  const auto take = [&](uint32_t root, int now) {
    const int64_t bytes = builder.bytes_at(root, kTypicalSymbol);
    int best = -1;
    for (int b = 0; b < static_cast<int>(buffers.size()); ++b)
      if (buffers[b].free_after < now && (best < 0 || std::llabs(buffers[b].bytes - bytes) < std::llabs(buffers[best].bytes - bytes))) best = b;
    if (best < 0) best = static_cast<int>(buffers.size()), buffers.push_back({0, 0});
    buffers[best] = {std::max(buffers[best].bytes, bytes), lives.last_use[root]};
    assigned[root] = static_cast<uint32_t>(best);
  };
  for (const uint32_t v : builder.inputs()) take(v, -1);
  const auto& ops = builder.ops();
  for (int i = 0; i < static_cast<int>(ops.size()); ++i)
    for (const uint32_t v : ops[i].outputs)
      if (const uint32_t root = lives.root[v]; assigned[root] == rt::kNone) take(root, i);
  for (uint32_t v = 0; v < assigned.size(); ++v)
    if (builder.value(v).constant == rt::kNone) builder.set_buffer(v, assigned[lives.root[v]]);
}

}  // namespace fastc::lowering
