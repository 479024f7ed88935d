#!/usr/bin/env python3
"""Writes baseline/testdata/golden.json: what The Well's classes of the baselines give, to be compared with package baseline.

    python3 -m venv VENV && VENV/bin/pip install torch the_well==1.2.0 neuraloperator==0.3.0 timm einops tensorly tensorly-torch ...
    VENV/bin/python scripts/golden-baseline.py > baseline/testdata/golden.json
    VENV/bin/python scripts/golden-baseline.py --counts

Weights and inputs are formulas of the position in the arrays as package baseline lays them out (values below; the Go test has the
same), so that the file holds outputs and gradients only. Numbers are computed in float64; "noise" is how far PyTorch's own
float32 is from them.
"""

import json
import sys

import numpy as np
import torch
from the_well.benchmark.models.fno import FNO
from the_well.benchmark.models.unet_classic import UNetClassic
from the_well.benchmark.models.unet_convnext import UNetConvNext

CASES = [
    dict(kind="fno", dimensions=2, points=[16, 18], samples=2, inputs=5, outputs=3, width=6, depth=3, modes=8),
    dict(kind="fno", dimensions=3, points=[6, 8, 10], samples=2, inputs=4, outputs=2, width=4, depth=2, modes=6),
    dict(kind="unet", dimensions=2, points=[16, 32], samples=2, inputs=5, outputs=3, width=2, depth=0, modes=0),
    dict(kind="unet", dimensions=3, points=[16, 16, 32], samples=1, inputs=3, outputs=2, width=1, depth=0, modes=0),
    dict(kind="cnextunet", dimensions=2, points=[16, 32], samples=2, inputs=5, outputs=3, width=3, depth=2, modes=0),
    dict(kind="cnextunet", dimensions=3, points=[16, 16, 32], samples=1, inputs=3, outputs=2, width=2, depth=1, modes=0),
]


def build(c):
    grid = tuple(c["points"])
    if c["kind"] == "fno":
        m = FNO(c["inputs"], c["outputs"], c["dimensions"], grid, c["modes"], c["modes"], c["modes"], hidden_channels=c["width"])
        if c["depth"] != 4:  # the class has no choice of it
            from the_well.benchmark.models.fno import NeuralOpsCheckpointWrapper

            m.model = NeuralOpsCheckpointWrapper(
                n_modes=m.n_modes, in_channels=c["inputs"], out_channels=c["outputs"], hidden_channels=c["width"], n_layers=c["depth"], gradient_checkpointing=False
            )
        return m
    if c["kind"] == "unet":
        return UNetClassic(c["inputs"], c["outputs"], c["dimensions"], grid, init_features=c["width"])
    return UNetConvNext(c["inputs"], c["outputs"], c["dimensions"], grid, blocks_per_stage=c["depth"], init_features=c["width"])


def tensors(model, dimensions):
    """Name in package baseline -> (tensor, its axes in the order of package baseline), over parameters and buffers."""
    space = list(range(2, 2 + dimensions))
    found = {}
    for name, t in list(model.named_parameters()) + list(model.named_buffers()):
        if name.endswith("num_batches_tracked"):
            continue
        short = name.removeprefix("model.").removesuffix(".tensor")
        if short == "fno_blocks.convs.bias":  # one tensor for all layers
            for i in range(t.shape[0]):
                found[f"{short}.{i}"] = (t, ("layer", i))
        elif short.startswith("fno_blocks.convs.weight"):  # in, out, modes, 2
            found[short] = (t, (*space, 0, 2 + dimensions, 1))
        elif t.ndim == 2:  # a linear layer: out, in
            found[short] = (t, (1, 0))
        elif t.ndim == 2 + dimensions:
            transposed = "upconv" in short or short == "conv.weight" or "decoder" in short and "resample" in short
            axes = (*space, 0, 1) if transposed else (*space, 1, 0)
            if tuple(t.shape[2:]) == (1,) * dimensions and short.split(".")[0] in ("lifting", "projection", "fno_blocks"):
                axes = ("dense",)
            found[short] = (t, axes)
        else:
            found[short] = (t, ("flat",))
    return found


def ours(t, axes):
    if axes[0] == "layer":
        return t[axes[1]].reshape(-1)
    if axes[0] == "dense":
        return t.reshape(t.shape[0], t.shape[1]).T
    if axes[0] == "flat":
        return t.reshape(-1)
    return t.permute(*axes)


def values(name, size):
    i = np.arange(size, dtype=np.float64)
    return np.sin(0.7 * i + 0.0137 * i * i + sum(map(ord, name)) % 97)


def weight(name, shape):
    size = int(np.prod(shape))
    v = values(name, size)
    if name.endswith("running_var") or name.endswith("gamma") or name.endswith("weight") and len(shape) == 1:
        return 1 + 0.2 * v
    return v * 1.5 / np.sqrt(size / shape[-1])


def run(c, dtype):
    torch.manual_seed(0)
    model = build(c).to(dtype)
    found = tensors(model, c["dimensions"])
    with torch.no_grad():
        for name, (t, axes) in found.items():
            view = ours(t, axes)
            view.copy_(torch.tensor(weight(name, tuple(view.shape)).reshape(tuple(view.shape)), dtype=dtype))
    shape = (c["samples"], *c["points"], c["inputs"])
    x = torch.tensor(values("x", int(np.prod(shape))).reshape(shape), dtype=dtype)
    last = list(range(1, 1 + c["dimensions"]))
    x.requires_grad_(True)

    def forward():
        y = model(x.permute(0, -1, *last))
        return y.permute(0, *[a + 1 for a in last], 1)

    model.eval()
    y = forward().detach().double()
    model.train()
    trained = forward()
    loss = (trained * torch.tensor(values("loss", trained.numel()).reshape(trained.shape), dtype=dtype)).sum()
    loss.backward()
    gradients = {}
    for name, (t, axes) in {**found, "x": (x, ("flat",))}.items():
        if not t.requires_grad or t.grad is None:
            continue
        g = ours(t.grad, axes).detach().double().reshape(-1).numpy()
        gradients[name] = [float(g @ values("projection", g.size)), float(np.linalg.norm(g))]
    averages = {n: ours(*found[n]).double().tolist() for n in found if "running" in n}
    return dict(y=y.reshape(-1).tolist(), loss=float(loss), gradients=gradients, averages=averages)


def golden():
    cases = []
    for c in CASES:
        exact, single = run(c, torch.float64), run(c, torch.float32)
        far = lambda a, b: max(abs(np.array(a) - np.array(b)).max(), 0)
        noise = dict(
            y=float(far(exact["y"], single["y"])),
            loss=abs(exact["loss"] - single["loss"]),
            gradient=max(float(far(exact["gradients"][n], single["gradients"][n])) / exact["gradients"][n][1] for n in exact["gradients"]),
            averages=max([float(far(exact["averages"][n], single["averages"][n])) for n in exact["averages"]], default=0.0),
        )
        short = lambda v: [float(f"{a:.9g}") for a in v]
        exact["every"] = max(1, len(exact["y"]) // 500 | 1)  # of the values that are kept
        exact["y"] = short(exact["y"][:: exact["every"]])
        exact["averages"] = {n: short(v) for n, v in exact["averages"].items()}
        exact["gradients"] = {n: short(v) for n, v in exact["gradients"].items()}
        cases.append({**c, **exact, "noise": noise})
    versions = {"torch": torch.__version__, "the_well": "1.2.0", "neuraloperator": "0.3.0"}
    lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases)
    print(f'{{"versions": {json.dumps(versions)}, "cases": [\n{lines}\n]}}')


def counts():
    for dimensions, inputs, outputs in ((2, 44, 11), (3, 28, 7)):
        grid = (64,) * dimensions
        for m in (
            FNO(inputs, outputs, dimensions, grid, 16, 16, 16, hidden_channels=128),
            UNetClassic(inputs, outputs, dimensions, grid, init_features=48),
            UNetConvNext(inputs, outputs, dimensions, grid, blocks_per_stage=2, init_features=42),
        ):
            print(type(m).__name__, dimensions, inputs, outputs, sum(p.numel() for p in m.parameters()))


if __name__ == "__main__":
    counts() if "--counts" in sys.argv else golden()
