"""Golden outputs of transformers' __model_type__ on a tiny random checkpoint in the real file format.

Run: python3 docs/goldens/make___model_type__.py packages/backbones/fixtures/__model_type__ [--seed N]      (torch, CPU, float32)
The folder gets config.json and model.safetensors as save_pretrained writes them, config.v4.json as the hub's older files have it,
golden.safetensors (inputs, every layer's output, logits, loss, gradients) and NOTE.md, which says how it was made.
"""
import argparse, json, pathlib, torch, transformers
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

MODEL_TYPE, THETA, V = "__model_type__", 1000000.0, 97
# Settings that differ from each other wherever they can: a swapped size must show.
SETTINGS = dict(vocab_size=V, hidden_size=48, intermediate_size=80, num_hidden_layers=3, num_attention_heads=6, num_key_value_heads=2,
                head_dim=8, max_position_embeddings=256, tie_word_embeddings=False,
                bos_token_id=None, eos_token_id=None, pad_token_id=None,  # a family's own may lie outside this vocabulary
                rope_parameters={"rope_type": "default", "rope_theta": THETA})
# Weights whose gradients are kept, by the end of their names: one of each kind that is unusual here.
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


def golden(model, seed):
    ids = torch.randint(3, V, (2, 13), generator=torch.Generator().manual_seed(seed + 1))
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
    return gold


def older(config):
    """The same settings in the layout of transformers 4.x."""
    flat = {k: v for k, v in config.items() if k not in ("rope_parameters", "dtype")}
    return flat | {"rope_theta": THETA, "rope_scaling": None, "torch_dtype": "bfloat16", "transformers_version": "4.51.3"}


parser = argparse.ArgumentParser()
parser.add_argument("out", type=pathlib.Path)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
model = spread(AutoModelForCausalLM.from_config(AutoConfig.for_model(MODEL_TYPE, **SETTINGS)), args.seed)
gold = golden(model, args.seed)
model.save_pretrained(args.out)
(args.out / "generation_config.json").unlink(missing_ok=True)
written = json.loads((args.out / "config.json").read_text())
(args.out / "config.v4.json").write_text(json.dumps(older(written), indent=2) + "\n")
save_file({k: v.contiguous() for k, v in gold.items()}, args.out / "golden.safetensors")
(args.out / "NOTE.md").write_text(
    f"Outputs of transformers' {type(model).__name__} on a tiny random checkpoint, made by docs/goldens/make_{MODEL_TYPE}.py\n"
    f"with seed {args.seed}: torch {torch.__version__}, transformers {transformers.__version__}, float32.\n")
print(sum(p.numel() for p in model.parameters()), "parameters;", len(gold), "golden tensors")
