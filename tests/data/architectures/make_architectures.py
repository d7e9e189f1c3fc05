#!/usr/bin/env python3
"""Makes the models of this folder: small versions of architectures that torchvision and transformers hold. Needs PyTorch 2.15 (CPU is
enough); the project itself needs no Python.

    python3 make_architectures.py

NAME.pt (torch.jit.trace; control.pt: torch.jit.script), NAME.pt2 (torch.export, decomposed where DECOMPOSED says so) and NAME.npz with input_0 …, output and, for a batch
one larger, batch3_input_0 …, batch3_output. Those without a .npz are refused by name.
"""
import math
import pathlib
import zipfile
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent


class Gru(nn.Module):
    """GRU in two layers and both directions, then the two Elman networks."""
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(13, 6)
        self.gru = nn.GRU(6, 5, num_layers=2, bidirectional=True, batch_first=True)
        self.tanh = nn.RNN(10, 6, batch_first=True)
        self.relu = nn.RNN(6, 4, nonlinearity="relu", bias=False, batch_first=True)
        self.head = nn.Linear(9, 3)

    def forward(self, tokens):
        y, h = self.gru(self.embed(tokens))
        y, _ = self.tanh(y)
        y, last = self.relu(y)
        return self.head(torch.cat([last[0], h[-1]], 1))


class Lstm(nn.Module):
    """A bidirectional LSTM whose states are read, then one over time first."""
    def __init__(self):
        super().__init__()
        self.first = nn.LSTM(4, 6, bidirectional=True, batch_first=True)
        self.second = nn.LSTM(12, 5)
        self.head = nn.Linear(17, 3)

    def forward(self, x):
        y, (h, c) = self.first(x)
        z, _ = self.second(y.transpose(0, 1))
        return self.head(torch.cat([z[-1], h.transpose(0, 1).flatten(1)], 1))


class Recommender(nn.Module):
    """Embedding bags and dot interactions, as DLRM (Naumov et al. 2019)."""
    def __init__(self):
        super().__init__()
        self.bags = nn.ModuleList([nn.EmbeddingBag(17, 8, mode=mode) for mode in ("sum", "mean", "max")])
        self.bottom = nn.Sequential(nn.Linear(5, 12), nn.ReLU(), nn.Linear(12, 8), nn.ReLU())
        self.top = nn.Sequential(nn.Linear(8 + 6, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid())
        row, column = torch.tril_indices(4, 4, offset=-1)
        self.register_buffer("row", row)
        self.register_buffer("column", column)

    def forward(self, dense, sparse):
        x = self.bottom(dense)
        features = torch.stack([x] + [bag(sparse[:, i]) for i, bag in enumerate(self.bags)], 1)
        dots = torch.bmm(features, features.transpose(1, 2))
        return self.top(torch.cat([x, dots[:, self.row, self.column]], 1))


class Norms(nn.Module):
    """Group and instance norm; dilated, grouped and one-dimensional convolutions; weights standardized by the model itself."""
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.group = nn.GroupNorm(4, 8)
        self.dilated = nn.Conv2d(8, 12, 3, padding=2, dilation=2, groups=4)
        self.instance = nn.InstanceNorm2d(12, affine=True)
        self.plain = nn.InstanceNorm2d(12)
        self.line = nn.Conv1d(12, 10, 3, stride=2, groups=2)
        self.single = nn.GroupNorm(1, 10)
        self.head = nn.Linear(10, 4)

    def forward(self, x):
        x = F.silu(self.group(self.stem(x)))
        x = self.plain(F.relu(self.instance(self.dilated(x))))
        x = self.single(self.line(x.flatten(2)))
        return self.head(x.amax(-1))


class ConvNext(nn.Module):
    """Depthwise convolution, layer norm over permuted axes, layer scale (Liu et al. 2022)."""
    class Block(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.depthwise = nn.Conv2d(width, width, 7, padding=3, groups=width)
            self.norm = nn.LayerNorm(width, eps=1e-6)
            self.up = nn.Linear(width, 4 * width)
            self.down = nn.Linear(4 * width, width)
            self.scale = nn.Parameter(torch.rand(width, 1, 1))

        def forward(self, x):
            y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
            return x + self.scale * self.down(F.gelu(self.up(y))).permute(0, 3, 1, 2)

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 4, stride=4)
        self.blocks = nn.Sequential(self.Block(8), self.Block(8))
        self.between = nn.GroupNorm(1, 8)
        self.down = nn.Conv2d(8, 12, 2, stride=2)
        self.last = self.Block(12)
        self.head = nn.Linear(12, 5)

    def forward(self, x):
        x = self.down(self.between(self.blocks(self.stem(x))))
        return self.head(self.last(x).mean([-2, -1]))


class Swin(nn.Module):
    """Shifted windows with a relative position bias, then patch merging (Liu et al. 2021)."""
    class Block(nn.Module):
        def __init__(self, width, heads, size, window, shift):
            super().__init__()
            self.heads, self.window, self.shift = heads, window, shift
            self.norm = nn.LayerNorm(width)
            self.qkv = nn.Linear(width, 3 * width)
            self.proj = nn.Linear(width, width)
            self.norm2 = nn.LayerNorm(width)
            self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
            self.table = nn.Parameter(torch.randn((2 * window - 1) ** 2, heads))
            place = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")).flatten(1)
            apart = (place[:, :, None] - place[:, None, :]).permute(1, 2, 0) + window - 1
            self.register_buffer("index", (apart[..., 0] * (2 * window - 1) + apart[..., 1]).flatten())
            region = torch.zeros(1, size, size, 1)
            count = 0
            for h in (slice(0, -window), slice(-window, -shift), slice(-shift, None)):
                for w in (slice(0, -window), slice(-window, -shift), slice(-shift, None)):
                    region[:, h, w] = count if shift else 0
                    count += 1
            region = self.windows(region).squeeze(-1)
            self.register_buffer("mask", (region[:, None] != region[:, :, None]).float() * -100.0)

        def windows(self, x):
            n, h, w, c = x.shape
            x = x.view(n, h // self.window, self.window, w // self.window, self.window, c)
            return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, self.window * self.window, c)

        def forward(self, x):
            n, h, w, c = x.shape
            y = self.norm(x)
            if self.shift:
                y = torch.roll(y, (-self.shift, -self.shift), (1, 2))
            y = self.windows(y)
            area, count = self.window * self.window, (h // self.window) * (w // self.window)
            q, k, v = self.qkv(y).reshape(-1, area, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
            scores = (q * (c // self.heads) ** -0.5) @ k.transpose(-2, -1)
            scores = scores + self.table[self.index].view(area, area, -1).permute(2, 0, 1).unsqueeze(0)
            if self.shift:
                scores = scores.view(n, count, self.heads, area, area) + self.mask[:, None].unsqueeze(0)
                scores = scores.view(-1, self.heads, area, area)
            y = self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(-1, area, c))
            y = y.view(n, h // self.window, w // self.window, self.window, self.window, c).permute(0, 1, 3, 2, 4, 5).reshape(n, h, w, c)
            if self.shift:
                y = torch.roll(y, (self.shift, self.shift), (1, 2))
            x = x + y
            return x + self.mlp(self.norm2(x))

    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 2, stride=2)
        self.blocks = nn.Sequential(self.Block(8, 2, 8, 4, 0), self.Block(8, 2, 8, 4, 2))
        self.merge = nn.Linear(32, 12, bias=False)
        self.norm = nn.LayerNorm(12)
        self.head = nn.Linear(12, 5)

    def forward(self, x):
        x = self.blocks(self.patch(x).permute(0, 2, 3, 1))
        x = torch.cat([x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]], -1)
        return self.head(self.norm(self.merge(x)).mean((1, 2)))


class Window(nn.Module):
    """Attention in shifted windows as torchvision writes it: the mask and the keys' bias in place, through views. Then tensors that share memory."""
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(6, 18)
        self.proj = nn.Linear(6, 6)

    def forward(self, x):  # [N, 6, 4, 6]: windows of 3 x 2, moved by 1
        bias = self.qkv.bias.clone()
        bias[6:12].zero_()
        region = x.new_zeros((6, 4))
        for i, h in enumerate((slice(0, -3), slice(-3, -1), slice(-1, None))):
            for j, w in enumerate((slice(0, -2), slice(-2, -1), slice(-1, None))):
                region[h, w] = 3 * i + j
        region = region.view(2, 3, 2, 2).permute(0, 2, 1, 3).reshape(4, 6)
        mask = region.unsqueeze(1) - region.unsqueeze(2)
        mask = mask.masked_fill(mask != 0, -100.0).masked_fill(mask == 0, 0.0)
        y = torch.roll(x, (-1, -1), (1, 2)).view(-1, 2, 3, 2, 2, 6).permute(0, 1, 3, 2, 4, 5).reshape(-1, 4, 6, 6)
        q, k, v = F.linear(y, self.qkv.weight, bias).chunk(3, -1)
        y = self.proj(torch.softmax(q @ k.transpose(-2, -1) + mask, -1) @ v).relu()
        before, left = y[:, 1], y[:, :, :3]
        left.transpose(2, 3)[..., ::2].add_(1)
        y[:, 2, 1:4] = x[:, :3, 0]
        left[:, -1] = 0.5
        y[:, :, :, torch.tensor([5, 0])] = mask[:, :, :2] * 0.01
        y[y > 3] = 3.0
        return y.sum(1) + before * left.mean((1, 2)).unsqueeze(1)


class Experts(nn.Module):
    """Tokens that go to two of four experts, sorted by them and multiplied in groups, as transformers routes them (Shazeer et al. 2017)."""
    def __init__(self):
        super().__init__()
        self.router = nn.Linear(8, 4, bias=False)
        self.up = nn.Parameter(torch.randn(4, 24, 8) * 0.3)
        self.down = nn.Parameter(torch.randn(4, 8, 12) * 0.3)
        self.head = nn.Linear(8, 3)

    def experts(self, x):
        gate, chosen = torch.topk(torch.softmax(self.router(x), -1), 2, dim=-1)
        gate /= gate.sum(-1, keepdim=True)
        expert, order = torch.sort(chosen.reshape(-1))
        ends = torch.histc(expert.float(), bins=4, min=0, max=3).cumsum(0, dtype=torch.int32)
        a, b = torch._grouped_mm(x[order // 2], self.up.transpose(1, 2), ends).chunk(2, -1)
        y = torch._grouped_mm(F.silu(a) * b, self.down.transpose(1, 2), ends) * gate.reshape(-1)[order].unsqueeze(-1)
        back = torch.empty_like(order)
        back[order] = torch.arange(order.size(0))
        return y[back].view(-1, 2, 8).sum(1)

    def forward(self, x):  # [N, 5, 8]
        x = x + self.experts(x.reshape(-1, 8)).view(-1, 5, 8)
        return self.head(x).mean(1)


class Segment(nn.Module):
    """A pyramid with bilinear upsampling both ways, squeeze-and-excitation, channel shuffle, a transposed convolution."""
    def __init__(self):
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.b = nn.Sequential(nn.Conv2d(8, 12, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU6())
        self.squeeze, self.excite = nn.Conv2d(12, 4, 1), nn.Conv2d(4, 12, 1)
        self.grouped = nn.Conv2d(12, 12, 3, padding=1, groups=3)
        self.lateral_a, self.lateral_b = nn.Conv2d(8, 6, 1), nn.Conv2d(12, 6, 1)
        self.up = nn.ConvTranspose2d(6, 5, 2, stride=2)
        self.head = nn.Conv2d(5, 3, 1)

    def forward(self, x):
        a = self.a(x)
        b = self.b(a)
        b = b * torch.sigmoid(self.excite(F.relu(self.squeeze(F.adaptive_avg_pool2d(b, 1)))))
        n, c, h, w = b.shape
        b = b.view(n, 3, c // 3, h, w).transpose(1, 2).reshape(n, c, h, w)
        b = self.lateral_b(F.hardswish(self.grouped(b)))
        y = self.lateral_a(a) + F.interpolate(b, scale_factor=2, mode="bilinear", align_corners=False)
        y = F.interpolate(y, size=(11, 11), mode="bilinear", align_corners=True)
        return self.head(F.leaky_relu(self.up(y)))


class Attend(nn.Module):
    """Attention of several heads in primitive ops."""
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(width, width, bias=bias) for bias in (True, False, True, True))

    def split(self, x):
        return x.view(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)

    def forward(self, x, memory, mask=None, bias=None):
        q, k, v = self.split(self.q(x)), self.split(self.k(memory)), self.split(self.v(memory))
        scores = torch.matmul(q, k.transpose(-1, -2)) / math.sqrt(q.shape[-1])
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.masked_fill(mask, float("-inf"))
        y = torch.matmul(scores.softmax(-1), v).transpose(1, 2)
        return self.o(y.reshape(x.shape[0], x.shape[1], -1))


class Translate(nn.Module):
    """An encoder, used twice (shared weights), and a decoder with cross attention, a relative bias and a tied head."""
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(19, 12)
        self.encoder = Attend(12, 3)
        self.feed = nn.Sequential(nn.Linear(12, 24), nn.GELU(), nn.Linear(24, 12))
        self.itself, self.cross = Attend(12, 3), Attend(12, 2)
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(12), nn.LayerNorm(12), nn.LayerNorm(12)
        self.relative = nn.Embedding(9, 3)
        self.head = nn.Linear(12, 19, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, source, target):
        x = self.embed(source)
        for _ in range(2):
            x = x + self.encoder(self.norm1(x), self.norm1(x))
            x = x + self.feed(x)
        y = self.embed(target)
        place = torch.arange(target.shape[1])
        bias = self.relative((place[None] - place[:, None]).clamp(-4, 4) + 4).permute(2, 0, 1).unsqueeze(0)
        later = torch.ones(target.shape[1], target.shape[1], dtype=torch.bool).triu(1)
        y = y + self.itself(self.norm2(y), self.norm2(y), later, bias)
        y = y + self.cross(self.norm3(y), x)
        return self.head(y)


class Einsum(nn.Module):
    """Products in einsum's notation, a gate, normalized vectors."""
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v = nn.Linear(6, 8), nn.Linear(6, 8), nn.Linear(6, 8)
        self.out = nn.Parameter(torch.randn(2, 4, 5))

    def forward(self, x):
        n, length, _ = x.shape
        q, k, v = (f(x).view(n, length, 2, 4) for f in (self.q, self.k, self.v))
        scores = torch.einsum("bihd,bjhd->bhij", F.normalize(q, dim=-1), F.normalize(k, dim=-1)) * 3.0
        y = torch.einsum("bhij,bjhd->bihd", scores.softmax(-1), v)
        return torch.einsum("bihd,hdo->bio", y, self.out)


class Elementwise(nn.Module):
    """The functions of one and two numbers, sums, choices and reads by index that the other models have no use for."""
    def __init__(self):
        super().__init__()
        self.widen = nn.Linear(6, 8)
        self.narrow = nn.Linear(8, 4)
        self.norm = nn.RMSNorm(8, eps=1e-5)

    def forward(self, x):
        a = self.norm(self.widen(x))
        b = torch.sin(a) + torch.cos(a) * torch.erf(a) - torch.exp(-a.abs())
        c = F.softplus(b) + torch.log(a.abs() + 1) + F.hardsigmoid(b) - torch.floor(a) / 4
        d = torch.minimum(torch.reciprocal(c + 2), torch.sqrt(c.square() + 1)) + torch.tanh(c) + torch.pow(a.abs() + 0.5, c * 0.1)
        e = torch.where((d < 1) | (a >= b), d, c) + ((a <= b) & (a > -1)).float() - (c == d).float()
        order = (7 - torch.arange(8)).expand(x.shape[0], 8)
        f = torch.gather(e, 1, order).cumsum(1) - e.amin(1, keepdim=True)
        return self.narrow(f) + torch.arange(x.shape[0], dtype=torch.float32).unsqueeze(1)


def randomize(model):
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm, nn.InstanceNorm2d)) and getattr(module, "weight", None) is not None:
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 1.5)


DECOMPOSED = {"norms", "convnext", "segment", "recommender"}


def make(name, model, sample):
    randomize(model)
    model.eval()
    two, three = sample(2), sample(3)
    batch = torch.export.Dim("batch", min=1, max=64)
    with torch.no_grad():
        torch.jit.trace(model, two).save(str(HERE / f"{name}.pt"))
        program = torch.export.export(model, two, dynamic_shapes=tuple({0: batch} for _ in two))
        torch.export.save(program.run_decompositions() if name in DECOMPOSED else program, str(HERE / f"{name}.pt2"))
        arrays = {f"{prefix}input_{i}": x.numpy() for prefix, inputs in (("", two), ("batch3_", three)) for i, x in enumerate(inputs)}
        np.savez_compressed(HERE / f"{name}.npz", output=model(*two).numpy(), batch3_output=model(*three).numpy(), **arrays)


def pack(path):
    """Deflates the graph's text, which PyTorch stores as it is."""
    with zipfile.ZipFile(path) as archive:
        entries = [(info.filename, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries:
            archive.writestr(name, data, zipfile.ZIP_DEFLATED if name.endswith(".json") else zipfile.ZIP_STORED)


class Control(nn.Module):
    """Control flow that is known when the model is read: loops over layers and lists, early returns, a while, an optional."""
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(6, 6) for _ in range(3)])
        self.widths: list[int] = [2, 4]
        self.depth: int = 3

    def mix(self, x, twice: bool):
        if not twice:
            return x
        return x + x

    def forward(self, x):
        seen: list[torch.Tensor] = []
        for i, layer in enumerate(self.layers):
            x = self.mix(torch.tanh(layer(x)), i % 2 == 0)
            if i < self.depth - 1:
                seen.append(x)
        step = 0
        while step < len(self.widths):
            seen.append(x[:, : self.widths[step]].sum(1, keepdim=True).expand(-1, 6))
            step += 1
        return torch.stack(seen, 1).mean(1)


class Ragged(nn.Module):
    """Refused: how long each bag is depends on the data."""
    def __init__(self):
        super().__init__()
        self.bag = nn.EmbeddingBag(7, 4)

    def forward(self, indices, offsets):
        return self.bag(indices, offsets)


def put(into: list[torch.Tensor], x: torch.Tensor):
    if x.dim() > 5:  # keeps the function from being inlined into a plain append
        return
    into.append(x)


class Held(nn.Module):
    """Refused: a list that two functions hold."""
    def forward(self, x):
        seen: list[torch.Tensor] = []
        put(seen, x)
        return torch.stack(seen)


class Until(nn.Module):
    """Refused: a loop whose end depends on the data."""
    def forward(self, x):
        while bool(x.sum() < 100):
            x = x * 2
        return x


def main():
    torch.manual_seed(2)
    make("gru", Gru(), lambda n: (torch.randint(0, 13, (n, 7)),))
    make("lstm", Lstm(), lambda n: (torch.randn(n, 6, 4),))
    make("recommender", Recommender(), lambda n: (torch.randn(n, 5), torch.randint(0, 17, (n, 3, 4))))
    make("norms", Norms(), lambda n: (torch.randn(n, 3, 10, 10),))
    make("convnext", ConvNext(), lambda n: (torch.randn(n, 3, 16, 16),))
    make("swin", Swin(), lambda n: (torch.randn(n, 3, 16, 16),))
    make("segment", Segment(), lambda n: (torch.randn(n, 3, 12, 12),))
    make("translate", Translate(), lambda n: (torch.randint(0, 19, (n, 6)), torch.randint(0, 19, (n, 5))))
    make("einsum", Einsum(), lambda n: (torch.randn(n, 5, 6),))
    make("elementwise", Elementwise(), lambda n: (torch.randn(n, 6),))
    control = Control().eval()
    torch.jit.script(control).save(str(HERE / "control.pt"))
    two, three = torch.randn(2, 6), torch.randn(3, 6)
    with torch.no_grad():
        np.savez_compressed(HERE / "control.npz", input_0=two.numpy(), output=control(two).numpy(), batch3_input_0=three.numpy(), batch3_output=control(three).numpy())
    torch.jit.trace(Ragged().eval(), (torch.tensor([1, 2, 3]), torch.tensor([0, 1]))).save(str(HERE / "ragged.pt"))
    torch.jit.script(Held()).save(str(HERE / "held.pt"))
    torch.jit.script(Until()).save(str(HERE / "until.pt"))
    torch.manual_seed(3)
    make("window", Window(), lambda n: (torch.randn(n, 6, 4, 6),))
    make("experts", Experts(), lambda n: (torch.randn(n, 5, 8),))
    for name in ("window", "experts"):
        pack(HERE / f"{name}.pt2")


main()
