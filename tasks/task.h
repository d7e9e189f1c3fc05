// What "good" means: data sets that stream samples, and metrics that score outputs. Nothing here knows how a network is run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/api.h"
#include "base/random.h"
#include "base/result.h"
#include "ir/tensor.h"
#include "ir/type.h"

namespace fastc {

// Samples put together along axis 0. Floats arrive normalized, as the network wants them.
struct Batch {
  std::vector<Tensor> inputs;  // in the order of input_names()
  Tensor labels;               // [batch]: i64 classes, or f32 numbers (regression); undefined where the data has none
  int64_t size = 0;
};

class FASTC_API Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;                        // samples, `limit` applied
  virtual std::vector<std::string> input_names() const = 0;  // names of the network's inputs, or "input_0" …
  virtual std::vector<Type> input_types() const = 0;       // one sample with a symbolic batch: f32[N,3,32,32]
  virtual bool has_labels() const = 0;
  // The listed samples. `augment` non-null: random changes declared in the recipe (flip, crop) are applied, drawn from it.
  virtual Result<Batch> batch(std::span<const int64_t> indices, Random* augment = nullptr) const = 0;
};

// Accumulates over an evaluation. Values are reported under these names; `primary()` is the one gates and tables show.
class FASTC_API Metric {
 public:
  virtual ~Metric() = default;
  // outputs: the network's, for this batch. reference: another network's outputs on it, or empty where the metric needs none.
  virtual Status add(const Batch& batch, std::span<const Tensor> outputs, std::span<const Tensor> reference) = 0;
  virtual std::map<std::string, double> values() const = 0;
};

class FASTC_API Task {
 public:
  virtual ~Task() = default;
  virtual std::string type() const = 0;                 // "image_classification", "fidelity" …
  virtual std::string primary() const = 0;              // "accuracy", "pearson" …
  virtual bool needs_reference() const = 0;             // metric compares with the original's outputs
  virtual std::unique_ptr<Metric> metric() const = 0;
  // Null where the recipe names none.
  virtual const Dataset* calibration() const = 0;
  virtual const Dataset* train() const = 0;
  virtual const Dataset* evaluation() const = 0;
};

// `recipe`: the "task" object. `folder`: what relative paths are relative to. `inputs`: the network's, by name (types may be
// empty when still unknown). Errors are kUsage (options, with JSON pointer under /task) or kInput (data).
// `order`: the same names in forward's order, which is then the order of every batch's inputs, and what input_0 … count in;
// empty: sorted by name.
FASTC_API Result<std::unique_ptr<Task>> make_task(const nlohmann::json& recipe, const std::filesystem::path& folder, const std::map<std::string, Type>& inputs, uint64_t seed,
                                                  const std::vector<std::string>& order = {});
// JSON Schema of the "task" object, from the options of every registered type and reader.
FASTC_API nlohmann::json task_schema();

}  // namespace fastc
