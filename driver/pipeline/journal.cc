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

}  // namespace

std::optional<JournalEntry> Journal::find(size_t stage, const std::string& key) const {
  const auto head = read_json(stem(folder_, stage).string() + ".json");
  if (!head || !head->is_object() || head->value("key", "") != key) return {};
  auto module = read_module(stem(folder_, stage).string() + ".ir");
  auto report = pass_report_from_json(head->value("report", nlohmann::json::object()));
  if (!module || !report) return {};
  return JournalEntry{std::move(*module), std::move(*report), head->value("seconds", 0.0)};
}

// The head last: an entry without it does not exist.
Status Journal::record(size_t stage, const std::string& key, const JournalEntry& entry) const {
  FASTC_CHECK(make_folders(folder_));
  FASTC_CHECK(write_module(entry.module, stem(folder_, stage).string() + ".ir"));
  const nlohmann::json head = {{"key", key}, {"seconds", entry.seconds}, {"report", pass_report_json(entry.report)}};
  return write_atomic(stem(folder_, stage).string() + ".json", head.dump(1));
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
