#include "tests/zoo/methods.h"

#include "driver/measure/compare.h"
#include "driver/pipeline/emitted.h"

namespace fastc::test {
namespace {

// The recorded samples of both batches serve as data; there are no labels.
class SpecimenContext final : public PlainContext {
 public:
  SpecimenContext(const Specimen& s, const Module& original) : samples_(s.large.inputs) {
    calibration_data = training = &samples_;
    models.emplace("original", original);
  }

 private:
  Samples samples_;
};

Status close(const char* where, const Tensor& found, const Tensor& expected) {
  const double error = relative_error(found, expected);
  if (error <= kFloatTolerance) return {};
  return stage_error("{} differs from the recorded output by {:.3g} of its largest number", where, error);
}

Status agree_on(const Module& lowered, ArtifactModel& artifact, const Recorded& r, bool recorded) {
  FASTC_TRY(const Comparison comparison, compare_with_engine(lowered, artifact, r.inputs));
  if (!comparison.failure.empty()) return stage_error("{}", comparison.failure);
  if (comparison.nodes.empty()) return stage_error("no node was compared");
  if (!recorded) return {};
  FASTC_TRY(const Evaluator evaluator, Evaluator::prepare(lowered));
  FASTC_TRY(const auto engine, evaluator.run(r.inputs));
  FASTC_CHECK(close("the engine", engine.at(0), r.output));
  FASTC_TRY(const auto runtime, artifact.run(r.inputs));
  return close("the runtime", runtime.at(0), r.output);
}

}  // namespace

Specimen specimen(const std::filesystem::path& model, const std::filesystem::path& npz) {
  auto small = recorded(npz, ""), large = recorded(npz, "batch3_");
  REQUIRE(small);
  REQUIRE(large);
  return {model, npz, std::move(*small), std::move(*large)};
}

Result<Module> imported(const Specimen& s) {
  FASTC_TRY(Module module, import_model(s.model, s.model.extension() == ".pt" ? batch_options(s.small) : ImportOptions{}));
  FASTC_CHECK(verify(module));
  PlainContext context;
  FASTC_CHECK(make_canonical(module, context));
  return module;
}

Status agree(const Module& module, const Specimen& s, bool recorded) {
  FASTC_TRY(const TempDir folder, TempDir::make());
  PlainContext context;
  FASTC_TRY(const Emitted emitted, emit(module, folder.path() / "model.fastc", {}, context));
  FASTC_TRY(ArtifactModel artifact, ArtifactModel::open(emitted.path, 1));
  FASTC_CHECK(agree_on(emitted.lowered, artifact, s.small, recorded));
  return agree_on(emitted.lowered, artifact, s.large, recorded);
}

Result<PassReport> apply(const Method& method, Module& module, const Specimen& s, const Module& original) {
  SpecimenContext context(s, original);
  const Pass* pass = find_pass(method.pass);
  REQUIRE(pass != nullptr);
  if (pass->traits().needs_folded) {
    FASTC_TRY(module, ready_to_lower(module, context));
  }
  FASTC_TRY(PassReport report, pass->run(module, method.options, context));
  if (Status status = verify(module); !status) return internal_error("after {}: {}", method.pass, status.error().message);
  return report;
}

const std::vector<std::vector<Method>>& pipelines() {
  static const auto* all = [] {
    const nlohmann::json one_step = {{"steps", 1}, {"batch_size", 2}};
    const Method prune{"prune.channel", {{"ratio", 0.5}, {"round_to", 1}}}, drop{"prune.structural", {{"count", 1}}};
    const Method distill{"distill.single_shot", one_step}, finetune{"finetune", one_step};
    const Method fixed{"quantize.static"}, dynamic{"quantize.dynamic", {{"include", {"*"}}}}, wide{"quantize.static", {{"bits", 16}, {"weight_bits", 16}}};
    const Method grouped{"quantize.static", {{"weight_bits", 3}, {"group_size", 16}}};
    const Method stored{"quantize.weight_only", {{"bits", 4}, {"group_size", 32}}}, half{"quantize.cast"};
    return new std::vector<std::vector<Method>>{{prune}, {fixed}, {wide}, {dynamic}, {stored}, {drop}, {finetune}, {half, finetune}, {stored, finetune}, {grouped, finetune}, {prune, distill, fixed}, {drop, distill, dynamic}, {prune, distill, stored}};
  }();
  return *all;
}

std::string name_of(const std::vector<Method>& stages) {
  std::string out;
  for (const Method& stage : stages) out += (out.empty() ? "" : ", ") + stage.pass;
  return out;
}

std::string failure_of(const Specimen& s, const Module& original, const std::vector<Method>& stages, std::vector<std::string>& refused, const Observer& observe) {
  Module module = original;
  for (const Method& stage : stages) {
    const Module before = module;
    const auto report = apply(stage, module, s, original);
    // What the pass cannot do here it says, and the model stays as it is.
    if (!report && report.error().cls == ErrorClass::kUsage) {
      refused.push_back(fmt::format("{}: {}", stage.pass, report.error().message));
      continue;
    }
    if (!report) return stage.pass + ": " + report.error().message;
    if (observe) observe(stage.pass, before, module);
  }
  const Status same = agree(module, s, false);
  return same ? "" : same.error().message;
}

}  // namespace fastc::test
