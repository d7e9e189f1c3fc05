#include "driver/report/pass_report_json.h"

#include <nlohmann/json.hpp>

namespace fastc {

using nlohmann::json;

json pass_report_json(const PassReport& report) {
  json numbers = json::object(), curves = json::array(), channels = json::array();
  for (const auto& [name, value] : report.numbers) numbers[name] = value;
  for (const CurvePoint& p : report.curves) curves.push_back({{"series", p.series}, {"x", p.x}, {"y", p.y}});
  for (const auto& c : report.channels) channels.push_back({{"node", c.node}, {"before", c.before}, {"after", c.after}});
  return {{"changed", report.changed}, {"notes", report.notes}, {"numbers", numbers}, {"curves", curves}, {"channels", channels}};
}

Result<PassReport> pass_report_from_json(const json& value) {
  PassReport report;
  try {
    report.changed = value.at("changed").get<bool>();
    report.notes = value.at("notes").get<std::vector<std::string>>();
    for (const auto& [name, number] : value.at("numbers").items()) report.numbers.emplace_back(name, number.get<double>());
    for (const json& p : value.at("curves")) report.curves.push_back({p.at("series"), p.at("x"), p.at("y")});
    for (const json& c : value.at("channels")) report.channels.push_back({c.at("node"), c.at("before"), c.at("after")});
  } catch (const json::exception& error) {
    return input_error("the journal's pass report: {}", error.what());
  }
  return report;
}

}  // namespace fastc
