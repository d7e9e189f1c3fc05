// What passes that train share: where the data comes from, and how a training run is reported.
#pragma once

#include <string>

#include "engine/train.h"
#include "passes/pass.h"

namespace fastc {

// The training data; under fidelity, which may name none, the calibration data. An error where there is neither.
Result<const Dataset*> data_to_train_on(PassContext& context, std::string_view pass);

// `part` opens the names of the curves that are drawn meanwhile, for passes that train several times or several networks; a second network's begin with "peer_".
TrainContext train_context(PassContext& context, std::string what, const std::string& part = "");

// Trains as finetune does: on the labels, minimizing `loss` ("cross_entropy", "binary_cross_entropy", "mse", or "auto": mse where the task is
// regression, else cross entropy); where there are none, and under fidelity, towards the original's outputs.
struct TaskTraining {
  TrainReport report;
  bool on_labels = true;
};
Result<TaskTraining> train_for_task(Module& module, const Dataset& data, const TrainOptions& options, PassContext& context, TrainContext training,
                                    std::string_view loss = "auto");

// Curve, steps and the last epoch's numbers. `notes` go in front; `part` as above.
PassReport report_of(const TrainReport& trained, std::vector<std::string> notes, const std::string& part = "");
// An epoch as points of curves: "loss", "accuracy", "held_out_loss", "held_out_accuracy", behind `part`.
std::vector<CurvePoint> points_of(const EpochRow& row, const std::string& part);

}  // namespace fastc
