"""PyTorch on the CPU. Usage: pytorch.py CASE THREADS WEIGHTS.json: prints one line of JSON, as the other contestants do.

WEIGHTS.json: {"shape": .., "weights": {name: {"shape", "file"}}, "ids": file, "targets": file}, little-endian float32 and int32.
"""
import json
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


def prepare(case, path):
    if case in ("linear", "vector"):
        M, K, N = {"linear": (1024, 256, 1024), "vector": (1, 2048, 2048)}[case]
        x, w = torch.rand(M, K), torch.rand(N, K)
        return lambda: F.linear(x, w)
    if case == "transposed":
        a, b = torch.rand(1024, 1024), torch.rand(1024, 256)
        return lambda: a.t() @ b
    if case.startswith("attention"):
        q, k, v = (torch.rand(8, 4, 128, 64, requires_grad=case == "attentionGradient") for _ in range(3))
        forward = lambda: F.scaled_dot_product_attention(q, k, v)
        return forward if case == "attention" else lambda: torch.autograd.grad(forward().sum(), [q, k, v])
    decoder = Decoder(path)
    if case == "forward":
        def forward():
            with torch.no_grad():
                decoder.forward()
        return forward
    return decoder.step


def main():
    case, threads, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    torch.set_num_threads(threads)
    rss = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    before = rss()
    run = prepare(case, path)
    value = run()
    times, processor_times, end = [], [], time.perf_counter() + 1.5
    while len(times) < 3 or (time.perf_counter() < end and len(times) < 200):
        start, processor_start = time.perf_counter(), time.process_time()
        run()
        times.append((time.perf_counter() - start) * 1e3)
        processor_times.append((time.process_time() - processor_start) * 1e3)
    print(json.dumps({
        "name": "PyTorch", "version": torch.__version__, "setting": f"CPU, {threads} thread{'s' if threads > 1 else ''}",
        "times": times, "processorTimes": processor_times, "value": value if isinstance(value, float) else None, "peakBytes": rss() - before,
    }))


main()
