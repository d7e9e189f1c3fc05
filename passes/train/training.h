// What finetune and the distilling passes share: where the data comes from, and how a training run is reported.
#pragma once

#include <string>

#include "engine/train.h"
#include "passes/pass.h"

namespace fastc {

// The training data; under fidelity, which may name none, the calibration data. An error where there is neither.
Result<const Dataset*> data_to_train_on(PassContext& context, std::string_view pass);

TrainContext train_context(PassContext& context, std::string what);

// Curve, steps and the last epoch's numbers. `notes` go in front.
PassReport report_of(const TrainReport& trained, std::vector<std::string> notes);

}  // namespace fastc
