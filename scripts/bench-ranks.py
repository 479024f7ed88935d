"""The peer of `mpirun -n 2 walrus-mpi train`: a plain PyTorch Walrus under DistributedDataParallel over gloo.

    python3 scripts/bench-ranks.py PEER.py --ranks 2 --hidden 384 --heads 6 --blocks 8 --frames 6 --size 128 128 --steps 1

PEER.py is the program that scripts/bench-peer.sh takes; its network is used, with one sample and one thread a rank. One JSON object is
printed by rank 0: the seconds of every step after one for warm-up, each until the slowest rank is done.
"""

import argparse
import importlib.util
import json
import os
import resource
import socket
import time

import torch
import torch.distributed as dist
from torch import nn

p = argparse.ArgumentParser()
p.add_argument("peer")
p.add_argument("--ranks", type=int, default=2)
p.add_argument("--steps", type=int, default=1)
for name in ("hidden", "heads", "blocks", "frames"):
    p.add_argument("--" + name, type=int, required=True)
p.add_argument("--size", type=int, nargs="+", required=True)


def work(rank, o, port):
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=o.ranks)
    spec = importlib.util.spec_from_file_location("peer", o.peer)
    peer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(peer)
    torch.manual_seed(0)
    net = peer.Walrus(67, o.hidden // 4, o.hidden, o.heads, o.blocks)
    for name, weight in net.named_parameters():  # those of other numbers of axes get no gradient
        if name.split(".")[0] in ("embed", "debed") and name.split(".")[1] != str(len(o.size)):
            weight.requires_grad_(False)
    model = nn.parallel.DistributedDataParallel(net, gradient_as_bucket_view=True)
    optimizer = torch.optim.AdamW([w for w in net.parameters() if w.requires_grad], lr=2e-4, weight_decay=1e-4, eps=1e-10)
    torch.manual_seed(1 + rank)
    x = torch.randn(o.frames, 1, 4, *o.size, *([1] * (3 - len(o.size))))
    y = torch.randn_like(x)
    labels, sides = [3, 4, 5, 28], [(2, 2), (0, 0), (2, 2)][: len(o.size)]
    times = []
    for _ in range(1 + o.steps):
        dist.barrier()
        start = time.perf_counter()
        loss = 100 * (model(x, labels, sides) - y).abs().mean()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        dist.barrier()
        times.append(time.perf_counter() - start)
    if rank == 0:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(json.dumps({"seconds": times[1:], "peak_rss_gib": round(peak, 2), "torch": torch.__version__}), flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    o = p.parse_args()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    torch.multiprocessing.spawn(work, (o, port), nprocs=o.ranks)
