// traced_inputs.pkl: a pickle of {"forward": [tensor, …]} whose storages were left empty. Only what is needed is read out of it, opcode by
// opcode: each tensor is  GLOBAL "torch XStorage" … BINPERSID, offset, (size, size, …), (strides…).
#include <array>
#include <cstring>
#include <map>

#include "frontends/torchscript/torchscript.h"

namespace fastc::torchscript {
namespace {

constexpr uint64_t kMaxBytes = 1 << 20;
constexpr std::array<std::pair<std::string_view, DType>, 6> kStorages{{{"torch FloatStorage", DType::kF32},
                                                                       {"torch DoubleStorage", DType::kF64},
                                                                       {"torch LongStorage", DType::kI64},
                                                                       {"torch IntStorage", DType::kI32},
                                                                       {"torch BoolStorage", DType::kBool},
                                                                       {"torch ByteStorage", DType::kU8}}};

class Scanner {
 public:
  explicit Scanner(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::vector<TracedInput> scan() {
    while (at_ < bytes_.size() && step()) {
    }
    return std::move(found_);
  }

 private:
  uint64_t number(size_t n) {
    uint64_t v = 0;
    for (size_t i = 0; i < n && at_ < bytes_.size(); ++i) v |= static_cast<uint64_t>(bytes_[at_++]) << (8 * i);
    return v;
  }
  std::string line() {
    std::string s;
    while (at_ < bytes_.size() && bytes_[at_] != std::byte{'\n'}) s += static_cast<char>(bytes_[at_++]);
    ++at_;
    return s;
  }
  void global(const std::string& name) {
    global_ = name;
    for (const auto& [storage, dtype] : kStorages)
      if (name == storage) dtype_ = dtype;
  }
  void integer(int64_t v) {
    if (state_ == State::kOffset) state_ = State::kSizes;
    else if (state_ == State::kInSizes) found_.back().sizes.push_back(v);
  }

  // One opcode; false at the end or at one that such files do not hold.
  bool step() {
    switch (static_cast<char>(bytes_[at_++])) {
      case '\x80': number(1); return true;
      case 'c': {
        std::string module = line(), name = line();
        global(module + " " + name);
        return true;
      }
      case 'q': memo_[number(1)] = global_; return true;
      case 'r': memo_[number(4)] = global_; return true;
      case 'h': global(memo_[number(1)]); return true;
      case 'j': global(memo_[number(4)]); return true;
      case 'X': at_ += number(4); global_.clear(); return true;
      case 'K': integer(static_cast<int64_t>(number(1))); return true;
      case 'M': integer(static_cast<int64_t>(number(2))); return true;
      case 'J': integer(static_cast<int32_t>(number(4))); return true;
      case '\x8a': {
        size_t n = number(1);
        integer(static_cast<int64_t>(number(std::min<size_t>(n, 8))));
        return n <= 8;
      }
      case 'Q':
        found_.push_back({dtype_, {}});
        state_ = State::kOffset;
        return found_.size() < 1000;
      case '(':
        if (state_ == State::kSizes) state_ = State::kInSizes;
        global_.clear();
        return true;
      case 't':
        if (state_ == State::kInSizes) state_ = State::kNone;
        global_.clear();
        return true;
      case ')':
        if (state_ == State::kSizes) state_ = State::kNone;
        return true;
      case 'R': case '}': case ']': case 'e': case 'a': case 'u': case 's': case '\x85': case '\x86': case '\x87': case '\x88': case '\x89': case 'N': case 'b':
        global_.clear();
        return true;
      default: return false;
    }
  }

  enum class State { kNone, kOffset, kSizes, kInSizes };
  std::span<const std::byte> bytes_;
  size_t at_ = 0;
  State state_ = State::kNone;
  std::string global_;
  std::optional<DType> dtype_;
  std::map<uint64_t, std::string> memo_;
  std::vector<TracedInput> found_;
};

}  // namespace

std::vector<TracedInput> traced_inputs(const ZipReader& zip) {
  for (const ZipEntry& entry : zip.entries()) {
    if (!entry.name.ends_with("/traced_inputs.pkl")) continue;
    auto bytes = zip.read(entry, kMaxBytes);
    if (bytes) return Scanner(bytes->bytes).scan();
  }
  return {};
}

}  // namespace fastc::torchscript
