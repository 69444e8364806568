"""Golden rotary frequencies, and tiny models with scaled rotary positions or sliding windows, from transformers.

Run: python3 docs/goldens/make_rotary.py packages [--seed N]      (torch, CPU, float32)

packages/tensor/src/ops/rope/fixtures/frequencies.ts     1 / theta^(2i/E) as torch computes it, in vectors and one by one, as float32 bits;
                                                         cosines at position 100,000
packages/backbones/fixtures/rotary.json                  rotary settings as config.json has them -> frequencies, attention factor
packages/backbones/fixtures/{mistral,qwen2-sliding-yarn,llama-llama3,llama-dynamic,llama-linear}
                                                         config.json, model.safetensors, golden.safetensors, as make_models.py writes them
"""
import argparse, json, pathlib, torch, transformers
from safetensors.torch import save_file
from transformers import (LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM)
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

V = 61
PICKED = ["layers.0.self_attn.q_proj.weight", "layers.1.self_attn.k_proj.weight", "layers.0.mlp.down_proj.weight",
          "layers.1.input_layernorm.weight", "embed_tokens.weight"]


def spread(model, seed):
    """Weights far from symmetric, so that a swapped head, a missing bias or a wrong norm shows."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            r = torch.randn(p.shape, generator=g)
            if name.endswith("bias"): p.copy_(0.1 * r)
            elif p.ndim == 1: p.copy_(1 + 0.1 * r)
            else: p.copy_(r / (p[0].numel() ** 0.5) * (0.7 if "embed" not in name else 1.0))
    return model.eval()


def write(folder, model, seed, tokens):
    ids = torch.randint(3, V, (2, tokens), generator=torch.Generator().manual_seed(seed + 1))
    gold = {"input_ids": ids}
    def tap(i):
        def hook(_module, _inputs, out): gold[f"tap.layer.{i}"] = (out[0] if isinstance(out, tuple) else out).detach().clone()
        return hook
    hooks = [layer.register_forward_hook(tap(i)) for i, layer in enumerate(model.model.layers)]
    logits = model(input_ids=ids).logits
    for hook in hooks: hook.remove()
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].reshape(-1, V), ids[:, 1:].reshape(-1))
    loss.backward()
    gold |= {"logits": logits.detach(), "loss": loss.detach()}
    gold |= {"grad." + n: p.grad.clone() for n, p in model.named_parameters() if any(n.endswith(s) for s in PICKED)}
    with torch.no_grad():
        gold["greedy_ids"] = model.generate(ids[:1], max_new_tokens=12, do_sample=False, pad_token_id=0, eos_token_id=None)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    save_file({k: v.contiguous() for k, v in gold.items()}, folder / "golden.safetensors")
    print(folder.name, sum(p.numel() for p in model.parameters()), "parameters;", len(gold), "golden tensors")


def bits(x):
    return [int(i) for i in x.float().contiguous().view(torch.int32)]


def frequencies():
    out = []
    for theta, size in ((1e4, 64), (2e4, 128), (1e5, 80), (1e6, 128), (2e6, 128)):
        exponents = torch.arange(0, size, 2, dtype=torch.int64).float() / size
        vector = 1.0 / (theta ** exponents)
        single = torch.cat([1.0 / (theta ** e) for e in exponents.split(1)])
        cosines = (torch.tensor(100_000.0) * vector).cos()
        out.append(dict(theta=theta, headSize=size, vector=bits(vector), single=bits(single), cosines=[float(c) for c in cosines]))
    return dict(torch=torch.__version__, cases=out)


ROTARY = [
    ("linear", dict(rope_type="linear", factor=2.5), {}, None),
    ("dynamic, within the trained length", dict(rope_type="dynamic", factor=4.0), {}, 32),
    ("dynamic, beyond it", dict(rope_type="dynamic", factor=4.0), {}, 100),
    ("yarn", dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=64), {}, None),
    ("yarn, all of its settings", dict(rope_type="yarn", factor=8.0, original_max_position_embeddings=128, beta_fast=16.0, beta_slow=2.0,
                                       mscale=0.8, mscale_all_dim=0.5, truncate=False), {}, None),
    ("yarn, attention factor", dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=64, attention_factor=1.25), {}, None),
    ("llama3", dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64), {}, None),
    ("llama 3.1", dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192,
                       rope_theta=500000.0), dict(hidden_size=512, head_dim=128, max_position_embeddings=131072), None),
    ("Qwen2.5's yarn", dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=32768, rope_theta=1000000.0),
     dict(hidden_size=512, head_dim=128, max_position_embeddings=32768), None),
]


def rotary():
    cases = []
    for name, settings, more, length in ROTARY:
        settings = {"rope_theta": 10000.0} | settings
        shape = dict(hidden_size=64, num_attention_heads=4, head_dim=16, max_position_embeddings=64) | more
        config = LlamaConfig(**shape, rope_parameters=dict(settings))
        seq = None if length is None else torch.tensor(length)
        freqs, factor = ROPE_INIT_FUNCTIONS[settings["rope_type"]](config, torch.device("cpu"), seq_len=seq)
        cases.append(dict(name=name, config=shape | dict(rope_parameters=settings), length=length, frequencies=bits(freqs), magnitude=factor))
    return dict(transformers=transformers.__version__, cases=cases)


parser = argparse.ArgumentParser()
parser.add_argument("packages", type=pathlib.Path)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
s, fixtures = args.seed, args.packages / "backbones" / "fixtures"
small = dict(vocab_size=V, hidden_size=24, intermediate_size=40, num_attention_heads=6, num_key_value_heads=2, head_dim=8,
             bos_token_id=None, eos_token_id=None, pad_token_id=None)
plain = {"rope_type": "default", "rope_theta": 10000.0}
c = MistralConfig(**small, num_hidden_layers=2, max_position_embeddings=128, sliding_window=5, rope_parameters=plain)
write(fixtures / "mistral", spread(MistralForCausalLM(c), s), s, 17)
qwen = {k: v for k, v in small.items() if k != "head_dim"} | dict(num_attention_heads=6, hidden_size=48)
c = Qwen2Config(**qwen, num_hidden_layers=3, max_position_embeddings=64, use_sliding_window=True, sliding_window=4, max_window_layers=1,
                rope_parameters={"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 16})
write(fixtures / "qwen2-sliding-yarn", spread(Qwen2ForCausalLM(c), s + 1), s + 1, 21)
for name, settings in (("llama3", dict(factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16)),
                       ("dynamic", dict(factor=4.0)), ("linear", dict(factor=2.5))):
    c = LlamaConfig(**small, num_hidden_layers=2, max_position_embeddings=64 if name == "llama3" else 12, rope_parameters=plain | {"rope_type": name} | settings)
    write(fixtures / f"llama-{name}", spread(LlamaForCausalLM(c), s + 2), s + 2, 19)
(fixtures / "rotary.json").write_text(json.dumps(rotary()) + "\n")
folder = args.packages / "tensor" / "src" / "ops" / "rope" / "fixtures"
folder.mkdir(exist_ok=True)
(folder / "frequencies.ts").write_text(
    "/** Made by docs/goldens/make_rotary.py, which says what is in it. */\nexport const golden = " + json.dumps(frequencies()) + "\n")
