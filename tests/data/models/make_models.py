#!/usr/bin/env python3
"""Makes the small models of this folder. Needs PyTorch 2.15 (CPU is enough); the project itself needs no Python.

    python3 make_models.py

NAME.pt (torch.jit.trace or .script), NAME.pt2 (torch.export, decomposed), NAME_raw.pt2 (torch.export, not decomposed) and NAME.npz with
input_0, output and, for a batch one larger, batch3_input_0, batch3_output.
"""
import pathlib
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent


class Convs(nn.Module):
    """Convolutions, pooling, resizing, activations, concatenation, an in-place op on a residual."""
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding="same", bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.depthwise = nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=8)
        self.up = nn.ConvTranspose2d(8, 4, 2, stride=2)
        self.line = nn.Conv1d(4, 6, 3, dilation=2)
        self.norm = nn.LayerNorm(6)
        self.head = nn.Linear(6, 5)

    def forward(self, x):
        a = self.stem(x)
        b = F.hardswish(self.depthwise(a))
        c = F.interpolate(b, scale_factor=2.0, mode="nearest")
        d = torch.cat([F.relu6(c), self.up(b)], 1)
        e = F.max_pool2d(d, 3, 2, 1) + F.interpolate(F.avg_pool2d(d, 2), size=(4, 4), mode="bilinear", align_corners=False)
        e += F.pad(F.leaky_relu(e[:, :, ::2, 1:3]), (1, 1, 0, 2))
        f = F.elu(self.line(e[:, 4:8].flatten(2)))
        return self.head(self.norm(f.transpose(1, 2)).mean(1)).clamp(-2, 2)


class Tokens(nn.Module):
    """Embeddings, attention, masks, indexing, sizes, tied weights, type promotion."""
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(11, 8)
        self.position = nn.Parameter(torch.randn(1, 6, 8))
        self.qkv = nn.Linear(8, 24)
        self.head = nn.Linear(8, 11, bias=False)
        self.head.weight = self.embed.weight
        self.mixer = nn.Parameter(torch.randn(8, 8))
        self.register_buffer("order", torch.tensor([2, 0, 1, 3, 5, 4]), persistent=False)

    def forward(self, tokens):
        n, length = tokens.shape
        keep = (tokens != 0)
        x = self.embed(tokens) * 0.5 + self.position[:, :length]
        q, k, v = self.qkv(x).view(n, length, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
        mask = keep[:, None, None, :] & torch.ones(length, length, dtype=torch.bool).tril()
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask | torch.eye(length).bool())
        y = y.transpose(1, 2).reshape(n, length, 8)
        y = torch.where(keep.unsqueeze(-1), F.gelu(y, approximate="tanh") @ self.mixer, torch.zeros_like(y))
        y = y[:, self.order] + torch.arange(length).unsqueeze(-1) / length
        y = y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + 1e-6)
        weights = torch.softmax(y.sum(-1), dim=1).unsqueeze(1)
        return self.head(torch.bmm(weights, y).squeeze(1)).log_softmax(-1)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.r = nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True)

    def forward(self, x):
        y, (h, _) = self.r(x)
        return torch.cat([y[:, -1], h.permute(1, 0, 2).flatten(1)], 1)


def randomize(model):
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)


def make(name, model, sample, decompose=True):
    randomize(model)
    model.eval()
    two, three = sample(2), sample(3)
    with torch.no_grad():
        torch.jit.trace(model, (two,)).save(str(HERE / f"{name}.pt"))
        program = torch.export.export(model, (two,), dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=64)},))
        torch.export.save(program, str(HERE / f"{name}_raw.pt2"))
        if decompose:
            torch.export.save(program.run_decompositions(), str(HERE / f"{name}.pt2"))
        np.savez_compressed(HERE / f"{name}.npz", input_0=two.numpy(), output=model(two).numpy(), batch3_input_0=three.numpy(), batch3_output=model(three).numpy())


class Scripted(nn.Module):
    """What only scripting keeps: a branch and a loop that are decided at import, functions, None."""
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
        self.last: bool = True

    def forward(self, x, scale: torch.Tensor | None = None):
        for layer in self.layers:
            x = F.relu(layer(x))
        for i in range(2):
            x = x + i
        if self.last and x.size(1) == 4:
            x = x * 2
        if scale is not None:
            x = x * scale
        return x


class Branches(nn.Module):
    def forward(self, x):
        if bool(x.sum() > 0):
            return x
        return -x


class Stale(nn.Module):
    """Reads a tensor after a view of it was changed in place."""
    def forward(self, x):
        x = x + 1
        y = x[:, :1]
        y.relu_()
        return x.sum(1) + y.sum(1)


class InPlace(nn.Module):
    """Changes tensors in place and reads them under their older names."""
    def forward(self, x):
        y = x * 2
        y.add_(x[:, :1])
        z = y
        torch.relu_(z)
        return y - z * 0.5


class Unsupported(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        return torch.linalg.det(self.layer(x).view(-1, 2, 2))


def main():
    torch.manual_seed(1)
    make("convs", Convs(), lambda n: torch.randn(n, 3, 8, 8))
    make("tokens", Tokens(), lambda n: torch.randint(0, 11, (n, 6)))
    make("recurrent", Recurrent(), lambda n: torch.randn(n, 5, 3), decompose=False)
    scripted = Scripted().eval()
    torch.jit.script(scripted).save(str(HERE / "scripted.pt"))
    x = torch.randn(2, 4)
    np.savez_compressed(HERE / "scripted.npz", input_0=x.numpy(), output=scripted(x).detach().numpy())
    torch.jit.trace(Stale(), torch.randn(2, 4)).save(str(HERE / "stale.pt"))
    torch.export.save(torch.export.export(Stale(), (torch.randn(2, 4),)), str(HERE / "stale.pt2"))
    x = torch.tensor([[1.0, -2.0, 0.5, 3.0], [-1.5, 2.0, 0.25, -4.0]])
    torch.export.save(torch.export.export(InPlace(), (x,)), str(HERE / "inplace_raw.pt2"))
    np.savez_compressed(HERE / "inplace.npz", input_0=x.numpy(), output=InPlace()(x).numpy())
    torch.jit.script(Branches()).save(str(HERE / "branches.pt"))
    torch.jit.trace(Unsupported().eval(), torch.randn(2, 4)).save(str(HERE / "unsupported.pt"))
    torch.export.save(torch.export.export(Unsupported().eval(), (torch.randn(2, 4),)), str(HERE / "unsupported.pt2"))
    torch.save({"weight": torch.zeros(2)}, HERE / "checkpoint.pth")


main()
