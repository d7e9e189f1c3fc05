#include "tasks/array_dataset.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/json.h"
#include "tasks/augment.h"
#include "tasks/readers/reader.h"

namespace fastc {
namespace {

std::string shape_words(const std::vector<int64_t>& shape) {
  std::string out;
  for (const int64_t size : shape) out += (out.empty() ? "" : "x") + std::to_string(size);
  return out.empty() ? "single numbers" : out;
}

int64_t product_of(const std::vector<int64_t>& shape) {
  int64_t n = 1;
  for (const int64_t size : shape) n *= size;
  return n;
}

std::vector<int64_t> without_ones(std::vector<int64_t> shape) {
  std::erase(shape, 1);
  return shape;
}

// The network's sizes where they are constants, -1 where they are symbolic.
std::vector<int64_t> sample_sizes(const Type& type) {
  std::vector<int64_t> sizes;
  for (size_t i = 1; i < type.shape.size(); ++i) sizes.push_back(type.shape[i].is_constant() ? type.shape[i].constant() : -1);
  return sizes;
}

// What a sample is shaped to for the network: as it is; with sizes of 1 added or dropped (28x28 for 1x28x28); or flattened.
std::optional<std::vector<int64_t>> fit(const std::vector<int64_t>& sample, const std::vector<int64_t>& wanted) {
  if (sample.size() == wanted.size()) {
    for (size_t i = 0; i < sample.size(); ++i) {
      if (wanted[i] != -1 && wanted[i] != sample[i]) return std::nullopt;
    }
    return sample;
  }
  if (std::find(wanted.begin(), wanted.end(), -1) != wanted.end()) return std::nullopt;
  if (without_ones(sample) == without_ones(wanted)) return wanted;
  if (wanted.size() == 1 && wanted[0] == product_of(sample)) return wanted;
  return std::nullopt;
}

// One input, ready to be gathered.
struct Input {
  std::string name;
  Column column;
  DType dtype = DType::kF32;
  std::vector<int64_t> delivered;  // shape of one sample as the network sees it
  std::optional<float> divisor;    // bytes: x / 255 as ToTensor has it, which differs from x · (1/255) in the last bit
  float scale = 1;
  std::vector<float> mean, std;    // empty: none
  std::vector<float> table;        // bytes: every value of every channel, worked out once
};

class ArrayDataset final : public Dataset {
 public:
  ArrayDataset(std::vector<Input> inputs, std::optional<Column> labels, DType label_type, Augment augment, int64_t size)
      : inputs_(std::move(inputs)), labels_(std::move(labels)), label_type_(label_type), augment_(augment), size_(size) {}

  int64_t size() const override { return size_; }
  bool has_labels() const override { return labels_.has_value(); }
  std::vector<std::string> input_names() const override {
    std::vector<std::string> names;
    for (const auto& input : inputs_) names.push_back(input.name);
    return names;
  }
  std::vector<Type> input_types() const override {
    std::vector<Type> types;
    for (const auto& input : inputs_) {
      Type type{input.dtype, {Dim::symbol("N")}, {}};
      for (const int64_t size : input.delivered) type.shape.emplace_back(size);
      types.push_back(std::move(type));
    }
    return types;
  }

  Result<Batch> batch(std::span<const int64_t> indices, Random* random) const override {
    for (const int64_t index : indices) {
      if (index < 0 || index >= size_) return internal_error("sample {} of {} was asked for", index, size_);
    }
    Batch batch;
    batch.size = static_cast<int64_t>(indices.size());
    for (const auto& input : inputs_) {
      FASTC_TRY(Tensor tensor, gather(input, indices, random));
      batch.inputs.push_back(std::move(tensor));
    }
    if (labels_) {
      batch.labels = Tensor::zeros(label_type_, {batch.size});
      auto* out = static_cast<std::byte*>(batch.labels.mutable_raw());
      for (size_t i = 0; i < indices.size(); ++i)
        convert(labels_->stored, labels_->sample(indices[i]), 1, label_type_, out + i * size_of(label_type_));
    }
    return batch;
  }

 private:
  Result<Tensor> gather(const Input& input, std::span<const int64_t> indices, Random* random) const {
    std::vector<int64_t> shape{static_cast<int64_t>(indices.size())};
    shape.insert(shape.end(), input.delivered.begin(), input.delivered.end());
    Tensor out = Tensor::zeros(input.dtype, std::move(shape));
    const int64_t n = product_of(input.column.shape);
    const size_t item = size_of(input.column.stored);
    auto* target = static_cast<std::byte*>(out.mutable_raw());
    const bool made = input.column.make != nullptr;
    std::vector<std::byte> changed(random != nullptr && augment_.any() ? static_cast<size_t>(n) * item : 0);
    std::vector<std::byte> room(made ? static_cast<size_t>(n) * item : 0);
    for (const int64_t index : indices) {
      if (made) FASTC_CHECK(input.column.make(index, room.data()));
      const std::byte* source = made ? room.data() : input.column.sample(index);
      if (!changed.empty() && input.column.shape.size() == 3) {
        augment_image(augment_, *random, input.column.shape, item, source, changed.data());
        source = changed.data();
      }
      put(input, source, n, target);
      target += n * static_cast<int64_t>(size_of(input.dtype));
    }
    return out;
  }

  static void put(const Input& input, const std::byte* source, int64_t n, std::byte* target) {
    if (input.table.empty()) {
      convert(input.column.stored, source, n, input.dtype, target);
      if (input.dtype == DType::kF32) scale_floats(input, n, reinterpret_cast<float*>(target));
      return;
    }
    auto* out = reinterpret_cast<float*>(target);
    const int64_t channels = static_cast<int64_t>(input.table.size()) / 256, each = n / channels;
    for (int64_t c = 0; c < channels; ++c) {
      const float* table = input.table.data() + c * 256;
      for (int64_t i = c * each; i < (c + 1) * each; ++i) out[i] = table[std::to_integer<uint8_t>(source[i])];
    }
  }

  static void scale_floats(const Input& input, int64_t n, float* values) {
    if (input.scale != 1) {
      for (int64_t i = 0; i < n; ++i) values[i] *= input.scale;
    }
    const auto channels = static_cast<int64_t>(input.mean.size());
    for (int64_t c = 0; c < channels; ++c) {
      for (int64_t i = c * (n / channels); i < (c + 1) * (n / channels); ++i) values[i] = (values[i] - input.mean[c]) / input.std[c];
    }
  }

  std::vector<Input> inputs_;
  std::optional<Column> labels_;
  DType label_type_;
  Augment augment_;
  int64_t size_;
};

std::vector<float> byte_table(const Input& input) {
  const size_t channels = std::max<size_t>(1, input.mean.size());
  std::vector<float> table(channels * 256);
  for (size_t i = 0; i < table.size(); ++i) {
    float value = static_cast<float>(i % 256);
    value = input.divisor ? value / *input.divisor : value * input.scale;
    table[i] = input.mean.empty() ? value : (value - input.mean[i / 256]) / input.std[i / 256];
  }
  return table;
}

Status set_normalization(Input& input, const Normalize& normalize, std::string_view place) {
  const auto& shape = input.column.shape;
  const size_t channels = shape.size() == 3 || shape.size() == 1 ? static_cast<size_t>(shape[0]) : 1;
  const auto spread = [&](const char* key, const std::vector<double>& values, std::vector<float>& out) -> Status {
    if (values.size() != 1 && values.size() != channels)
      return usage_error("{}/normalize/{}: expected one number, or one for each of {} channels, found {}", place, key, channels, values.size());
    for (size_t c = 0; c < (values.size() == 1 ? 1 : channels); ++c) out.push_back(static_cast<float>(values[c]));
    return {};
  };
  FASTC_CHECK(spread("mean", normalize.mean, input.mean));
  FASTC_CHECK(spread("std", normalize.std, input.std));
  const size_t most = std::max(input.mean.size(), input.std.size());
  input.mean.resize(most, input.mean.front());
  input.std.resize(most, input.std.front());
  return {};
}

Result<Input> prepare(NamedColumn named, const SampleOptions& options, std::string_view place) {
  Input input{std::move(named.name), std::move(named.column)};
  const Stored stored = input.column.stored;
  const bool known = named.wanted && !named.wanted->shape.empty();
  input.dtype = known ? named.wanted->dtype : natural_dtype(stored);
  if (!can_convert(stored, input.dtype))
    return input_error("{}: expected {} for the network's input {}, found {}", place, name_of(input.dtype), input.name, name_of(stored));
  input.delivered = input.column.shape;
  if (known) {
    const auto fitted = fit(input.column.shape, sample_sizes(*named.wanted));
    if (!fitted)
      return input_error("{}: expected samples for the network's input {} of type {}, found {}", place, input.name,
                         type_text(*named.wanted), shape_words(input.column.shape));
    input.delivered = *fitted;
  }
  if (input.dtype != DType::kF32) return input;  // token ids and masks are neither scaled nor normalized
  const bool bytes = stored == Stored::kU8;
  if (bytes && !options.scale) input.divisor = 255.0f;
  input.scale = static_cast<float>(options.scale.value_or(1));
  if (options.normalize) FASTC_CHECK(set_normalization(input, *options.normalize, place));
  if (bytes) input.table = byte_table(input);
  return input;
}

}  // namespace

int64_t Column::count() const {
  int64_t n = made;
  for (const auto& part : parts) n += part.count;
  return n;
}

const std::byte* Column::sample(int64_t index) const {
  for (const auto& part : parts) {  // a handful of files at most
    if (index < part.count) return part.data + index * stride;
    index -= part.count;
  }
  return nullptr;
}

const OptionSet<Normalize>& normalize_options() {
  static const auto set = OptionSet<Normalize>()
                              .numbers("mean", &Normalize::mean, "one number, or one a channel")
                              .numbers("std", &Normalize::std, "one number, or one a channel", above(0));
  return set;
}

Result<std::unique_ptr<Dataset>> make_array_dataset(std::vector<NamedColumn> columns, std::optional<Column> labels,
                                                    const SampleOptions& options, const ReaderContext& context) {
  const std::string_view place = context.place;
  FASTC_TRY(const Augment augment, parse_augment(options.augment, json_child(place, "augment")));
  if (columns.empty()) return input_error("{}: expected at least one input, found none", place);
  const int64_t count = columns.front().column.count();
  if (count == 0) return input_error("{}: expected samples, found none", place);
  const std::string first = columns.front().name;
  bool image = false;
  std::vector<Input> inputs;
  for (auto& column : columns) {
    if (const int64_t n = column.column.count(); n != count)
      return input_error("{}: expected {} samples for {} as for {}, found {}", place, count, column.name, first, n);
    FASTC_TRY(auto input, prepare(std::move(column), options, place));
    image |= input.column.shape.size() == 3;
    inputs.push_back(std::move(input));
  }
  if (labels && labels->count() != count)
    return input_error("{}: expected {} labels, one a sample, found {}", place, count, labels->count());
  if (labels && !can_convert(labels->stored, context.labels))
    return input_error("{}: expected labels as integers, found {}", place, name_of(labels->stored));
  if (augment.any() && !image)
    return usage_error("{}/augment: expected images of channels, height and width, found samples of {}", place,
                       shape_words(inputs.front().column.shape));
  const int64_t size = std::min(count, options.limit.value_or(count));
  return std::make_unique<ArrayDataset>(std::move(inputs), std::move(labels), context.labels, augment, size);
}

}  // namespace fastc
