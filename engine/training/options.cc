#include "engine/train.h"

namespace fastc {

const OptionSet<OptimizerOptions>& optimizer_options() {
  static const auto set = [] {
    OptionSet<OptimizerOptions> options("How a gradient becomes a change of the weights");
    options.choice("type", &OptimizerOptions::type, {"adam", "adamw", "sgd", "adafactor"},
                   "adam (decay as an L2 term), adamw (decoupled decay), sgd, or adafactor (state for rows and columns only)")
        .number("lr", &OptimizerOptions::lr, "learning rate; adafactor: relative to the size of each weight", range(0, 1e6))
        .number("weight_decay", &OptimizerOptions::weight_decay, "pulls weights towards zero", range(0, 1e6))
        .number("momentum", &OptimizerOptions::momentum, "sgd: share of the last change that is kept", at_least(0).below(1))
        .flag("nesterov", &OptimizerOptions::nesterov, "sgd: look ahead along the momentum")
        .numbers("betas", &OptimizerOptions::betas, "adam, adamw: decay of the running mean and of the running square", at_least(0).below(1))
        .number("eps", &OptimizerOptions::eps, "adam, adamw: keeps the division finite", above(0))
        .check([](const OptimizerOptions& o) -> std::string {
          if (o.betas.size() != 2) return fmt::format("betas: expected two numbers, found {}", o.betas.size());
          return o.nesterov && o.momentum == 0 ? "nesterov: expected a momentum above 0, found 0" : "";
        });
    return options;
  }();
  return set;
}

const OptionSet<ScheduleOptions>& schedule_options() {
  static const auto set = [] {
    OptionSet<ScheduleOptions> options("How the learning rate changes");
    options.choice("type", &ScheduleOptions::type, {"constant", "cosine", "step"}, "stays, falls to `floor` along half a cosine, or drops by `gamma`")
        .number("warmup_epochs", &ScheduleOptions::warmup_epochs, "epochs (or a part of one) over which the rate rises from 0", at_least(0))
        .integer("every", &ScheduleOptions::every, "step: epochs between two drops", at_least(1))
        .number("gamma", &ScheduleOptions::gamma, "step: what a drop multiplies by", above(0).to(1))
        .number("floor", &ScheduleOptions::floor, "cosine: where it ends, as a share of lr", range(0, 1));
    return options;
  }();
  return set;
}

const OptionSet<TeacherCacheOptions>& teacher_cache_options() {
  static const auto set = OptionSet<TeacherCacheOptions>("How a teacher's answers are kept")
                              .integer("max_bytes", &TeacherCacheOptions::max_bytes, "most that is kept, in memory and again in OUT/.journal; what is larger is computed in every step", range(0, 9007199254740991.0))
                              .flag("disk", &TeacherCacheOptions::disk, "keep them for later runs too");
  return set;
}

std::string train_options_problem(const TrainOptions& o) {
  if (o.patience > 0 && o.held_out == 0) return "patience: expected \"held_out\" above 0 beside it, so that there is data to judge on, found 0";
  return "";
}

}  // namespace fastc
