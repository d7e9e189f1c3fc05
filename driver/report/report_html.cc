// report.html: one file that opens anywhere, without a network. The data is the same JSON as report.json; Chart.js is embedded with its licence.
#include <nlohmann/json.hpp>

#include "driver/report/chart_js.h"
#include "driver/report/html_template.h"
#include "driver/report/report.h"

namespace fastc {
namespace {

// "</script>" inside a string would end the script element early.
std::string script_safe(std::string text) {
  for (size_t at = 0; (at = text.find("</", at)) != std::string::npos; at += 3) text.replace(at, 2, "<\\/");
  return text;
}

std::string replace(std::string text, std::string_view mark, std::string_view by) {
  const size_t at = text.find(mark);
  return at == std::string::npos ? text : text.replace(at, mark.size(), by);
}

std::string embedded(std::string_view path) {
  for (const EmbeddedFile& file : embedded_chart_js())
    if (file.path == path) return std::string(file.data);
  return {};
}

}  // namespace

std::string report_html(const Report& report) {
  const std::string data = report_json(report).dump(-1, ' ', /*ensure_ascii=*/true, nlohmann::json::error_handler_t::replace);
  std::string page(html_template());
  page = replace(std::move(page), "/*REPORT*/", script_safe(data));
  page = replace(std::move(page), "/*CHART_LICENCE*/", script_safe(embedded("copyright")));
  return replace(std::move(page), "/*CHART_JS*/", script_safe(embedded("chart.min.js")));
}

}  // namespace fastc
