// Chart.js (MIT licence), as the build machine's package has it, embedded so that report.html needs no network. Two files:
// "chart.min.js" and "copyright" (its licence, which must go into whatever carries the code). cmake/FastcLibrary.cmake embeds them.
#pragma once

#include <span>

#include "base/embedded.h"

namespace fastc {

std::span<const EmbeddedFile> embedded_chart_js();

}  // namespace fastc
