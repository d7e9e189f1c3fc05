// PassReport to JSON and back: for the journal and for report.json.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "passes/pass.h"

namespace fastc {

nlohmann::json pass_report_json(const PassReport& report);
Result<PassReport> pass_report_from_json(const nlohmann::json& json);

}  // namespace fastc
