// One function a command. Each declares its flags, calls driver/, prints. No logic lives here.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace fastc::cli {

// `arguments` begin with the command's name. The value is the exit code.
using Command = Result<int> (*)(int argc, char** argv);

Result<int> compress_command(int argc, char** argv);
Result<int> validate_command(int argc, char** argv);
Result<int> inspect_command(int argc, char** argv);
Result<int> run_command(int argc, char** argv);
Result<int> bench_command(int argc, char** argv);
Result<int> eval_command(int argc, char** argv);
Result<int> compare_command(int argc, char** argv);
Result<int> passes_command(int argc, char** argv);
Result<int> run_pass_command(int argc, char** argv);
Result<int> schema_command(int argc, char** argv);

}  // namespace fastc::cli
