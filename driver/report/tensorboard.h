// Training curves as TensorBoard reads them: one event file a stage.
//
// The file is TFRecords (u64 length, masked CRC-32C of it, data, masked CRC-32C of that; little-endian), each an Event of tensorflow/core/util/event.proto
// in protobuf's wire format. Written by hand: three messages with six fields, never read back, do not pay for protoc in the build and 3 MB of
// library in the package.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/api.h"
#include "base/result.h"
#include "passes/pass.h"

namespace fastc {

// `wall_time`: seconds since 1970, given to every point. The step is the point's x (an epoch), the tag its series.
FASTC_API std::string tensorboard_events(std::span<const CurvePoint> points, double wall_time);
// FOLDER/events.out.tfevents.fastc, in place of the one of an earlier run. No points: no file.
FASTC_API Status write_tensorboard(const std::filesystem::path& folder, std::span<const CurvePoint> points);

FASTC_API uint32_t crc32c(std::string_view bytes);  // Castagnoli's polynomial (RFC 3720, appendix B.4)

}  // namespace fastc
