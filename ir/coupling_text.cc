// Coupling in words: what writes the channels of a set, what reads them, and through which ops they hang together.
//
//   set 4: 8 channels
//       written by features.denseblock1.denselayer2.conv2 (conv)
//       read by features.denseblock1.denselayer3.conv1 (conv: channels 24-31 of 32)
//       concatenated in features.denseblock1.denselayer3.concat_1 (channels 24-31 of 32)
#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "ir/coupling.h"
#include "ir/op.h"

namespace fastc {
namespace {

// 0-7, 12, 14-15
std::string ranges(const std::vector<int64_t>& indices) {
  std::string out;
  for (size_t i = 0; i < indices.size();) {
    size_t last = i;
    while (last + 1 < indices.size() && indices[last + 1] == indices[last] + 1) ++last;
    out += fmt::format("{}{}", out.empty() ? "" : ", ", indices[i]);
    if (last > i) out += fmt::format("-{}", indices[last]);
    i = last + 1;
  }
  return out;
}

std::vector<std::string> parts(const std::string& name) {
  std::vector<std::string> out(1);
  for (const char c : name) {
    if (c == '.') out.emplace_back();
    else out.back() += c;
  }
  return out;
}

std::optional<int64_t> number(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

// The one dotted part in which `next` counts on from `last`; -1 where they differ otherwise.
int64_t counts_on(const std::vector<std::string>& last, const std::vector<std::string>& next) {
  if (last.size() != next.size()) return -1;
  int64_t place = -1;
  for (size_t i = 0; i < last.size(); ++i) {
    if (last[i] == next[i]) continue;
    const auto a = number(last[i]), b = number(next[i]);
    if (place >= 0 || !a || !b || *b != *a + 1) return -1;
    place = static_cast<int64_t>(i);
  }
  return place;
}

// layer1.0.conv2, layer1.1.conv2, layer1.2.conv2, fc → layer1.{0-2}.conv2, fc
std::string names(const Module& module, const std::vector<NodeId>& nodes) {
  std::string out;
  for (size_t i = 0; i < nodes.size();) {
    const auto first = parts(module.node(nodes[i]).name);
    auto last = first;
    int64_t place = -1;
    size_t next = i + 1;
    for (; next < nodes.size(); ++next) {
      const auto candidate = parts(module.node(nodes[next]).name);
      const int64_t at = counts_on(last, candidate);
      if (at < 0 || (place >= 0 && at != place)) break;
      place = at, last = candidate;
    }
    std::string name;
    for (size_t p = 0; p < first.size(); ++p) {
      const bool counted = static_cast<int64_t>(p) == place;
      name += fmt::format("{}{}", p == 0 ? "" : ".", counted ? fmt::format("{{{}-{}}}", first[p], last[p]) : first[p]);
    }
    out += (out.empty() ? "" : ", ") + name;
    i = next;
  }
  return out;
}

const Member* member_at(const Group& group, ValueId value, std::optional<int64_t> axis) {
  for (const Member& member : group.members) {
    if (member.value == value && (!axis || member.axis == *axis)) return &member;
  }
  return nullptr;
}

// Which part of an axis the set is: "channels 8-23 of 32", or nothing where it is all of it.
std::string part_of_axis(const Module& module, const Coupling& coupling, const ChannelSet& set, ValueId value, std::optional<int64_t> axis) {
  std::vector<int64_t> indices;
  const Member* found = nullptr;
  for (const size_t group : set.groups) {
    found = member_at(coupling.groups[group], value, axis);
    if (found == nullptr) return "";
    indices.insert(indices.end(), found->indices.begin(), found->indices.end());
  }
  std::sort(indices.begin(), indices.end());
  const int64_t size = module.value(value).type.shape[static_cast<size_t>(found->axis)].constant();
  return static_cast<int64_t>(indices.size()) == size ? "" : fmt::format("channels {} of {}", ranges(indices), size);
}

// Nodes that are told of in one breath: those of one op that hold the same part of their axis.
class Sentence {
 public:
  Sentence(const Module& module, std::string verb) : module_(module), verb_(std::move(verb)) {}
  void add(NodeId node, std::string part) {
    const std::string_view op = module_.node(node).op->name;
    for (auto& phrase : phrases_) {
      if (phrase.op != op || phrase.part != part) continue;
      if (std::find(phrase.nodes.begin(), phrase.nodes.end(), node) == phrase.nodes.end()) phrase.nodes.push_back(node);
      return;
    }
    phrases_.push_back({op, std::move(part), {node}});
  }
  std::string text() const {
    std::string out;
    for (const Phrase& phrase : phrases_) {
      out += fmt::format("{}{} ({}{}{})", out.empty() ? "    " + verb_ + " " : "; ", names(module_, phrase.nodes), phrase.op, phrase.part.empty() ? "" : ": ", phrase.part);
    }
    return out.empty() ? "" : out + "\n";
  }

 private:
  struct Phrase { std::string_view op; std::string part; std::vector<NodeId> nodes; };
  const Module& module_;
  std::string verb_;
  std::vector<Phrase> phrases_;
};

// How an op ties channels that no weight of it stands for; nothing where it only hands them on.
std::string_view verb_of(const Module& module, const Group& group, const Node& node) {
  const auto in_group = [&](size_t i) { return node.input(i) != kNoId && !module.is_weight(node.input(i)) && member_at(group, node.input(i), {}) != nullptr; };
  const std::string_view op = node.op->name;
  if ((op == "add" || op == "sub") && in_group(0) && in_group(1)) return "added together in";
  if ((op == "mul" || op == "div") && in_group(0) && in_group(1)) return "multiplied with each other in";
  if (op == "concat") return "concatenated in";
  if (op == "slice") return "cut out by";
  if (op == "pad") return "padded by";
  if (op == "reshape") return "regrouped by";
  if (op == "permute") return "moved to another axis by";
  if (op == "attention") return "attended to in";
  return "";
}

std::string joints(const Module& module, const Coupling& coupling, const ChannelSet& set) {
  std::vector<std::pair<std::string_view, Sentence>> sentences;
  const Group& group = coupling.groups[set.groups.front()];
  for (const Member& member : group.members) {
    const NodeId id = module.value(member.value).producer;
    if (id == kNoId) continue;
    const std::string_view verb = verb_of(module, group, module.node(id));
    if (verb.empty()) continue;
    const auto found = std::find_if(sentences.begin(), sentences.end(), [&](const auto& s) { return s.first == verb; });
    Sentence& sentence = found != sentences.end() ? found->second : sentences.emplace_back(verb, Sentence(module, std::string(verb))).second;
    sentence.add(id, part_of_axis(module, coupling, set, member.value, member.axis));
  }
  std::string out;
  for (const auto& [verb, sentence] : sentences) out += sentence.text();
  return out;
}

std::string heading(const ChannelSet& set, size_t number) {
  std::string out = fmt::format("set {}: ", number);
  if (set.channels_per_group > 1) out += fmt::format("{} groups of {} channels that go together", set.groups.size(), set.channels_per_group);
  else out += fmt::format("{} {}", set.groups.size(), set.groups.size() == 1 ? "channel" : "channels");
  if (!set.why_pinned.empty()) return out + fmt::format(", which must stay: {}\n", set.why_pinned);
  return out + (set.inner ? "\n" : " of a residual stream\n");
}

std::string set_text(const Module& module, const Coupling& coupling, const ChannelSet& set, size_t number) {
  Sentence written(module, "written by"), through(module, "pass"), read(module, "read by");
  for (size_t i = 0; i < set.writers.size(); ++i) written.add(set.writers[i], part_of_axis(module, coupling, set, set.written[i].weight, set.written[i].axis));
  for (size_t i = 0; i < set.readers.size(); ++i) read.add(set.readers[i], part_of_axis(module, coupling, set, set.read[i].weight, set.read[i].axis));
  for (const NodeId id : set.through) {
    for (const ValueId input : module.node(id).inputs) {
      if (!module.is_weight(input) || member_at(coupling.groups[set.groups.front()], input, {}) == nullptr) continue;
      through.add(id, part_of_axis(module, coupling, set, input, {}));
      break;
    }
  }
  const std::string told = heading(set, number) + written.text() + through.text() + read.text();
  return set.why_pinned.empty() ? told + joints(module, coupling, set) : told;
}

// Index arithmetic that traces of a model leave behind has axes too, but nobody learned them.
bool worth_telling(const ChannelSet& set) { return !set.writers.empty() || !set.readers.empty() || !set.through.empty(); }

}  // namespace

std::string coupling_text(const Module& module, const Coupling& coupling) {
  std::string out;
  int64_t between = 0, streams = 0, pinned = 0;
  for (size_t i = 0; i < coupling.sets.size(); ++i) {
    const ChannelSet& set = coupling.sets[i];
    if (!worth_telling(set)) continue;
    out += set_text(module, coupling, set, i);
    ++(!set.why_pinned.empty() ? pinned : set.inner ? between : streams);
  }
  return fmt::format("sets of channels that live and die together: {} between layers, {} in residual streams, {} that must stay\n", between, streams, pinned) + out;
}

}  // namespace fastc
