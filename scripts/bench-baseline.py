"""The peer of `walrus bench --model`: one class of The Well's benchmark in PyTorch, timed as that command times ours.

    VENV/bin/python scripts/bench-baseline.py --model cnextunet --width 16 --frames 4 --size 64 64 --train --runs 5

Four fields, batch 1, mean absolute error, AdamW, float32, as many threads as there are processors. It prints one JSON object.
scripts/golden-baseline.py says which packages it needs.
"""

import argparse
import json
import resource
import time

import torch
from the_well.benchmark.models.fno import FNO
from the_well.benchmark.models.unet_classic import UNetClassic
from the_well.benchmark.models.unet_convnext import UNetConvNext

p = argparse.ArgumentParser()
p.add_argument("--model", required=True)
p.add_argument("--width", type=int, required=True)
p.add_argument("--frames", type=int, default=4)
p.add_argument("--size", type=int, nargs="+", default=[64, 64])
p.add_argument("--train", action="store_true")
p.add_argument("--runs", type=int, default=3)
o = p.parse_args()

FIELDS = 4
torch.manual_seed(0)
args = (FIELDS * o.frames, FIELDS, len(o.size), tuple(o.size))
model = {
    "fno": lambda: FNO(*args, 16, 16, 16, hidden_channels=o.width),
    "unet": lambda: UNetClassic(*args, init_features=o.width),
    "cnextunet": lambda: UNetConvNext(*args, blocks_per_stage=2, init_features=o.width),
}[o.model]()
x, y = torch.randn(1, args[0], *o.size), torch.randn(1, FIELDS, *o.size)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)


def step():
    if not o.train:
        with torch.no_grad():
            return model(x)
    optimizer.zero_grad()
    loss = (model(x) - y).abs().mean()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
    optimizer.step()
    return loss.item()


model.train(o.train)
times, busy = [], []
for _ in range(2 + o.runs):
    start, used = time.perf_counter(), time.process_time()
    step()
    times.append(time.perf_counter() - start)
    busy.append(time.process_time() - used)
times, busy = times[2:], busy[2:]
print(json.dumps({
    "median_s": sorted(times)[len(times) // 2], "min_s": min(times), "cpu_s": sorted(busy)[len(busy) // 2], "parameters": sum(p.numel() for p in model.parameters()),
    "peak_rss_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, "torch": torch.__version__, "threads": torch.get_num_threads(),
}))
