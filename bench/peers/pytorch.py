"""PyTorch on the CPU. Usage: pytorch.py CASE THREADS WEIGHTS.json: prints one line of JSON, as the other contestants do.

WEIGHTS.json: {"shape": .., "weights": {name: {"shape", "file"}}, "ids": file, "targets": file}, little-endian float32 and int32.
"""
import json
import math
import os
import resource
import sys
import time

import torch
import torch.nn.functional as F


def load(folder, name, dtype, shape):
    with open(os.path.join(folder, name), "rb") as f:
        return torch.frombuffer(bytearray(f.read()), dtype=dtype).reshape(shape).clone()


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat([-b, a], -1) * sin


class Decoder:
    def __init__(self, path):
        folder = os.path.dirname(path)
        spec = json.load(open(path))
        self.s = s = spec["shape"]
        self.p = {n: load(folder, w["file"], torch.float32, w["shape"]).requires_grad_() for n, w in spec["weights"].items()}
        rows = s["batch"] * s["tokens"]
        self.ids = load(folder, spec["ids"], torch.int32, [rows]).long()
        self.targets = load(folder, spec["targets"], torch.int32, [rows]).long()
        half = s["width"] // s["heads"] // 2
        angles = torch.outer(torch.arange(s["tokens"]).float(), 10000.0 ** (-torch.arange(half).float() / half))
        self.cos, self.sin = torch.cat([angles.cos()] * 2, -1), torch.cat([angles.sin()] * 2, -1)
        self.optimizer = torch.optim.AdamW(self.p.values(), lr=1e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.01)

    def forward(self):
        s, p = self.s, self.p
        B, T, H, D = s["batch"], s["tokens"], s["heads"], s["width"]
        split = lambda x: x.view(B, T, H, D // H).transpose(1, 2)
        norm = lambda x, w: F.rms_norm(x, (D,), w, 1e-5)
        x = p["embedding"][self.ids]
        for i in range(s["layers"]):
            w = lambda n: p[f"{i}.{n}"]
            h = norm(x, w("attentionNorm"))
            q, k, v = (split(F.linear(h, w(n))) for n in "qkv")
            o = F.scaled_dot_product_attention(rotate(q, self.cos, self.sin), rotate(k, self.cos, self.sin), v, is_causal=True)
            x = x + F.linear(o.transpose(1, 2).reshape(B * T, D), w("o"))
            h = norm(x, w("ffnNorm"))
            x = x + F.linear(F.silu(F.linear(h, w("gate"))) * F.linear(h, w("up")), w("down"))
        return F.linear(norm(x, p["finalNorm"]), p["embedding"])

    def step(self):
        loss = F.cross_entropy(self.forward(), self.targets)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.item()


def values(shape, seed):
    """The values of peers/peer.ts: state <- 1664525 state + 1013904223 modulo 2**32, whose nth power is a product of n."""
    size = math.prod(shape)
    powers = torch.full([size], 1664525).cumprod(0)
    sums = torch.cat([torch.ones(1, dtype=torch.int64), powers[:-1]]).cumsum(0)
    states = (powers * seed + sums * 1013904223) & 0xFFFFFFFF
    return (states.double() / 2**31 - 1).float().reshape(shape)


def root_mean_square(result):
    return result.detach().double().square().mean().sqrt().item()


def prepare(case, path):
    """What to time, and what makes of its result the number that contestants agree on."""
    if case in ("linear", "vector"):
        M, K, N = {"linear": (1024, 256, 1024), "vector": (1, 2048, 2048)}[case]
        x, w = values([M, K], 1), values([N, K], 2)
        return lambda: F.linear(x, w), root_mean_square
    if case == "transposed":
        a, b = values([1024, 1024], 1), values([1024, 256], 2)
        return lambda: a.t() @ b, root_mean_square
    if case.startswith("attention"):
        heads_first = lambda seed: values([8, 128, 4, 64], seed).transpose(1, 2).contiguous()
        q, k, v = (heads_first(seed).requires_grad_(case == "attentionGradient") for seed in (1, 2, 3))
        forward = lambda: F.scaled_dot_product_attention(q, k, v)
        gradients = lambda: torch.autograd.grad(forward().sum(), [q, k, v])[0]
        return forward if case == "attention" else gradients, root_mean_square
    decoder = Decoder(path)
    if case == "forward":
        return torch.no_grad()(decoder.forward), lambda logits: F.cross_entropy(logits, decoder.targets).item()
    return decoder.step, float


def main():
    case, threads, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    torch.set_num_threads(threads)
    rss = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    before = rss()
    run, value_of = prepare(case, path)
    first = run()
    times, processor_times, end = [], [], time.perf_counter() + 1.5
    while len(times) < 3 or (time.perf_counter() < end and len(times) < 200):
        start, processor_start = time.perf_counter(), time.process_time()
        run()
        times.append((time.perf_counter() - start) * 1e3)
        processor_times.append((time.process_time() - processor_start) * 1e3)
    peak = rss() - before
    print(json.dumps({
        "name": "PyTorch", "version": torch.__version__, "setting": f"CPU, {threads} thread{'s' if threads > 1 else ''}",
        "times": times, "processorTimes": processor_times, "value": value_of(first), "peakBytes": peak,
    }))


main()
