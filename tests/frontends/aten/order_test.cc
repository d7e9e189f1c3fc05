// The largest elements, sorted ones, and tokens that are sorted by their experts.
#include "tests/frontends/aten/scripted.h"

namespace fastc {
namespace {

using test::check, test::refusal;

TEST_CASE("topk and sort", "[order]") {
  check({"the largest", "v, i = torch.topk(x, 2)\n    return v * 10 + i", {3, 5}});
  check({"the smallest, along an axis", "v, i = torch.topk(x, 3, 1, False)\n    return v * 10 + i", {2, 5, 3}});
  check({"one of rank 4", "v, i = torch.topk(x, 1, -2)\n    return v * 10 + i", {2, 3, 4, 5}});
  check({"sorted", "v, i = torch.sort(x)\n    return v * 10 + i", {3, 5}});
  check({"from the largest", "v, i = torch.sort(x, 1, True)\n    return v * 10 + i", {2, 5, 3}});
  check({"equals stay in their order", "v, i = torch.sort((x > 0).float(), stable=True, dim=1, descending=False)\n    return v * 10 + i", {4, 9}});
  check({"places", "return torch.argsort(x, 1).float() * 1", {3, 5}});
  check({"gates of the two best", "v, i = torch.topk(x, 2)\n    y = torch.where(x >= v[:, 1:], x, -1e4)\n    return torch.softmax(y, 1)", {3, 6}});
  check({"values changed in place", "v, i = torch.topk(x, 2)\n    v /= v.abs().sum(1, True)\n    return v + i", {3, 5}});
  CHECK(refusal({"too many", "v, i = torch.topk(x, 6)\n    return v", {3, 5}}).find("cannot take the first 6 of an axis of [N,5]") != std::string::npos);
}

TEST_CASE("whole quotients and counts of whole numbers", "[order]") {
  check({"floor_divide", "i = torch.argsort(x, 1)\n    return x + torch.floor_divide(i, 2)", {3, 5}});
  check({"below zero", "i = torch.argsort(x, 1) - 3\n    return x + torch.floor_divide(i, 2)", {3, 5}});
  check({"histc", "i = torch.argsort(x, 1)[:, :2]\n    return x + torch.histc(i.float(), 5, 0, 4)", {3, 5}});
  CHECK(refusal({"histc", "return x + torch.histc(x, 5, 0, 4)", {3, 5}}).find("histc is supported for whole numbers from 0 to bins - 1") != std::string::npos);
}

TEST_CASE("an order turned around", "[order]") {
  check({"of rows", "order = torch.argsort(x[:, 0])\n    back = torch.empty_like(order)\n    back[order] = torch.arange(order.size(0))\n    return x[order][back] - back.unsqueeze(1)", {5, 3}});
  check({"of an axis of known length", "order = torch.argsort(torch.sum(x, 0))\n    y = torch.zeros_like(x)\n    y[:, order] = x * 2\n    return y", {2, 4}});
}

// As transformers routes them: each token goes to two of four experts; the rows are sorted by expert, multiplied in groups, and put back.
TEST_CASE("tokens sorted by their experts", "[order]") {
  const char* routed =
      "gate, chosen = torch.topk(torch.softmax(torch.linear(x, self.router), 1), 2)\n"
      "    gate /= gate.sum(1, True)\n"
      "    experts, order = torch.sort(chosen.reshape(-1))\n"
      "    token = torch.floor_divide(order, 2)\n"
      "    ends = torch.cumsum(torch.histc(experts.float(), 4, 0, 3), 0, dtype=3)\n"
      "    y = torch._grouped_mm(x[token], self.up.transpose(1, 2), ends)\n"
      "    y = torch._grouped_mm(torch.silu(y), self.down.transpose(1, 2), ends) * gate.reshape(-1)[order].unsqueeze(1)\n"
      "    back = torch.empty_like(order)\n"
      "    back[order] = torch.arange(order.size(0))\n"
      "    return y[back].view(-1, 2, 8).sum(1)";
  check({"routed", routed, {6, 8}, {{"router", {4, 8}}, {"up", {4, 12, 8}}, {"down", {4, 8, 12}}}});
}

}  // namespace
}  // namespace fastc
