// Tensors that share memory: a write to one is seen by the others, as LibTorch has it, or refused.
#include <set>

#include "ir/op.h"
#include "tests/frontends/aten/scripted.h"

namespace fastc {
namespace {

using test::check, test::refusal;

void refused(const test::Case& c, std::string_view why) {
  INFO(c.name);
  const std::string message = refusal(c);
  INFO(message);
  CHECK(message.find(why) != std::string::npos);
}

TEST_CASE("a write through a view changes the tensor it is a view of", "[memory]") {
  check({"a slice", "y = x * 2\n    y[:, 1:3] = 5\n    return y", {2, 4}});
  check({"at the beginning", "y = x * 2\n    y[:, :2].fill_(5)\n    return y", {2, 4}});
  check({"at the end", "y = x * 2\n    y[:, -1:].zero_()\n    return y", {2, 4}});
  check({"nothing", "y = x * 2\n    y[:, 2:2] = 7\n    return y", {2, 4}});
  check({"everything", "y = x * 2\n    y[:] = x\n    return y", {2, 4}});
  check({"an axis of one", "y = x * 2\n    y[:, 0:1] = 3\n    return y", {2, 1}});
  check({"slices of two axes", "y = x * 2\n    y[:, 1:3, :2] = 7\n    return y", {2, 4, 3}});
  check({"every second", "y = x * 2\n    y[:, ::2] = 7\n    return y", {2, 5}});
  check({"every third of a part", "y = x * 2\n    y[:, 1:6:3, 1] = x[:, :2, 0]\n    return y", {2, 7, 2}});
  check({"a row", "y = x * 2\n    y[:, -2] = 7\n    return y", {2, 4, 3}});
  check({"another tensor, spread", "y = x * 2\n    y[:, 1:3] = x[:, :1] + 1\n    return y", {2, 4, 3}});
  check({"copy_", "y = x * 2\n    y[:, 1:3].copy_(x[:, 2:])\n    return y", {2, 4}});
  check({"arithmetic", "y = x * 2\n    y[:, 1:3].add_(1).mul_(3)\n    y[:, 0] -= 4\n    return y", {2, 4}});
  check({"an activation", "y = x * 2\n    y[:, 1:].relu_()\n    return y", {2, 4}});
  check({"permuted", "y = x * 2\n    y.permute(2, 0, 1)[1:, :, 2].fill_(9)\n    return y", {2, 4, 3}});
  check({"reshaped", "y = torch.zeros([12])\n    y.view(3, 4)[1:, 1] = 1\n    return x + y", {2, 12}});
  check({"axes added and dropped", "y = x * 2\n    y.unsqueeze(1)[:, :, 2].squeeze(1).fill_(1)\n    return y", {2, 4}});
  check({"chunks", "y = x * 2\n    a, b = y.chunk(2, 1)\n    b.mul_(a)\n    return y", {2, 4}});
  check({"chunks that are not watched", "y = x * 2\n    a, b = torch.unsafe_chunk(y, 2, 1)\n    a.sigmoid_()\n    b.tanh_()\n    return a * b + y.sum(1, True)", {2, 4}});
  check({"split", "y = x * 2\n    y.split([1, 3], 1)[1].neg_()\n    return y", {2, 4}});
  check({"unbind", "y = x * 2\n    y.unbind(1)[2].fill_(4)\n    return y", {2, 4}});
  check({"in a loop", "y = x * 2\n    for i in range(4):\n        y[:, i] = y[:, i] * float(i)\n    return y", {2, 4}});
  check({"an out argument", "y = x * 2\n    torch.mul(x[:, 1:3], 3, out=y[:, :2])\n    return y", {2, 4}});
  check({"other types", "y = torch.zeros([4], dtype=4)\n    y[1:3] = 2.7\n    return x + y", {2, 4}});
  check({"bools", "y = torch.zeros([4], dtype=11)\n    y[1:3] = True\n    return torch.masked_fill(x, y, 0.5)", {2, 4}});
  check({"float32 stays", "y = x * 2\n    y += torch.tensor([1, 2, 3, 4], dtype=7)\n    return y", {2, 4}});
}

TEST_CASE("every tensor of the memory sees the change", "[memory]") {
  check({"two names", "y = x * 2\n    z = y\n    z.add_(1)\n    return y", {2, 4}});
  check({"two views that overlap", "y = x * 2\n    a = y[:, :3]\n    b = y[:, 1:]\n    a.fill_(5)\n    return torch.cat([a, b, y], 1)", {2, 4}});
  check({"two views that do not", "y = x * 2\n    a = y[:, :2]\n    b = y[:, 2:]\n    a.fill_(5)\n    return b", {2, 4}});
  check({"a view of a view", "y = x * 2\n    v = y[:, 1:]\n    w = v.view(-1, 3, 1)[:, :2].squeeze(2)\n    w.add_(10)\n    return torch.cat([w, v, y], 1)", {2, 4}});
  check({"a view made before, read after", "y = x * 2\n    v = y[:, 1]\n    y.mul_(3)\n    return v", {2, 4}});
  check({"views in turns", "y = x * 2\n    a = y[:, :3]\n    b = y[:, 1:]\n    a.add_(1)\n    b.mul_(2)\n    a.add_(1)\n    y.mul_(3)\n    b.sub_(1)\n    return torch.cat([a, b, y], 1)", {2, 4}});
  check({"a permuted view and the base", "y = x * 2\n    t = y.transpose(1, 2)\n    y[:, 1] = 4\n    t[:, 2] = 8\n    return y * 100 + t.transpose(1, 2)", {2, 4, 3}});
  check({"a method's argument", "def change(self, t: Tensor) -> Tensor:\n    t[:, 0] = 5\n    return t\ndef forward(self, x):\n    y = x * 2\n    z = self.change(y)\n    z[:, 1] = 6\n    return y\n", {2, 4}});
  check({"a list's item", "y = x * 2\n    parts = [y[:, :2], y[:, 2:]]\n    parts[1].fill_(3)\n    return torch.cat([parts[0], y], 1)", {2, 4}});
  check({"what dropout leaves", "y = x * 2\n    z = torch.dropout(y, 0.5, False)\n    z.add_(1)\n    return y", {2, 4}});
  check({"the type it has", "y = x * 2\n    z = y.to(6)\n    z.add_(1)\n    return y", {2, 4}});
  check({"detach and alias", "y = x * 2\n    z = y.detach()\n    z[:, 0] = 1\n    return y", {2, 4}});
  check({"expanded", "y = x[:, :1] * 2\n    wide = y.expand(-1, 4)\n    y.add_(1)\n    return wide", {2, 4}});
  check({"a reshape of what is contiguous", "y = torch.zeros([12])\n    z = y.reshape(3, 4)\n    z[1] = 1\n    y[0] = 2\n    return x + y + z.view(12) * 3", {2, 12}});
  check({"a reshape to the same shape", "y = x * 2\n    z = y.reshape(-1, 4)\n    z.add_(1)\n    return y", {2, 4}});
  check({"the input", "x[:, 0] = 7\n    return x * 2", {2, 4}});
  check({"axes changed in place", "y = x * 2\n    z = y[:, 1:]\n    z.unsqueeze_(1).transpose_(1, 2)\n    z[:, 0] = 9\n    return torch.cat([y, z.squeeze(2)], 1)", {2, 4}});
}

// Ops that the output depends on.
std::multiset<std::string> live_ops(const Module& m) {
  std::multiset<std::string> ops;
  std::vector<ValueId> open = m.outputs;
  std::set<ValueId> seen;
  while (!open.empty()) {
    const ValueId id = open.back();
    open.pop_back();
    const Node* node = m.producer(id);
    if (!node || !seen.insert(id).second) continue;
    ops.insert(std::string(node->op->name));
    open.insert(open.end(), node->inputs.begin(), node->inputs.end());
  }
  return ops;
}

TEST_CASE("parts that a write left alone are read from where they were", "[memory]") {
  const test::Case c{"q, k, v", "q, k, v = (x * 2).chunk(3, 1)\n    q.mul_(3)\n    k.add_(1)\n    return q * k + v", {2, 6}};
  check(c);
  const auto module = test::imported(test::scripted(c), {{Tensor::zeros(DType::kF32, {2, 6})}, Tensor()});
  REQUIRE(module);
  const auto ops = live_ops(*module);
  CHECK(ops.count("slice") == 3);
  CHECK(ops.count("concat") == 0);
}

TEST_CASE("copies do not see the change", "[memory]") {
  check({"clone", "y = x * 2\n    z = y.clone()\n    z[:, 0] = 1\n    return y", {2, 4}});
  check({"the clone", "y = x * 2\n    z = y.clone()\n    y[:, 0] = 1\n    return z", {2, 4}});
  check({"of a weight", "b = self.w.clone()\n    b[1:3].zero_()\n    return x + b - self.w", {2, 4}, {{"w", {4}}}});
  check({"to with copy", "y = x * 2\n    z = y.to(6, copy=True)\n    z.add_(1)\n    return y", {2, 4}});
  check({"to another type", "y = x * 2\n    z = y.to(4)\n    y.add_(1)\n    return y + z", {2, 4}});
  check({"what is computed as its operand", "y = x * 2\n    z = torch.pow(y, 1)\n    z.add_(1)\n    u = torch.constant_pad_nd(y, [0, 0])\n    u.add_(1)\n    return y", {2, 4}});
  check({"a number read before", "y = x * 2\n    z = y[:, 0] + 0\n    y.fill_(3)\n    return z", {2, 4}});
  check({"a join of one", "y = x * 2\n    z = torch.cat([y], 1)\n    z.add_(1)\n    return y", {2, 4}});
}

TEST_CASE("writes by index", "[memory]") {
  check({"rows", "y = x * 2\n    y[:, torch.tensor([3, 0])] = 5\n    return y", {2, 4}});
  check({"rows of a tensor, from the end", "y = x * 2\n    y[:, torch.tensor([-1, 1])] = x[:, :2]\n    return y", {2, 4, 3}});
  check({"cells", "y = x * 2\n    y[:, torch.tensor([0, 1, 1]), torch.tensor([2, 0, 2])] = x[:, 0]\n    return y", {2, 4, 3}});
  check({"a grid of rows", "y = x * 2\n    y[:, torch.tensor([[0, 1], [3, 2]])] = x.view(-1, 2, 2)\n    return y", {2, 4}});
  check({"rows counted up", "y = x * 2\n    y[:, torch.arange(1, 4, 2)] = 5\n    return y", {2, 4}});
  check({"where a mask holds", "y = x * 2\n    y[y > 1] = 0\n    return y", {2, 4}});
  check({"a mask of the first axes", "y = x * 2\n    y[x[:, :, 0] > 0] = 3\n    return y", {2, 4, 3}});
  check({"a mask behind them", "y = x * 2\n    y[:, torch.tensor([True, False, True])] = -1\n    return y", {2, 3, 2}});
  check({"through a view", "y = x * 2\n    y[:, 1:][:, torch.tensor([0, 2])] = 5\n    return y", {2, 4}});
  check({"as functions", "def forward(self, x):\n    a = torch.slice_scatter(x, x[:, :2] * 3, 1, 1, 3)\n    b = torch.select_scatter(a, x[:, 0] * 5, 1, -1)\n    c = torch.slice_scatter(b, x[:, :2], 1, 0, None, 2)\n    return torch.index_put(c, [None, torch.tensor([1])], x[:, 3:])\n", {2, 4}});
}

// Reading is refused where the file cannot tell what LibTorch would do; what was written itself can be read.
TEST_CASE("what may or may not share memory", "[memory]") {
  const char* why = "a tensor is read whose memory may have been changed by aten::add_";
  refused({"a reshape that may copy", "y = x.transpose(1, 2)\n    z = y.reshape(-1)\n    z.add_(1)\n    return y", {2, 4, 3}}, why);
  refused({"the other way round", "y = x * 2\n    z = y.reshape(-1)\n    y.add_(1)\n    return z", {2, 4, 3}}, why);
  refused({"flatten", "y = x.transpose(1, 2)\n    z = y.flatten(1)\n    y.add_(1)\n    return z", {2, 4, 3}}, why);
  refused({"contiguous", "y = x.transpose(1, 2)\n    z = y.contiguous()\n    z.add_(1)\n    return y", {2, 4, 3}}, why);
  refused({"a view of what may be a copy", "y = x * 2\n    v = y.transpose(1, 2).contiguous()[:, 0]\n    v.add_(1)\n    return y", {2, 4, 3}}, why);
  check({"the written one", "y = x.transpose(1, 2)\n    z = y.contiguous()\n    v = z[:, 0]\n    z.add_(1)\n    v.add_(1)\n    return z", {2, 4, 3}});
  check({"the other one, read before", "y = x * 2\n    z = y.reshape(-1, 12)\n    a = y.sum(1)\n    z.add_(1)\n    return z[:, :3] + a", {2, 4, 3}});
}

TEST_CASE("writes that are refused", "[memory]") {
  const std::map<std::string, std::vector<int64_t>> w{{"w", {4}}};
  refused({"a weight", "self.w.add_(1)\n    return x + self.w", {2, 4}, w}, "writes to w, a weight or a constant of the model, or to what may be it; write to a copy of it (clone)");
  refused({"a part of a weight", "self.w[1:].zero_()\n    return x + self.w", {2, 4}, w}, "writes to w");
  refused({"what may be a weight", "b = self.w.reshape(2, 2)\n    b.add_(1)\n    return x + b.view(4)", {2, 4}, w}, "writes to w");
  refused({"an expanded tensor", "y = x[:, :1] * 2\n    y.expand(-1, 4)[:, 0].add_(1)\n    return y", {2, 4}}, "writes through a view in which elements repeat (expand)");
  refused({"several numbers by a mask", "y = x * 2\n    y[y > 1] = x[:, 0]\n    return y", {2, 4}}, "writing several numbers where a mask holds depends on the data; use torch.where");
  refused({"rows that the data names", "y = x * 2\n    y[:, torch.argmax(x, 1)] = 1\n    return y", {2, 4}}, "writing to rows that the data names is not supported");
  refused({"adding to rows", "return torch.index_put(x, [None, torch.tensor([1])], x[:, 3:], True)", {2, 4}}, "adding to rows by index (accumulate=True) is not supported");
  refused({"a shape that grows", "y = x[:, :1] * 2\n    torch.mul(x, 3, out=y)\n    return y", {2, 4}}, "writes [");
}

// torch.nn's attention asks whether query and key are one tensor; equal shapes do not make them so.
TEST_CASE("is", "[memory]") {
  check({"two tensors", "def forward(self, x):\n    y = x * 2\n    if x is y:\n        return x\n    return y\n", {2, 4}});
  check({"one tensor", "def forward(self, x):\n    y = x\n    if x is y:\n        return x * 3\n    return y\n", {2, 4}});
  check({"a weight", "def forward(self, x):\n    if self.w is self.w and self.w is not self.v:\n        return x * 3\n    return x\n", {2, 4}, {{"w", {4}}, {"v", {4}}}});
}

TEST_CASE("what scripted models ask, decided at import", "[memory]") {
  check({"nested", "def forward(self, x):\n    if x.is_nested or x.requires_grad or torch.is_grad_enabled():\n        return x\n    return x * 2\n", {2, 4}});
  check({"devices", "def forward(self, x):\n    if x.device.type in [\"cpu\", \"cuda\"]:\n        return x * 2\n    return x\n", {2, 4}});
  check({"of lists", "def forward(self, x):\n    sizes = [x.size(1), 3]\n    if all([s > 1 for s in sizes]) and not any([s > 4 for s in sizes]):\n        return x * float(sum(sizes))\n    return x\n", {2, 4}});
  check({"items of a list", "def forward(self, x):\n    shift = [1, 2]\n    s = shift.copy()\n    s[-1] = 3\n    return x * float(s[1]) + float(shift[1])\n", {2, 4}});
  const char* inner = "def forward(self, x):\n    inner = [1]\n    outer = [[2]]\n    outer.append(inner)\n    inner.append(3)\n    return x * float(len(outer[1]))\n";
  refused({"a list that is an item", inner, {2, 4}}, "changing a list that is also held elsewhere is not supported");
  check({"parts of a list", "def forward(self, x):\n    a, b = x.shape[-2:]\n    return x * float(a - b)\n", {2, 4, 3}});
  check({"the length of a text", "def forward(self, x):\n    why = \"\"\n    if len(why) > 0:\n        return x\n    return -x * float(-3)\n", {2, 4}});
}

}  // namespace
}  // namespace fastc
