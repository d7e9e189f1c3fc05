#pragma once

#include <string_view>

namespace fastc {

// The page around the data: marks /*REPORT*/, /*CHART_JS*/ and /*CHART_LICENCE*/ are replaced once each.
std::string_view html_template();

}  // namespace fastc
