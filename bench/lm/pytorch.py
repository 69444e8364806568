"""PyTorch on the same model, from its bf16 folder, widened to float32. Prints one line of JSON (lm.ts, LmResult).

    pytorch.py FOLDER THREADS PREFILL DECODE
"""
import json
import os
import resource
import sys
import time

started = time.perf_counter()
import torch
from transformers import AutoModelForCausalLM

folder, threads, prefill, decode = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(threads)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def ids(count):
    state, out = 7, []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        out.append(1000 + state % 40000)
    return torch.tensor([out])


def timed(run):
    clock, processor = time.perf_counter(), time.process_time()
    result = run()
    return result, {"clockMs": 1e3 * (time.perf_counter() - clock), "processorMs": 1e3 * (time.process_time() - processor)}


def step(tokens, cache=None):
    with torch.inference_mode():
        out = model(tokens, past_key_values=cache, use_cache=True, logits_to_keep=1)
    return out.logits[0, -1].argmax().item(), out.past_key_values


step(ids(24))
first = {"clockMs": 1e3 * (time.perf_counter() - started), "processorMs": 1e3 * time.process_time()}


def run_round():
    (token, cache), prefilled = timed(lambda: step(ids(prefill)))
    tokens = [token]

    def rest():
        for _ in range(decode):
            tokens.append(step(torch.tensor([[tokens[-1]]]), cache)[0])

    _, spent = timed(rest)
    return prefilled, {key: value / decode for key, value in spent.items()}, tokens


count = int(os.environ.get("CASA_BENCH_ROUNDS", 3))
rounds = [run_round() for _ in range(count)]
least = lambda timings: {key: min(each[key] for each in timings) for key in ("clockMs", "processorMs")}
print(json.dumps({
    "setting": f"torch {torch.__version__}",
    "rounds": count,
    "firstToken": first,
    "prefill": least([each[0] for each in rounds]),
    "decode": least([each[1] for each in rounds]),
    "tokens": rounds[0][2][:8],
    "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
}))
