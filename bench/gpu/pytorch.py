"""PyTorch on CUDA: the products, attentions, prompts and tokens of bench/gpu, for the same card. Prints one line of JSON.

Usage: pytorch.py SPEC.json   {"products": [[rows, inputs, outputs], ..], "attentions": [{..}], "models": {name: Llama config}}, as bench/gpu.ts
writes it; weights are random.
"""
import json
import statistics
import sys
import time

import torch
import torch.nn.functional as F

device = "cuda" if torch.cuda.is_available() else "cpu"
wait = torch.cuda.synchronize if device == "cuda" else (lambda: None)
rows = []


def measure(name, operations, run, in_a_row=10, rounds=6):
    times = []
    for _ in range(rounds):
        wait()
        start = time.perf_counter()
        for _ in range(in_a_row):
            run()
        wait()
        times.append((time.perf_counter() - start) * 1000 / in_a_row)
    ms = statistics.median(times[1:])
    rows.append({"name": name, "ms": ms, "teraflops": operations / ms / 1e9})


def products(shapes):
    for m, k, n in shapes:
        for kind, dtype, tf32 in [("float32", torch.float32, False), ("tf32", torch.float32, True), ("bf16", torch.bfloat16, False)]:
            torch.backends.cuda.matmul.allow_tf32 = tf32
            x, w = torch.randn(m, k, device=device, dtype=dtype), torch.randn(n, k, device=device, dtype=dtype)
            measure(f"{kind} {m} x {k} x {n}", 2 * m * k * n, lambda: F.linear(x, w))
    torch.backends.cuda.matmul.allow_tf32 = False


def attentions(shapes):
    for s in shapes:
        tq, tk, h, kv, e = s["queries"], s["keys"], s["heads"], s["kvHeads"], s["headSize"]
        for kind, dtype in [("float32", torch.float32), ("bf16", torch.bfloat16)]:
            q = torch.randn(1, h, tq, e, device=device, dtype=dtype)
            k, v = (torch.randn(1, kv, tk, e, device=device, dtype=dtype) for _ in range(2))
            run = lambda: F.scaled_dot_product_attention(q, k, v, enable_gqa=h != kv)
            measure(f"attention {kind} {tq} over {tk}, {h}/{kv} heads of {e}", 4 * tq * tk * h * e, run)


@torch.inference_mode()
def model(name, config, context=512, tokens=32):
    from transformers import LlamaConfig, LlamaForCausalLM, StaticCache

    config = LlamaConfig(**{key: value for key, value in config.items() if key != "model_type"})
    for dtype in (torch.float32, torch.bfloat16):
        torch.set_default_dtype(dtype)
        with torch.device(device):
            net = LlamaForCausalLM(config).eval()
        torch.set_default_dtype(torch.float32)
        ids = (torch.arange(context, device=device) * 31 % config.vocab_size)[None]
        kind = str(dtype).split(".")[1]
        operations = 2 * sum(p.numel() for p in net.parameters())
        prompt = lambda: net(ids, use_cache=True, logits_to_keep=1)
        measure(f"{name} {kind} prompt of {context}", operations * context, prompt, 1)
        cache = StaticCache(config=config, max_cache_len=context + 16 * tokens)
        out = net(ids, past_key_values=cache, use_cache=True, logits_to_keep=1, cache_position=torch.arange(context, device=device))
        token = out.logits[:, -1:].argmax(-1)
        position = torch.tensor([context], device=device)

        def step():
            logits = net(token, past_key_values=cache, use_cache=True, cache_position=position, position_ids=position[None]).logits
            token.copy_(logits[:, -1:].argmax(-1))
            return logits

        def read():
            step()
            return token.item()

        measure(f"{name} {kind} token, eager", operations, read, tokens // 4)
        if device != "cuda":
            continue
        try:
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(3):
                    step()
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                step()

            def replay():
                graph.replay()
                return token.item()

            measure(f"{name} {kind} token, CUDA graph", operations, replay, tokens)
        except Exception as error:  # said, not hidden: the rest still counts
            print(f"no CUDA graph of {name} {kind}: {error}", file=sys.stderr)
        del net, cache


def copy():
    a, b = (torch.ones(2**28, device=device) for _ in range(2))
    measure("add, 2^28 values", 12 * 2**28, lambda: torch.add(a, b))


if __name__ == "__main__":
    spec = json.load(open(sys.argv[1]))
    if device == "cuda":
        copy()
    products(spec["products"])
    attentions(spec["attentions"])
    for name in spec["models"]:
        model(name, spec["models"][name])
    about = torch.cuda.get_device_name() if device == "cuda" else "cpu"
    print(json.dumps({"torch": torch.__version__, "device": about, "rows": rows}))
