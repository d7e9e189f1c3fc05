#pragma once

#include <filesystem>

#include "base/result.h"
#include "driver/report/report.h"

namespace fastc {

// report.json, summary.md, report.html and junit.xml into `folder`.
Status write_report(const Report& report, const std::filesystem::path& folder);

}  // namespace fastc
