#include "base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <utility>

extern char** environ;

namespace fastc {
namespace {

struct Pipe {
  int read = -1, write = -1;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return internal_error("no pipe could be made: {}", std::strerror(errno));
  return Pipe{ends[0], ends[1]};
}

void close_fd(int& fd) {
  if (fd >= 0) close(std::exchange(fd, -1));
}

Result<pid_t> spawn(const std::vector<std::string>& arguments, const std::vector<std::string>& environment, int in, int out, int err) {
  std::vector<char*> argv, envp;
  for (const std::string& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  for (char** e = environ; *e; ++e) envp.push_back(*e);
  for (const std::string& e : environment) envp.push_back(const_cast<char*>(e.c_str()));
  envp.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (in >= 0) posix_spawn_file_actions_adddup2(&actions, in, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_adddup2(&actions, err, 2);
  pid_t pid = -1;
  const int failed = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed) return stage_error("{} could not be started: {}", arguments[0], std::strerror(failed));
  return pid;
}

// Waits for the child up to `seconds`, then kills it. Returns its exit status, or -1 when it was killed.
int reap(pid_t pid, double seconds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  int status = 0;
  while (waitpid(pid, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > until) {
      kill(pid, SIGKILL);
      waitpid(pid, &status, 0);
      return -1;
    }
    usleep(2000);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

Result<Child> Child::start(const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  signal(SIGPIPE, SIG_IGN);  // a child that died is an error value, not our end
  FASTC_TRY(Pipe to, make_pipe());
  FASTC_TRY(Pipe from, make_pipe());
  FASTC_TRY(Pipe words, make_pipe());
  Child child;
  child.program_ = std::filesystem::path(arguments[0]).filename().string();
  auto pid = spawn(arguments, environment, to.read, from.write, words.write);
  close_fd(to.read), close_fd(from.write), close_fd(words.write);
  child.in_ = to.write, child.out_ = from.read, child.err_ = words.read;
  if (!pid) return tl::unexpected<Error>(pid.error());
  child.pid_ = *pid;
  return child;
}

Child::Child(Child&& other) noexcept { *this = std::move(other); }

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(in_, other.in_);
  std::swap(out_, other.out_);
  std::swap(err_, other.err_);
  std::swap(pending_, other.pending_);
  std::swap(program_, other.program_);
  return *this;
}

Child::~Child() {
  close_fd(in_), close_fd(out_), close_fd(err_);
  if (pid_ > 0) reap(pid_, 2);
}

Status Child::write_line(const std::string& line) {
  const std::string text = line + "\n";
  for (size_t done = 0; done < text.size();) {
    const ssize_t n = write(in_, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return stage_error("{} ended early{}", program_, last_words());
    done += static_cast<size_t>(n);
  }
  return {};
}

std::string Child::last_words() {
  fcntl(err_, F_SETFL, O_NONBLOCK);
  char text[512];
  const ssize_t n = read(err_, text, sizeof text);
  return n > 0 ? ": " + std::string(text, static_cast<size_t>(n)) : "";
}

Result<std::string> Child::read_line(int seconds) {
  while (true) {
    if (const size_t newline = pending_.find('\n'); newline != std::string::npos) {
      std::string line = pending_.substr(0, newline);
      pending_.erase(0, newline + 1);
      return line;
    }
    pollfd waiting{out_, POLLIN, 0};
    const int ready = poll(&waiting, 1, seconds * 1000);
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) return stage_error("{} gave no answer in {} seconds", program_, seconds);
    char text[4096];
    const ssize_t n = read(out_, text, sizeof text);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return stage_error("{} ended early{}", program_, last_words());
    pending_.append(text, static_cast<size_t>(n));
  }
}

Result<Finished> run_to_end(const std::vector<std::string>& arguments, int seconds) {
  FASTC_TRY(Pipe from, make_pipe());
  auto pid = spawn(arguments, {}, -1, from.write, from.write);
  close_fd(from.write);
  if (!pid) {
    close_fd(from.read);
    return tl::unexpected<Error>(pid.error());
  }
  Finished finished{0, ""};
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  char text[4096];
  while (true) {
    pollfd waiting{from.read, POLLIN, 0};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    if (left <= 0 || poll(&waiting, 1, static_cast<int>(left)) == 0) break;
    const ssize_t n = read(from.read, text, sizeof text);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    finished.output.append(text, static_cast<size_t>(n));
  }
  close_fd(from.read);
  const auto left = std::chrono::duration<double>(until - std::chrono::steady_clock::now()).count();
  finished.status = reap(*pid, std::max(left, 0.5));
  return finished;
}

}  // namespace fastc
