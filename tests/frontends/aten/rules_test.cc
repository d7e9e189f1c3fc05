// Rules for ATen ops, each on a model written here in TorchScript: what fastc makes of it gives LibTorch's own result.
#include "tests/frontends/aten/scripted.h"

namespace fastc {
namespace {

using test::check, test::refusal;

TEST_CASE("activations that are made of others", "[aten]") {
  check({"selu", "return torch.selu(x)", {3, 5}});
  check({"celu", "return torch.celu(x, 1.5)", {3, 5}});
  check({"elu with a scale", "return torch.elu(x, 0.7, 1.3, 1)", {3, 5}});
  check({"prelu, one weight", "return torch.prelu(x, self.w)", {3, 4, 5}, {{"w", {1}}}});
  check({"prelu, one a channel", "return torch.prelu(x, self.w)", {3, 4, 5}, {{"w", {4}}}});
  check({"prelu of vectors", "return torch.prelu(x, self.w)", {3, 4}, {{"w", {4}}}});
  check({"sign", "return torch.sign(torch.clamp(x, -0.5, 0.5) + 0.5)", {3, 5}});
  check({"ceil", "return torch.ceil(x)", {3, 5}});
  CHECK(refusal({"elu", "return torch.elu(x, 0.7, 1.0, 2)", {3, 5}}).find("elu with alpha 0.7 and input_scale 2 is not supported") != std::string::npos);
}

TEST_CASE("numbers and lists known at import are folded", "[aten]") {
  check({"floor and ceil of numbers", "return x * float(torch.ceil(x.size(1) / 2)) + float(torch.floor(x.size(1) / 2))", {3, 5}});
  check({"functions of numbers", "return x * torch.log(float(x.size(1))) + torch.sqrt(float(x.dim()))", {3, 5}});
  check({"whole quotients of sizes", "return x.view(x.size(0), x.size(1) // 2, 2)", {3, 6}});
  check({"the words of an assertion", "def forward(self, x):\n    assert x.dim() == 2, \"expected 2 axes, found {}\".format(x.dim())\n    return x * 2\n", {3, 5}});
  check({"in a list of texts", "def forward(self, x):\n    if \"row\" in [\"batch\", \"row\"]:\n        return x * 2\n    return x\n", {3, 5}});
  check({"in a list of numbers", "def forward(self, x):\n    if x.dim() in [3, 4]:\n        return x\n    return x * 3\n", {3, 5}});
  check({"equal lists", "def forward(self, x):\n    if [x.dim(), x.size(1)] == [2, 5]:\n        return x * 2\n    return x\n", {3, 5}});
  check({"unequal lists", "def forward(self, x):\n    if [x.dim()] != [2, 5]:\n        return x * 2\n    return x\n", {3, 5}});
}

// A list may go to a method that gives no list back: that one has only read it.
TEST_CASE("a list that a called method reads can be appended to", "[aten]") {
  check({"dense", "def join(self, parts: List[Tensor]) -> Tensor:\n    return torch.cat(parts, 1)\n"
                  "def forward(self, x):\n    seen = [x]\n    for i in range(3):\n        seen.append(torch.tanh(self.join(seen)))\n    return self.join(seen)\n", {2, 3}});
  check({"made in a branch", "def forward(self, x):\n    if x.dim() == 2:\n        sizes = [2 * i + 1 for i in range(3)]\n    else:\n        sizes = [1]\n    return x * sizes[2]\n", {2, 3}});
  const char* held = "def same(self, parts: List[Tensor]) -> List[Tensor]:\n    return parts\n"
                     "def forward(self, x):\n    seen = [x]\n    other = self.same(seen)\n    seen.append(x)\n    return torch.cat(other, 1)\n";
  CHECK(refusal({"held", held, {2, 3}}).find("changing a list that is also held elsewhere is not supported") != std::string::npos);
}

TEST_CASE("moving elements", "[aten]") {
  check({"channel_shuffle", "return torch.channel_shuffle(x, 3)", {2, 6, 2, 3}});
  check({"swapaxes", "return torch.swapaxes(x, -1, 1)", {2, 3, 4}});
  check({"reflect", "return torch.pad(x, [2, 1, 0, 3], \"reflect\")", {2, 3, 4, 5}});
  check({"replicate", "return torch.pad(x, [2, 1, 6, 3], \"replicate\")", {2, 3, 4, 5}});
  check({"circular", "return torch.pad(x, [2, 1, 4, 3], \"circular\")", {2, 3, 4, 5}});
  check({"reflection_pad1d", "return torch.reflection_pad1d(x, [1, 3])", {2, 3, 4}});
  check({"repeat_interleave", "return torch.repeat_interleave(x, 3, 1)", {2, 3, 4}});
  check({"repeat_interleave of all", "return torch.repeat_interleave(x, 2)", {2, 3}});
  check({"unsafe_chunk", "return torch.unsafe_chunk(x, 2, 1)[1]", {2, 5}});
  check({"meshgrid ij", "def forward(self, x):\n    a, b = torch.meshgrid([torch.arange(3), torch.arange(2)], indexing=\"ij\")\n    return x + a * 10 + b\n", {2, 3, 2}});
  check({"meshgrid xy", "def forward(self, x):\n    a, b = torch.meshgrid([torch.arange(3), torch.arange(2)], indexing=\"xy\")\n    return x + a * 10 + b\n", {2, 2, 3}});
  check({"tril_indices", "def forward(self, x):\n    i = torch.tril_indices(4, 4, -1)\n    return x[:, i[0], i[1]]\n", {2, 4, 4}});
  check({"triu_indices", "def forward(self, x):\n    i = torch.triu_indices(3, 4, 1)\n    return x[:, i[0], i[1]]\n", {2, 3, 4}});
  check({"negative indices", "return x[:, torch.tensor([-1, 0, -2])]", {2, 4, 3}});
  CHECK(refusal({"reflect", "return torch.pad(x, [4, 0], \"reflect\")", {2, 3, 4}}).find("pads 4 and 0 do not fit an axis of length 4 in the mode reflect") != std::string::npos);
}

TEST_CASE("reductions that are made of others", "[aten]") {
  check({"argmax", "return torch.argmax(x, 1).float() + x[:, 0]", {3, 5}});
  check({"argmin, the axis kept", "return x + torch.argmin(x, 1, True)", {3, 5, 2}});
  check({"argmax of equals is the first", "return torch.argmax(torch.clamp(x, 0.0, 0.1), 1).float() + 1", {8, 5}});
  check({"cosine_similarity", "return torch.cosine_similarity(x, x * self.w, 1)", {3, 5}, {{"w", {1, 5}}}});
}

TEST_CASE("bicubic resizing", "[aten]") {
  check({"larger", "return torch.upsample_bicubic2d(x, [7, 9], False)", {2, 3, 4, 5}});
  check({"smaller", "return torch.upsample_bicubic2d(x, [3, 2], False)", {2, 3, 6, 5}});
  check({"aligned corners", "return torch.upsample_bicubic2d(x, [7, 1], True)", {2, 3, 4, 5}});
  check({"steps given", "return torch.upsample_bicubic2d(x, [8, 11], False, 2.1, 2.3)", {2, 3, 4, 5}});
  check({"by a factor", "return torch.upsample_bicubic2d(x, None, False, [2.0, 2.0])", {2, 3, 4, 5}});
}

TEST_CASE("windows over three axes", "[aten]") {
  const std::map<std::string, std::vector<int64_t>> w{{"w", {4, 3, 2, 3, 3}}, {"b", {4}}, {"g", {6, 1, 3, 1, 2}}};
  check({"conv3d", "return torch.conv3d(x, self.w, self.b, [1, 2, 1], [1, 1, 0], [2, 1, 1])", {2, 3, 4, 5, 6}, w});
  check({"same padding", "return torch.conv3d(x, self.w, self.b, 1, \"same\", [1, 2, 1])", {2, 3, 4, 5, 6}, w});
  check({"groups", "return torch.conv3d(x, self.g, None, 1, [1, 0, 1], 1, 3)", {2, 3, 4, 5, 6}, w});
  check({"convolution", "return torch.convolution(x, self.w, self.b, [1, 1, 1], [0, 1, 1], [1, 1, 1], False, [0, 0, 0], 1)", {2, 3, 4, 5, 6}, w});
  check({"max_pool3d", "return torch.max_pool3d(x, [2, 3, 2], [1, 2, 2], [1, 1, 0], 1, True)", {2, 3, 4, 5, 6}});
  check({"avg_pool3d", "return torch.avg_pool3d(x, [2, 3, 2], [1, 2, 2], [1, 1, 0], False, False)", {2, 3, 4, 5, 6}});
  check({"adaptive_avg_pool3d", "return torch.adaptive_avg_pool3d(x, [3, 2, 4])", {2, 3, 4, 5, 6}});
  check({"adaptive_max_pool3d", "return torch.adaptive_max_pool3d(x, [1, 1, 1])[0]", {2, 3, 4, 5, 6}});
  const std::map<std::string, std::vector<int64_t>> n{{"m", {3}}};
  check({"batch_norm", "return torch.batch_norm(x, self.m, None, self.m, self.m * self.m, False, 0.1, 0.5, False)", {2, 3, 4, 5, 6}, n});
  const char* transposed = "return torch.convolution(x, self.t, None, [1, 1, 1], [0, 0, 0], [1, 1, 1], True, [0, 0, 0], 1)";
  CHECK(refusal({"transposed", transposed, {2, 3, 4, 5, 6}, {{"t", {3, 4, 2, 2, 2}}}}).find("expected a convolution over 1 to 2 axes, found a weight [3,4,2,2,2]") != std::string::npos);
}

TEST_CASE("weight norm is computed at import", "[aten]") {
  check({"axis 0", "return torch.conv1d(x, torch._weight_norm(self.weight_v, self.weight_g, 0))", {2, 3, 6}, {{"weight_v", {4, 3, 2}}, {"weight_g", {4, 1, 1}}}});
  check({"axis 2", "return torch.conv1d(x, torch._weight_norm(self.weight_v, self.weight_g, 2))", {2, 3, 6}, {{"weight_v", {4, 3, 2}}, {"weight_g", {1, 1, 2}}}});
}

TEST_CASE("cells of recurrent networks", "[aten]") {
  const std::map<std::string, std::vector<int64_t>> four{{"wi", {12, 4}}, {"wh", {12, 3}}, {"bi", {12}}, {"bh", {12}}};
  check({"lstm_cell", "def forward(self, x):\n    h, c = torch.lstm_cell(x, [x[:, :3], x[:, 1:]], self.wi, self.wh, self.bi, self.bh)\n    return h + 2 * c\n", {2, 4}, four});
  check({"gru_cell", "return torch.gru_cell(x, x[:, :3], self.wi[:9], self.wh[:9], self.bi[:9], self.bh[:9])", {2, 4}, four});
  check({"rnn_tanh_cell", "return torch.rnn_tanh_cell(x, x[:, :3], self.wi[:3], self.wh[:3])", {2, 4}, four});
  check({"rnn_relu_cell", "return torch.rnn_relu_cell(x, x[:, :3], self.wi[:3], self.wh[:3], self.bi[:3], self.bh[:3])", {2, 4}, four});
}

// What torch.jit.trace leaves of nn.TransformerEncoderLayer and nn.MultiheadAttention when no gradients are wanted.
TEST_CASE("the transformer's fast path", "[aten]") {
  const std::map<std::string, std::vector<int64_t>> weights{{"qw", {24, 8}}, {"qb", {24}}, {"pw", {8, 8}}, {"pb", {8}}, {"n1", {8}}, {"c1", {8}}, {"n2", {8}}, {"c2", {8}},
                                                            {"f1", {16, 8}}, {"d1", {16}}, {"f2", {8, 16}}, {"d2", {8}}};
  const auto layer = [&](const char* name, const std::string& mask, const std::string& options, const std::string& last) {
    const std::string body = mask + "return torch._transformer_encoder_layer_fwd(x, 8, 2, self.qw, self.qb, self.pw, self.pb, " + options +
                             ", 1e-5, self.n1, self.c1, self.n2, self.c2, self.f1, self.d1, self.f2, self.d2" + last + ")";
    check({name, body.c_str(), {2, 3, 8}, weights});
  };
  layer("norm last, relu", "", "False, False", "");
  layer("norm first, gelu", "", "True, True", "");
  layer("a mask of pairs", "mask = torch.ones([3, 3]).triu(1)\n    ", "False, True", ", mask, 0");
  layer("a mask of padding", "mask = x[:, :, 0] > 1.5\n    ", "False, False", ", mask, 1");
  const std::string attention = "return torch._native_multi_head_attention(x, x, x, 8, 2, self.qw, self.qb, self.pw, self.pb";
  check({"attention with a mask of padding", ("mask = x[:, :, 0] > 1.5\n    " + attention + ", mask, False, True, 1)[0]").c_str(), {2, 3, 8}, weights});
}

}  // namespace
}  // namespace fastc
