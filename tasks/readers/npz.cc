// NumPy archives: an array for each input of the network, samples along its first axis; labels in an array of integers.
// Arrays that are stored without compression (numpy.savez) are read out of the mapping, so a large archive costs no memory.
#include <algorithm>

#include "base/npy.h"
#include "base/text.h"
#include "tasks/array_dataset.h"
#include "tasks/readers/reader.h"

namespace fastc {
namespace {

struct Options : SampleOptions {
  std::string path;
  std::map<std::string, std::string> inputs;
  std::optional<std::string> label;
};

const OptionSet<Options>& options() {
  static const auto set =
      sample_options<Options>("npz", "NumPy arrays in an .npz: one for each input, one of labels")
          .text("path", &Options::path, "the .npz file")
          .required()
          .text_map("inputs", &Options::inputs,
                    "which array goes to which input: {\"x\": \"images\"}; empty: arrays named as the inputs, or input_0, input_1 …")
          .text("label", &Options::label, "the array of labels, one a sample: classes as integers, or numbers (regression)");
  return set;
}

Result<Column> column_of(const NpyArray& array, const std::string& what) {
  if (array.shape.empty()) return input_error("{}: expected samples along the first axis, found a single number", what);
  const auto stored = stored_of_npy(array.descr);
  if (!stored) return input_error("{}: expected numbers, found elements of {}", what, array.descr);
  Column column{{{array.data.bytes.data(), array.shape[0], array.data.owner}}, *stored, {array.shape.begin() + 1, array.shape.end()}, 0};
  column.stride = array.shape[0] == 0 ? 0 : static_cast<int64_t>(array.data.bytes.size()) / array.shape[0];
  if (array.shape[0] > 0 && column.stride == 0) return input_error("{}: expected samples of at least one number, found an empty array", what);
  return column;
}

using Pairs = std::vector<std::pair<std::string, std::string>>;  // (input, array)

// "input_1" is called as the network calls its second input, when forward's order is known or there is but one.
std::string real_name(const std::string& input, const ReaderContext& context) {
  const auto names = context.input_names();
  if (context.order.empty() && names.size() != 1) return input;
  for (size_t i = 0; i < names.size(); ++i) {
    if (input == fmt::format("input_{}", i) && !context.inputs.contains(input)) return names[i];
  }
  return input;
}

// As the recipe says, by equal names, or input_0, input_1 …
Result<Pairs> pair_up(const Options& options, const ReaderContext& context, const NpzReader& npz, const std::string& path) {
  const auto names = context.input_names();
  Pairs pairs;
  for (const auto& [input, array] : options.inputs) {
    pairs.emplace_back(real_name(input, context), array);
    if (names.empty() || input.starts_with("input_") || context.inputs.contains(input)) continue;
    return usage_error("{}/inputs: expected names of the network's inputs ({}), found \"{}\"", context.place, list_words(names), input);
  }
  if (!pairs.empty()) {
    // Batches come in forward's order, not in the order of the recipe's keys.
    const auto rank = [&](const auto& pair) { return std::find(names.begin(), names.end(), pair.first) - names.begin(); };
    std::stable_sort(pairs.begin(), pairs.end(), [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
    return pairs;
  }
  if (!names.empty() && std::all_of(names.begin(), names.end(), [&](const auto& name) { return npz.has(name); })) {
    for (const auto& name : names) pairs.emplace_back(name, name);
    return pairs;
  }
  for (size_t i = 0; npz.has(fmt::format("input_{}", i)); ++i) {
    const auto array = fmt::format("input_{}", i);
    pairs.emplace_back(real_name(array, context), array);
  }
  if (pairs.empty())
    return input_error("{}: expected arrays named as the network's inputs ({}) or input_0, input_1 …, found {}; say which with \"inputs\"",
                       path, names.empty() ? "not known yet" : list_words(names), list_words(npz.names()));
  return pairs;
}

Result<Column> labels_of(const NpzReader& npz, const std::string& name, const std::string& what, DType wanted) {
  FASTC_TRY(const NpyArray array, npz.read(name));
  FASTC_TRY(Column column, column_of(array, what));
  for (const int64_t size : column.shape) {
    if (size != 1) return input_error("{}: expected one label a sample, found {}", what, size);
  }
  if (!can_convert(column.stored, wanted)) return input_error("{}: expected labels as integers, found {}", what, name_of(column.stored));
  column.shape.clear();
  return column;
}

Result<std::unique_ptr<Dataset>> open(const Options& options, const ReaderContext& context) {
  const auto path = context.resolve(options.path);
  FASTC_TRY(const NpzReader npz, NpzReader::open(path));
  FASTC_TRY(const auto pairs, pair_up(options, context, npz, path.string()));
  std::vector<NamedColumn> columns;
  for (const auto& [input, name] : pairs) {
    FASTC_TRY(const NpyArray array, npz.read(name));
    FASTC_TRY(Column column, column_of(array, fmt::format("{}, array {}", path.string(), name)));
    columns.push_back({input, std::move(column), known_type(context, input)});
  }
  std::optional<Column> labels;
  if (options.label) {
    FASTC_TRY(labels, labels_of(npz, *options.label, fmt::format("{}, array {}", path.string(), *options.label), context.labels));
  }
  return make_array_dataset(std::move(columns), std::move(labels), options, context);
}

FASTC_REGISTER_READER(npz, "npz", options, open);

}  // namespace
}  // namespace fastc
