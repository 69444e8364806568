"""GGUF files and what the Python package gguf reads from them.

Run: python make_gguf.py OUT        (gguf 0.19, numpy, safetensors, sentencepiece; seed 11; OUT: packages/weights/fixtures/gguf)

  types.gguf      random blocks of every type that we read, tensors NAME [3, 256]
  types.golden    their values by gguf.quants.dequantize
  quantized.golden   values, and their bytes by gguf.quants.quantize
  llama.gguf      a tiny Llama as llama.cpp stores it (rows of q and k in pairs), with a byte-level tokenizer
  llama.golden    its weights by the names and in the order of rows of transformers
  spm.gguf        a SentencePiece vocabulary, no tensors; spm.json: ids by sentencepiece
"""
import io, json, sys
import numpy as np, gguf, sentencepiece
from gguf import GGMLQuantizationType as T, GGUFWriter, quants
from safetensors.numpy import save_file

out = sys.argv[1]
rng = np.random.default_rng(11)

# --- every type
halves = {  # byte offsets of f16 numbers in a block
    T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208],
}
def sizes(w):  # what a config.json needs
    w.add_block_count(1); w.add_context_length(8); w.add_embedding_length(32); w.add_feed_forward_length(32)
    w.add_head_count(1); w.add_layer_norm_rms_eps(1e-6); w.add_vocab_size(8)
w = GGUFWriter(f"{out}/types.gguf", "llama")
sizes(w)
golden = {}
for t in [T.F32, T.F16, T.BF16, *halves]:
    rows, columns = 3, 256
    if t in halves:
        values, size = gguf.GGML_QUANT_SIZES[t]
        blocks = rng.integers(0, 256, (rows * columns // values, size), dtype=np.uint8)
        for at in halves[t]:
            blocks[:, at : at + 2] = rng.normal(0, 0.1, (len(blocks), 1)).astype(np.float16).view(np.uint8)
        data = blocks.reshape(rows, -1)
    else:
        data = quants.quantize(rng.normal(0, 1, (rows, columns)).astype(np.float32), t)
    w.add_tensor(t.name, data, raw_dtype=t)
    golden[t.name] = np.ascontiguousarray(quants.dequantize(data, t).reshape(rows, columns).astype(np.float32))
w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()
save_file(golden, f"{out}/types.golden.safetensors")

# --- how Python quantises
source = rng.normal(0, 1, (4, 64)).astype(np.float32)
source[0, :32] = 0
encoded = {"source": source}
for t in [T.Q8_0, T.Q4_0, T.Q4_1]:
    encoded[t.name] = np.ascontiguousarray(quants.quantize(source, t).reshape(-1))
save_file(encoded, f"{out}/quantized.golden.safetensors")

# --- a tiny Llama
D, F, H, K, E, L = 64, 96, 4, 2, 16, 1
def permute(x, heads):  # LlamaModel.permute of llama.cpp's convert_hf_to_gguf.py
    return x.reshape(heads, 2, x.shape[0] // heads // 2, *x.shape[1:]).swapaxes(1, 2).reshape(x.shape)
def unpermute(x, heads):
    return x.reshape(heads, x.shape[0] // heads // 2, 2, *x.shape[1:]).swapaxes(1, 2).reshape(x.shape)

byte_tokens = []  # GPT-2's printable stand-ins for bytes
printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
for b in range(256):
    byte_tokens.append(chr(b) if b in printable else chr(256 + len([x for x in range(b) if x not in printable])))
merges = ["h e", "l l", "he ll", "hell o", "Ġ w", "o r", "Ġw or", "l d", "Ġwor ld"]
special = ["<|end|>", "<|start|>"]
tokens = special + byte_tokens + ["".join(m.split()) for m in merges]
V = len(tokens)

w = GGUFWriter(f"{out}/llama.gguf", "llama")
w.add_block_count(L); w.add_context_length(128); w.add_embedding_length(D); w.add_feed_forward_length(F)
w.add_head_count(H); w.add_head_count_kv(K); w.add_rope_dimension_count(E); w.add_rope_freq_base(50000.0)
w.add_layer_norm_rms_eps(1e-5); w.add_vocab_size(V)
w.add_tokenizer_model("gpt2"); w.add_tokenizer_pre("smollm"); w.add_token_list(tokens)
w.add_token_types([3] * len(special) + [1] * (V - len(special))); w.add_token_merges(merges)
w.add_eos_token_id(0); w.add_bos_token_id(1); w.add_pad_token_id(0)
w.add_chat_template("{% for m in messages %}<|start|>{{ m['content'] }}<|end|>{% endfor %}{% if add_generation_prompt %}<|start|>{% endif %}")
golden = {}
def put(name, ours, shape, t, heads=0):
    x = rng.normal(0, 0.1, shape).astype(np.float32)
    data = quants.quantize(permute(x, heads) if heads else x, t)
    w.add_tensor(name, data, raw_dtype=t)
    y = quants.dequantize(data, t).reshape(shape).astype(np.float32)
    golden[ours] = np.ascontiguousarray(unpermute(y, heads) if heads else y)
put("token_embd.weight", "model.embed_tokens.weight", (V, D), T.Q8_0)
put("output_norm.weight", "model.norm.weight", (D,), T.F32)
put("output.weight", "lm_head.weight", (V, D), T.F16)
for i in range(L):
    to, ours = f"blk.{i}.", f"model.layers.{i}."
    put(to + "attn_norm.weight", ours + "input_layernorm.weight", (D,), T.F32)
    put(to + "ffn_norm.weight", ours + "post_attention_layernorm.weight", (D,), T.F32)
    put(to + "attn_q.weight", ours + "self_attn.q_proj.weight", (H * E, D), T.Q4_0, H)
    put(to + "attn_k.weight", ours + "self_attn.k_proj.weight", (K * E, D), T.Q5_0, K)
    put(to + "attn_v.weight", ours + "self_attn.v_proj.weight", (K * E, D), T.BF16)
    put(to + "attn_output.weight", ours + "self_attn.o_proj.weight", (D, H * E), T.Q4_1)
    put(to + "ffn_gate.weight", ours + "mlp.gate_proj.weight", (F, D), T.Q8_0)
    put(to + "ffn_up.weight", ours + "mlp.up_proj.weight", (F, D), T.Q5_1)
    put(to + "ffn_down.weight", ours + "mlp.down_proj.weight", (D, F), T.F32)
w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()
save_file(golden, f"{out}/llama.golden.safetensors")

# --- SentencePiece
text = ["The quick brown fox jumps over the lazy dog.", "Grüße aus Zürich, où êtes-vous?", "Vision and language models read pictures and text.",
        "def put(name, ours, shape): return np.ascontiguousarray(x)", "A tensor has a shape, a name and a type.", "one  two   three spaces"] * 20
model = io.BytesIO()
sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=iter(text), model_writer=model, vocab_size=400, model_type="bpe", byte_fallback=True,
    add_dummy_prefix=True, remove_extra_whitespaces=False, normalization_rule_name="identity", minloglevel=2)
sp = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
w = GGUFWriter(f"{out}/spm.gguf", "llama")
sizes(w); w.add_tokenizer_model("llama"); w.add_tokenizer_pre("default")
n = sp.get_piece_size()
w.add_token_list([sp.id_to_piece(i) for i in range(n)]); w.add_token_scores([sp.get_score(i) for i in range(n)])
w.add_token_types([2 if sp.is_unknown(i) else 3 if sp.is_control(i) else 6 if sp.is_byte(i) else 1 for i in range(n)])
w.add_bos_token_id(1); w.add_eos_token_id(2); w.add_unk_token_id(0); w.add_add_space_prefix(True)
w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()
samples = ["The quick brown fox", "Grüße aus Zürich", "tensor  two   spaces", "emoji 🙂 and 漢字", "a", "def put(name, ours):\n    return x", " leading"]
json.dump([{"text": s, "ids": sp.encode(s)} for s in samples], open(f"{out}/spm.json", "w"), ensure_ascii=False, indent=1)
