#include "driver/pipeline/decisions.h"

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/json.h"

namespace fastc {

Result<Decisions> Decisions::load(const std::filesystem::path& replay) {
  Decisions decisions;
  if (replay.empty()) return decisions;
  FASTC_TRY(const nlohmann::json file, read_json(replay, ErrorClass::kUsage));
  if (!file.is_object() || !file.contains("decisions") || !file["decisions"].is_object())
    return usage_error("{}: expected an object with \"decisions\", as a run writes to decisions.json", replay.string());
  for (const auto& [question, answer] : file["decisions"].items()) {
    if (!answer.is_string()) return usage_error("{}: /decisions/{}: expected a text, found {}", replay.string(), question, json_found(answer));
    decisions.replay_.emplace(question, answer.get<std::string>());
  }
  return decisions;
}

std::optional<std::string> Decisions::replayed(const std::string& question) const {
  const auto found = replay_.find(question);
  return found == replay_.end() ? std::nullopt : std::optional(found->second);
}

bool Decisions::repeat(const Answers& answers) {
  for (const auto& [question, answer] : answers)
    if (replayed(question).value_or(answer) != answer) return false;
  replay_.insert(answers.begin(), answers.end());
  for (const auto& [question, answer] : answers) record(question, answer);
  return true;
}

Decisions::Answers Decisions::made_by(const std::string& stage) const {
  Answers found;
  for (const auto& [question, answer] : made_)
    if (question.starts_with(stage + ": ")) found.emplace(question, answer);
  return found;
}

Status Decisions::write(const std::filesystem::path& path) const {
  return write_atomic(path, nlohmann::json{{"version", 1}, {"decisions", made_}}.dump(2) + "\n");
}

}  // namespace fastc
