// The data set behind every reader of files: columns of equal-sized samples, in mapped memory or worked out one at a time,
// converted a batch at a time. A reader only says where the samples lie, or how one is made. Nothing but the batch asked for
// is ever decoded or turned into floats.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/options.h"
#include "ir/type.h"
#include "tasks/stored.h"
#include "tasks/task.h"

namespace fastc {

struct ReaderContext;

// Sample i of a run of samples lies at data + i·stride bytes, contiguous in itself; or `make` writes it.
struct Column {
  struct Part {  // one file, or one array; a column may be spread over several
    const std::byte* data = nullptr;
    int64_t count = 0;
    std::shared_ptr<const void> owner;
  };
  std::vector<Part> parts;
  Stored stored = Stored::kU8;
  std::vector<int64_t> shape;  // of one sample
  int64_t stride = 0;          // bytes from one sample to the next

  // Instead of parts: so many samples, each made when it is asked for (an image decoded, a line tokenized) and written to
  // `out`, which has room for one.
  int64_t made = 0;
  std::function<Status(int64_t index, std::byte* out)> make;

  int64_t count() const;
  const std::byte* sample(int64_t index) const;
};

struct Normalize {
  std::vector<double> mean{0}, std{1};  // one for all channels, or one a channel (of a plain vector: one a number)
};

// The options that every reader of files has.
struct SampleOptions {
  std::string format;
  std::optional<int64_t> limit;
  std::optional<double> scale;
  std::optional<Normalize> normalize;
  std::vector<std::string> augment;
};
const OptionSet<Normalize>& normalize_options();

// Declares them on a reader's own options, which derive from SampleOptions.
template <typename T>
OptionSet<T> sample_options(std::string format, std::string summary) {
  return OptionSet<T>(std::move(summary))
      .choice("format", &T::format, {std::move(format)}, "what the file is")
      .required()
      .integer("limit", &T::limit, "only the first so many samples", at_least(1))
      .number("scale", &T::scale, "what a stored number is multiplied with first; absent: 1/255 for bytes that become floats, else 1")
      .object("normalize", &T::normalize, normalize_options(), "afterwards (x - mean) / std, in each channel")
      .texts("augment", &T::augment,
             "changes at random in training: \"flip\" (left and right, every other sample), \"cropN\" (pads N zeros on each side, cuts the size out again)");
}

struct NamedColumn {
  std::string name;  // of the network's input, or "input_0"
  Column column;
  std::optional<Type> wanted;  // the network's type, where known
};

// Labels become what the context wants them as. Fails when sample shapes, element types, counts, normalization or augmentation
// do not fit each other or the network.
Result<std::unique_ptr<Dataset>> make_array_dataset(std::vector<NamedColumn> inputs, std::optional<Column> labels,
                                                    const SampleOptions& options, const ReaderContext& context);

}  // namespace fastc
