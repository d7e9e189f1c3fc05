#include "passes/distill/level_map.h"

#include <algorithm>
#include <map>
#include <string>

#include "ir/type.h"

namespace fastc {
namespace {

size_t channel_axis(const Type& type) { return type.rank() == 3 ? 2 : 1; }  // as engine/training/losses/hidden.h has it

// Sizes that are numbers, multiplied: what a sample holds, as far as it is known.
double known_size(const Type& type) {
  double size = 1;
  for (size_t i = 1; i < type.shape.size(); ++i)
    if (type.shape[i].is_constant()) size *= static_cast<double>(type.shape[i].constant());
  return size;
}

// The shape without batch and channels, as text: "32,32" of f32[N,16,32,32]. Symbols are each model's own, and all called "?".
std::string positions_of(const Type& type) {
  std::string text;
  for (size_t i = 1; i < type.shape.size(); ++i) {
    if (i == channel_axis(type)) continue;
    text += (type.shape[i].is_constant() ? std::to_string(type.shape[i].constant()) : "?") + ",";
  }
  return text;
}

bool can_be_level(const Module& module, ValueId id) {
  const Type& type = module.value(id).type;
  return type.dtype == DType::kF32 && type.rank() >= 2 && type.shape[channel_axis(type)].is_constant() && !module.is_output(id);
}

struct Group {
  std::string positions;
  std::vector<ValueId> places;
};

// Neighbours with the same positions, in order; the same positions may come back later (an encoder-decoder), as another group.
std::vector<Group> grouped(const Module& module, const std::vector<ValueId>& places) {
  std::vector<Group> groups;
  for (const ValueId id : places) {
    const std::string positions = positions_of(module.value(id).type);
    if (groups.empty() || groups.back().positions != positions) groups.push_back({positions, {}});
    groups.back().places.push_back(id);
  }
  return groups;
}

// Groups that both have, matched in order from the end, where networks agree best.
std::vector<std::pair<const Group*, const Group*>> matched(const std::vector<Group>& student, const std::vector<Group>& teacher) {
  std::vector<std::pair<const Group*, const Group*>> pairs;
  auto t = teacher.rbegin();
  for (auto s = student.rbegin(); s != student.rend(); ++s) {
    const auto found = std::find_if(t, teacher.rend(), [&](const Group& g) { return g.positions == s->positions; });
    if (found == teacher.rend()) continue;
    pairs.emplace_back(&*s, &*found);
    t = std::next(found);
  }
  std::reverse(pairs.begin(), pairs.end());
  return pairs;
}

// The place at share part/parts of a group; part = parts is its last.
ValueId place_at(const Group& group, int64_t part, int64_t parts) {
  const auto count = static_cast<int64_t>(group.places.size());
  return group.places[static_cast<size_t>(std::max<int64_t>(0, count * part / parts - 1))];
}

std::string node_of(const Module& module, ValueId id) { return module.node(module.value(id).producer).name; }

}  // namespace

std::vector<ValueId> narrow_places(const Module& module) {
  std::vector<int> last(module.value_count(), -1);  // position of the last use
  const auto& order = module.order();
  for (size_t at = 0; at < order.size(); ++at)
    for (const ValueId id : module.node(order[at]).inputs)
      if (id != kNoId) last[static_cast<size_t>(id)] = static_cast<int>(at);
  for (const ValueId id : module.outputs) last[static_cast<size_t>(id)] = static_cast<int>(order.size());
  std::vector<ValueId> alive, places;
  for (size_t at = 0; at < order.size(); ++at) {
    std::erase_if(alive, [&](ValueId id) { return last[static_cast<size_t>(id)] <= static_cast<int>(at); });
    const Node& node = module.node(order[at]);
    const ValueId made = node.output();
    // A mask or a position that lives through the whole network is small beside what flows, and does not count.
    const double size = known_size(module.value(made).type);
    const bool alone = std::none_of(alive.begin(), alive.end(), [&](ValueId id) { return known_size(module.value(id).type) >= size; });
    if (alone && can_be_level(module, made)) places.push_back(made);
    for (const ValueId id : node.outputs)
      if (last[static_cast<size_t>(id)] > static_cast<int>(at)) alive.push_back(id);
  }
  return places;
}

std::vector<Level> propose_levels(const Module& student, const Module& teacher, int64_t count) {
  const std::vector<Group> groups_s = grouped(student, narrow_places(student)), groups_t = grouped(teacher, narrow_places(teacher));
  auto pairs = matched(groups_s, groups_t);
  // A vector after pooling, [N,C] or [N,C,1,1], has one position or none; it counts only where nothing else does.
  const auto has_positions = [](const auto& pair) { return pair.first->positions.find_first_not_of("1,") != std::string::npos; };
  if (std::any_of(pairs.begin(), pairs.end(), has_positions)) std::erase_if(pairs, [&](const auto& pair) { return !has_positions(pair); });
  if (pairs.empty()) return {};
  const int64_t parts = (count + static_cast<int64_t>(pairs.size()) - 1) / static_cast<int64_t>(pairs.size());
  std::vector<Level> levels;
  for (const auto& [s, t] : pairs) {
    const int64_t possible = std::min({parts, static_cast<int64_t>(s->places.size()), static_cast<int64_t>(t->places.size())});
    for (int64_t part = 1; part <= possible; ++part)
      levels.push_back({node_of(student, place_at(*s, part, possible)), node_of(teacher, place_at(*t, part, possible))});
  }
  if (static_cast<int64_t>(levels.size()) > count) levels.erase(levels.begin(), levels.end() - count);  // late levels say more about the classes
  return levels;
}

Result<std::vector<Level>> checked_levels(const Module& student, const Module& teacher, std::vector<Level> levels, std::string_view loss) {
  for (Level& level : levels) {
    const NodeId s = student.find_node(level.student), t = teacher.find_node(level.teacher);
    if (s == kNoId || t == kNoId)
      return stage_error("the {} has no node called \"{}\"; fastc inspect MODEL --text lists them", s == kNoId ? "student" : "teacher", s == kNoId ? level.student : level.teacher);
    const Type &a = student.value(student.node(s).output()).type, &b = teacher.value(teacher.node(t).output()).type;
    const auto cannot = [&](std::string_view why) {
      return stage_error("{} ({}) cannot be compared with the teacher's {} ({}) by {}: {}", level.student, type_text(a), level.teacher, type_text(b), loss, why);
    };
    if (a.dtype != DType::kF32 || b.dtype != DType::kF32 || a.rank() < 2 || b.rank() < 2) return cannot("expected f32 values with two axes or more");
    if (!compares_positions(loss)) continue;
    const std::string p = positions_of(a), q = positions_of(b);
    if (a.rank() != b.rank() || (p != q && p.find('?') == std::string::npos && q.find('?') == std::string::npos)) return cannot("expected the same sizes apart from the channels");
    const Dim &from = a.shape[channel_axis(a)], &to = b.shape[channel_axis(b)];
    if (!compares_channels(loss)) continue;
    if (!from.is_constant() || !to.is_constant()) return cannot("expected numbers of channels that are known");
    level.student_channels = from.constant(), level.teacher_channels = to.constant();
  }
  return levels;
}

}  // namespace fastc
