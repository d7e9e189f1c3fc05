// CIFAR's binary format: records of one label byte (CIFAR-100: a coarse one before it) and 3072 pixel bytes, planar RGB, 32x32.
// Source: www.cs.toronto.edu/~kriz/cifar.html, "Binary version".
#include "base/files.h"
#include "base/json.h"
#include "tasks/array_dataset.h"
#include "tasks/readers/reader.h"

namespace fastc {
namespace {

constexpr int64_t kPixels = 3072;

struct Options : SampleOptions {
  std::vector<std::string> path;
};

OptionSet<Options> declare(const char* format, const char* summary) {
  auto set = sample_options<Options>(format, summary);
  set.texts("path", &Options::path, "the file, or several that follow each other").required();
  return set;
}

const OptionSet<Options>& options10() {
  static const auto set = declare("cifar10", "CIFAR-10 in its binary version: 32x32 colour images, 10 classes");
  return set;
}

const OptionSet<Options>& options100() {
  static const auto set = declare("cifar100", "CIFAR-100 in its binary version: 32x32 colour images, 100 fine classes");
  return set;
}

// A byte out of range means that this is another file, or another format: better said now than by a network's bad accuracy.
Status check_labels(std::span<const std::byte> bytes, int64_t record, int64_t label, int classes, const std::string& path) {
  for (int64_t at = label; at < static_cast<int64_t>(bytes.size()); at += record) {
    if (const int found = std::to_integer<int>(bytes[at]); found >= classes)
      return input_error("{}: expected a label from 0 to {} at offset {}, found {}", path, classes - 1, at, found);
  }
  return {};
}

Result<std::unique_ptr<Dataset>> open(const Options& options, const ReaderContext& context, int64_t label_bytes, int classes) {
  FASTC_TRY(const std::string name, only_input(context, options.format));
  const int64_t record = label_bytes + kPixels;
  Column images{{}, Stored::kU8, {3, 32, 32}, record}, labels{{}, Stored::kU8, {}, record};
  for (const auto& text : options.path) {
    const auto path = context.resolve(text);
    FASTC_TRY(const auto file, MappedFile::open(path));
    const auto bytes = file->bytes();
    const auto size = static_cast<int64_t>(bytes.size());
    if (size == 0 || size % record != 0)
      return input_error("{}: expected records of {} bytes, found {} bytes ({} left over)", path.string(), record, size, size % record);
    FASTC_CHECK(check_labels(bytes, record, label_bytes - 1, classes, path.string()));
    images.parts.push_back({bytes.data() + label_bytes, size / record, file});
    labels.parts.push_back({bytes.data() + label_bytes - 1, size / record, file});
  }
  return make_array_dataset({{name, std::move(images), known_type(context, name)}}, std::move(labels), options, context);
}

Result<std::unique_ptr<Dataset>> open10(const Options& options, const ReaderContext& context) {
  return open(options, context, 1, 10);
}
Result<std::unique_ptr<Dataset>> open100(const Options& options, const ReaderContext& context) {
  return open(options, context, 2, 100);
}

FASTC_REGISTER_READER(cifar10, "cifar10", options10, open10);
FASTC_REGISTER_READER(cifar100, "cifar100", options100, open100);

}  // namespace
}  // namespace fastc
