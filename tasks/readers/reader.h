// Readers by format. A reader is one .cc: an Options struct (declared once), a function that opens, one registration line:
//
//   FASTC_REGISTER_READER(cifar10, "cifar10", options, open);
//
// with  Result<std::unique_ptr<Dataset>> open(const Options& options, const ReaderContext& context);
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/options.h"
#include "ir/type.h"
#include "tasks/task.h"

namespace fastc {

struct ReaderContext {
  std::filesystem::path folder;                // what relative paths are relative to
  const std::map<std::string, Type>& inputs;   // the network's, by name; a type without a shape is not known yet
  uint64_t seed = 0;
  std::string place;                           // JSON pointer of the data set: "/task/train"
  std::vector<std::string> order = {};         // the inputs' names in forward's order; empty: as sorted in `inputs`
  DType labels = DType::kI64;                  // what the task takes as labels: classes, or numbers (kF32)

  std::vector<std::string> input_names() const;  // every known input, in `order`
  std::filesystem::path resolve(const std::string& path) const { return folder / path; }
};

struct Reader {
  std::string format;
  const OptionTable& options;
  std::function<Result<std::unique_ptr<Dataset>>(const nlohmann::json&, const ReaderContext&)> open;
};

void register_reader(Reader reader);
std::vector<const Reader*> all_readers();  // sorted by format
// Opens what `data` describes; `data` names its format. Errors carry the place.
Result<std::unique_ptr<Dataset>> open_dataset(const nlohmann::json& data, const ReaderContext& context);

// The name of the network's only input ("input_0" when nothing is known), for formats that give one. Fails when it has several.
Result<std::string> only_input(const ReaderContext& context, std::string_view format);
std::optional<Type> known_type(const ReaderContext& context, const std::string& name);

template <typename Options, typename Open>
bool add_reader(std::string format, const OptionSet<Options>& options, Open open) {
  register_reader({std::move(format), options.table(),
                   [&options, open](const nlohmann::json& json, const ReaderContext& context) -> Result<std::unique_ptr<Dataset>> {
                     FASTC_TRY(const Options chosen, options.parse(json, context.place));
                     return open(chosen, context);
                   }});
  return true;
}

#define FASTC_REGISTER_READER(id, format, options_function, open_function) \
  [[maybe_unused]] static const bool fastc_reader_##id = ::fastc::add_reader(format, options_function(), open_function)

}  // namespace fastc
