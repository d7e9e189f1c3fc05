// fastc: flags, printing, exit codes. What the commands do lives in driver/.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include <unistd.h>

#include "base/interrupt.h"
#include "base/version.h"
#include "cli/commands.h"

namespace {

using namespace fastc;

struct Entry {
  const char* name;
  cli::Command run;
  const char* summary;
  bool trains = false;
};

constexpr Entry kCommands[] = {
    {"compress", cli::compress_command, "carry out a recipe: artifact, runtime stub, report", true},
    {"validate", cli::validate_command, "check a recipe, its model's inputs and its data, and stop there"},
    {"inspect", cli::inspect_command, "show what a model is: ops, tensors, cost, coupled channels"},
    {"run", cli::run_command, "run a model on arrays from a .npz file"},
    {"bench", cli::bench_command, "time a model, or two in alternating rounds"},
    {"eval", cli::eval_command, "score a model on a recipe's task"},
    {"compare", cli::compare_command, "compare two models' outputs"},
    {"passes", cli::passes_command, "list the passes, or explain one"},
    {"run-pass", cli::run_pass_command, "run one pass on IR text", true},
    {"schema", cli::schema_command, "print the recipe's JSON Schema"},
};

int exit_code(ErrorClass cls) {
  switch (cls) {
    case ErrorClass::kInternal: return 1;
    case ErrorClass::kUsage: return 2;
    case ErrorClass::kInput: return 3;
    case ErrorClass::kGate: return 4;
    case ErrorClass::kStage: return 5;
    case ErrorClass::kInterrupted: return 130;
  }
  return 1;
}

void print_help() {
  std::printf("fastc %s: makes a trained PyTorch model small and fast, and proves it.\n\n  fastc COMMAND …\n\n", FASTC_VERSION);
  for (const Entry& entry : kCommands) std::printf("  %-10s %s\n", entry.name, entry.summary);
  std::printf("\nfastc COMMAND --help says more. Exit codes: 0 done, gates hold · 1 internal error · 2 wrong command line or recipe ·\n"
              "3 unusable model or data · 4 a gate failed · 5 a stage failed, or engine and artifact disagree · 130 interrupted\n");
}

// LibTorch's threads (libgomp) spin where they wait for each other: with another busy process on the machine training takes ten times as long. libgomp reads the
// policy from the environment as it is loaded, before main(), and offers no call to change it; so a command that trains starts itself once more with it (0.3 s, for
// loading LibTorch again). Where that fails, training is slower and nothing else.
void wait_without_spinning(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr) return;  // the second start, or the user's own choice
  if (setenv("OMP_WAIT_POLICY", "passive", 1) == 0) execv("/proc/self/exe", argv);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || !std::strcmp(argv[1], "--help") || !std::strcmp(argv[1], "-h") || !std::strcmp(argv[1], "help")) {
    print_help();
    return argc < 2 ? 2 : 0;
  }
  if (!std::strcmp(argv[1], "--version")) {
    std::printf("fastc %s\n", FASTC_VERSION);
    return 0;
  }
  for (const Entry& entry : kCommands) {
    if (std::strcmp(argv[1], entry.name)) continue;
    if (entry.trains) wait_without_spinning(argv);
    catch_interrupts();
    const Result<int> code = entry.run(argc - 1, argv + 1);
    if (code) return *code;
    std::cout.flush();
    std::fprintf(stderr, "fastc %s: %s\n", entry.name, code.error().message.c_str());
    return exit_code(code.error().cls);
  }
  std::fprintf(stderr, "fastc: no command is called \"%s\"; try fastc --help\n", argv[1]);
  return 2;
}
