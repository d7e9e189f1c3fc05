#include "driver/pipeline/journal.h"

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/json.h"
#include "base/sha256.h"
#include "driver/report/pass_report_json.h"
#include "ir/text.h"

namespace fastc {
namespace {

constexpr uint64_t kHashedWhole = uint64_t{256} << 20;

std::filesystem::path stem(const std::filesystem::path& folder, size_t stage) { return folder / fmt::format("stage-{:02}", stage); }
std::filesystem::path shipped_path(const std::filesystem::path& folder, size_t stage, const std::string& name) { return stem(folder, stage).string() + "-" + name + ".ir"; }

}  // namespace

std::optional<JournalEntry> Journal::find(size_t stage, const std::string& key) const {
  const auto head = read_json(stem(folder_, stage).string() + ".json");
  if (!head || !head->is_object() || head->value("key", "") != key) return {};
  auto module = read_module(stem(folder_, stage).string() + ".ir");
  auto report = pass_report_from_json(head->value("report", nlohmann::json::object()));
  if (!module || !report) return {};
  JournalEntry entry{std::move(*module), std::move(*report), head->value("seconds", 0.0), {}, {}};
  const nlohmann::json decisions = head->value("decisions", nlohmann::json::object()), shipped = head->value("shipped", nlohmann::json::array());
  for (const auto& [question, answer] : decisions.items()) {
    if (!answer.is_string()) return {};
    entry.decisions.emplace(question, answer.get<std::string>());
  }
  for (const auto& name : shipped) {
    auto other = name.is_string() ? read_module(shipped_path(folder_, stage, name.get<std::string>())) : input_error("a name that is no text");
    if (!other) return {};
    entry.shipped.emplace(name.get<std::string>(), std::move(*other));
  }
  return entry;
}

// The head last: an entry without it does not exist.
Status Journal::record(size_t stage, const std::string& key, const JournalEntry& entry) const {
  FASTC_CHECK(make_folders(folder_));
  FASTC_CHECK(write_module(entry.module, stem(folder_, stage).string() + ".ir"));
  nlohmann::json head = {{"key", key}, {"seconds", entry.seconds}, {"report", pass_report_json(entry.report)}, {"decisions", entry.decisions}, {"shipped", nlohmann::json::array()}};
  for (const auto& [name, module] : entry.shipped) {
    FASTC_CHECK(write_module(module, shipped_path(folder_, stage, name)));
    head["shipped"].push_back(name);
  }
  return write_atomic(stem(folder_, stage).string() + ".json", head.dump(1));
}

Status Journal::discard() const {
  std::error_code error;
  std::vector<std::filesystem::path> stages;
  for (std::filesystem::directory_iterator it(folder_, error), end; !error && it != end; it.increment(error))
    if (it->path().filename().string().starts_with("stage-")) stages.push_back(it->path());
  if (error == std::errc::no_such_file_or_directory) return {};
  for (const auto& path : stages) {
    if (!error) std::filesystem::remove_all(path, error);
    if (error) return input_error("{}: the journal of an earlier run cannot be removed: {}", path.string(), error.message());
  }
  return error ? Status(input_error("{}: cannot be read: {}", folder_.string(), error.message())) : Status{};
}

Status Journal::record_decisions(size_t stage, const std::map<std::string, std::string>& decisions) const {
  const std::filesystem::path path = stem(folder_, stage).string() + ".json";
  FASTC_TRY(nlohmann::json head, read_json(path));
  head["decisions"] = decisions;
  return write_atomic(path, head.dump(1));
}

std::filesystem::path Journal::checkpoints(size_t stage, const std::string& key) const {
  const auto folder = folder_ / fmt::format("stage-{:02}-{}", stage, key.substr(0, 12));
  (void)make_folders(folder);
  return folder;
}

std::string stage_key(const std::string& previous, const std::string& what) { return sha256_hex(as_bytes_of(previous + "\n" + what)); }

Result<std::string> content_key(const std::vector<std::filesystem::path>& files) {
  std::string all;
  for (const auto& path : files) {
    FASTC_TRY(const uint64_t bytes, file_bytes(path));
    if (bytes <= kHashedWhole) {
      FASTC_TRY(const auto file, MappedFile::open(path));
      all += sha256_hex(file->bytes()) + "\n";
    } else {
      std::error_code error;
      const auto changed = std::filesystem::last_write_time(path, error).time_since_epoch().count();
      all += fmt::format("{} {}\n", bytes, changed);
    }
  }
  return sha256_hex(as_bytes_of(all));
}

}  // namespace fastc
