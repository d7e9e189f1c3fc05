#include "driver/report/write.h"

#include <nlohmann/json.hpp>

#include "base/files.h"

namespace fastc {

Status write_report(const Report& report, const std::filesystem::path& folder) {
  FASTC_CHECK(write_atomic(folder / "summary.md", summary_markdown(report)));
  FASTC_CHECK(write_atomic(folder / "report.html", report_html(report)));
  FASTC_CHECK(write_atomic(folder / "junit.xml", junit_xml(report)));
  return write_atomic(folder / "report.json", report_json(report).dump(2) + "\n");
}

}  // namespace fastc
