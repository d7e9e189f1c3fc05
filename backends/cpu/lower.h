// ir::Module → artifact bytes for the CPU runtime: choice of kernel and layout, packed weights, lifetimes of buffers.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "backends/artifact/builder.h"
#include "base/api.h"
#include "base/result.h"
#include "ir/module.h"

namespace fastc {

struct LowerOptions {
  std::vector<std::pair<std::string, std::string>> metadata;  // written as they are; no time, path, host name or latency
};

// The module must have passed verify(), and graph.fold and graph.fuse for speed (not for correctness). An op or a combination
// that the runtime has no kernel for is a kInput error naming the node and what to do.
FASTC_API Result<ArtifactBytes> lower(const Module& module, const LowerOptions& options = {});

}  // namespace fastc
