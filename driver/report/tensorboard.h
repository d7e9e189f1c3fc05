// Training curves as TensorBoard reads them: one event file a stage, readable while the stage trains.
//
// The file is TFRecords (u64 length, masked CRC-32C of it, data, masked CRC-32C of that; little-endian), each an Event of tensorflow/core/util/event.proto
// in protobuf's wire format. Written by hand: three messages with six fields, never read back, do not pay for protoc in the build and 3 MB of
// library in the package.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/api.h"
#include "base/result.h"
#include "passes/pass.h"

namespace fastc {

// `wall_time`: seconds since 1970, given to every point. The step is the point's x (an epoch), the tag its series.
FASTC_API std::string tensorboard_events(std::span<const CurvePoint> points, double wall_time);
// FOLDER/events.out.tfevents.fastc, in place of the one of an earlier run. No points: no file.
FASTC_API Status write_tensorboard(const std::filesystem::path& folder, std::span<const CurvePoint> points);

// The same file while a stage runs: each point is in it, and can be read, once add() returns.
class FASTC_API LiveCurves {
 public:
  explicit LiveCurves(std::filesystem::path folder) : folder_(std::move(folder)) {}
  void add(const CurvePoint& point);  // a problem with the file waits for finish()
  // Those of the stage's curves that are not there yet. Without a point added before, as write_tensorboard().
  Status finish(std::span<const CurvePoint> curves);

 private:
  std::filesystem::path folder_;
  std::ofstream file_;
  std::set<std::pair<std::string, double>> written_;  // series and x
  Status status_;
};

FASTC_API uint32_t crc32c(std::string_view bytes);  // Castagnoli's polynomial (RFC 3720, appendix B.4)

}  // namespace fastc
