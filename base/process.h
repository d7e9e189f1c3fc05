// A child process spoken to line by line through pipes.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "base/result.h"

namespace fastc {

class Child {
 public:
  // arguments[0] is the program; `environment` entries NAME=value are added to ours.
  static Result<Child> start(const std::vector<std::string>& arguments, const std::vector<std::string>& environment);
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();  // closes its input, waits a moment, then kills

  Status write_line(const std::string& line);
  // Error when the child ends, or says nothing for `seconds`; its stderr's last words are in the sentence.
  Result<std::string> read_line(int seconds);

 private:
  Child() = default;
  std::string last_words();
  pid_t pid_ = -1;
  int in_ = -1, out_ = -1, err_ = -1;
  std::string pending_, program_;
};

// Runs a program to its end; output is stdout and stderr together. A non-zero exit is not an error here.
struct Finished { int status; std::string output; };
Result<Finished> run_to_end(const std::vector<std::string>& arguments, int seconds);

}  // namespace fastc
