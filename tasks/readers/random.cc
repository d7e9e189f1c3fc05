// Inputs drawn at random in the network's own types: so that any model can be compressed and compared with itself when its
// owner has no data at hand. Sample i is the same whatever is asked for beside it.
#include <algorithm>

#include "tasks/readers/reader.h"

namespace fastc {
namespace {

struct Options {
  std::string format;
  int64_t samples = 64;
  int64_t length = 16;
  int64_t below = 2;
};

const OptionSet<Options>& options() {
  static const auto set =
      OptionSet<Options>("Random inputs of the network's own types")
          .choice("format", &Options::format, {"random"}, "what the data is")
          .required()
          .integer("samples", &Options::samples, "how many", range(1, 1 << 24))
          .integer("length", &Options::length, "what every symbolic size but the batch is set to", range(1, 1 << 20))
          .integer("below", &Options::below,
                   "integers are drawn from 0 to below - 1; 2 fits every vocabulary and every mask, the vocabulary's size measures better",
                   range(1, 1 << 30));
  return set;
}

struct Input {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;  // of one sample
};

template <typename T>
void draw_integers(Random& random, int64_t below, std::span<T> out) {
  for (T& value : out) value = static_cast<T>(random.below(static_cast<uint64_t>(below)));
}

class RandomDataset final : public Dataset {
 public:
  RandomDataset(std::vector<Input> inputs, Options options, uint64_t seed)
      : inputs_(std::move(inputs)), options_(std::move(options)), seed_(seed) {}

  int64_t size() const override { return options_.samples; }
  bool has_labels() const override { return false; }
  std::vector<std::string> input_names() const override {
    std::vector<std::string> names;
    for (const auto& input : inputs_) names.push_back(input.name);
    return names;
  }
  std::vector<Type> input_types() const override {
    std::vector<Type> types;
    for (const auto& input : inputs_) {
      Type type{input.dtype, {Dim::symbol("N")}, {}};
      for (const int64_t size : input.shape) type.shape.emplace_back(size);
      types.push_back(std::move(type));
    }
    return types;
  }

  Result<Batch> batch(std::span<const int64_t> indices, Random*) const override {
    Batch batch;
    batch.size = static_cast<int64_t>(indices.size());
    for (size_t i = 0; i < inputs_.size(); ++i) {
      std::vector<int64_t> shape{batch.size};
      shape.insert(shape.end(), inputs_[i].shape.begin(), inputs_[i].shape.end());
      Tensor tensor = Tensor::zeros(inputs_[i].dtype, std::move(shape));
      const int64_t each = batch.size == 0 ? 0 : tensor.elements() / batch.size;
      for (int64_t row = 0; row < batch.size; ++row) {
        Random random(seed_for(seed_for(seed_, i), static_cast<uint64_t>(indices[row])));
        draw(random, tensor, row * each, each);
      }
      batch.inputs.push_back(std::move(tensor));
    }
    return batch;
  }

 private:
  void draw(Random& random, Tensor& tensor, int64_t first, int64_t n) const {
    const auto part = [&]<typename T>(std::span<T> all) { return all.subspan(first, n); };
    switch (tensor.dtype()) {
      case DType::kF32:
        for (float& value : part(tensor.mutable_values<float>())) value = static_cast<float>(random.normal());
        return;
      case DType::kF64:
        for (double& value : part(tensor.mutable_values<double>())) value = random.normal();
        return;
      case DType::kI64: return draw_integers(random, options_.below, part(tensor.mutable_values<int64_t>()));
      case DType::kI32: return draw_integers(random, options_.below, part(tensor.mutable_values<int32_t>()));
      case DType::kS8: return draw_integers(random, std::min<int64_t>(options_.below, 128), part(tensor.mutable_values<int8_t>()));
      case DType::kU8: return draw_integers(random, std::min<int64_t>(options_.below, 256), part(tensor.mutable_values<uint8_t>()));
      default: return draw_integers(random, 2, part(tensor.mutable_values<bool>()));
    }
  }

  std::vector<Input> inputs_;
  Options options_;
  uint64_t seed_;
};

Result<std::unique_ptr<Dataset>> open(const Options& options, const ReaderContext& context) {
  std::vector<Input> inputs;
  for (const auto& name : context.input_names()) {
    const Type& type = context.inputs.at(name);
    if (type.shape.empty())
      return usage_error("{}: random inputs need the shape of {}; add \"inputs\": {{\"{}\": {{\"shape\": [\"N\", …], \"dtype\": \"float32\"}}}} to the model",
                         context.place, name, name);
    if (type.dtype == DType::kF16 || type.dtype == DType::kBF16)
      return usage_error("{}: random inputs are not drawn as {}, which {} takes; use \"npz\"", context.place, name_of(type.dtype), name);
    Input input{name, type.dtype, {}};
    SymbolValues values;
    for (const auto& dim : type.shape) {
      for (const auto& symbol : dim.symbols()) values[symbol] = options.length;
    }
    for (const auto& symbol : type.shape[0].symbols()) values[symbol] = 1;  // the batch: one sample
    FASTC_TRY(auto sizes, evaluate_shape(type.shape, values));
    int64_t elements = 1;
    for (const int64_t size : sizes) {
      if (size < 1 || __builtin_mul_overflow(elements, size, &elements) || elements > int64_t{1} << 31)
        return usage_error("{}: a random sample for {} of type {} would have no or too many numbers", context.place, name, type_text(type));
    }
    input.shape.assign(sizes.begin() + 1, sizes.end());
    inputs.push_back(std::move(input));
  }
  if (inputs.empty()) return usage_error("{}: random inputs need the network's inputs, and none are known", context.place);
  return std::make_unique<RandomDataset>(std::move(inputs), options, seed_for(context.seed, context.place));
}

FASTC_REGISTER_READER(random, "random", options, open);

}  // namespace
}  // namespace fastc
