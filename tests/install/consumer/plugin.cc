// The smallest pass: it changes nothing and says so.
#include "passes/plugin.h"

#include "ir/module.h"
#include "passes/pass.h"

namespace {

struct Options {
  bool loud = false;
};

const fastc::OptionSet<Options>& options() {
  static const auto set = fastc::OptionSet<Options>().flag("loud", &Options::loud, "Say something");
  return set;
}

fastc::Result<fastc::PassReport> run(fastc::Module&, const Options& options, fastc::PassContext&) {
  fastc::PassReport report;
  if (options.loud) report.notes.push_back("nothing was changed");
  return report;
}

FASTC_REGISTER_PASS(consumer_nothing, Options, {.name = "consumer.nothing"}, options, run);

}  // namespace

FASTC_PLUGIN
