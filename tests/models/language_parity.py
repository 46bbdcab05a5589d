"""`frugal forward` on language models equals transformers: every architecture, masks, positions, through the KV cache.
usage: language_parity.py FRUGAL
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LlamaModel,
    MistralConfig,
    MistralForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)
from transformers.models.llama import modeling_llama
from transformers.models.mistral import modeling_mistral
from transformers.models.qwen2 import modeling_qwen2

from forward_support import TOLERANCE, Checks, call, edit_checkpoint, forward, randomise, write_inputs

FRUGAL = sys.argv[1]
CHECKS = Checks()
SIZES = dict(vocab_size=97, hidden_size=24, intermediate_size=40, num_hidden_layers=3, num_attention_heads=4,
             max_position_embeddings=64)  # fmt: skip
OPT_SIZES = dict(vocab_size=97, hidden_size=24, ffn_dim=40, num_hidden_layers=3, num_attention_heads=4,
                 max_position_embeddings=64)  # fmt: skip


def wide_norm(self, x):
    """RMSNorm without transformers' detour over fp32, which caps an fp64 model at fp32's precision."""
    wide = x.double() if x.dtype == torch.float64 else x.float()
    wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)
    return self.weight * wide.to(x.dtype)


for norm in (modeling_llama.LlamaRMSNorm, modeling_mistral.MistralRMSNorm, modeling_qwen2.Qwen2RMSNorm):
    norm.forward = wide_norm


def batch(rows=3, columns=17, seed=0, vocabulary=97):
    """Rows of unequal length, padded on the right."""
    rng = np.random.default_rng(seed)
    mask = np.ones((rows, columns), np.int64)
    for row in range(1, rows):
        mask[row, columns - 5 * row :] = 0
    return {"input_ids": rng.integers(0, vocabulary, (rows, columns)), "attention_mask": mask}


def run_reference(model, arrays):
    with torch.no_grad():
        return model(**{k: torch.from_numpy(v) for k, v in arrays.items()}, output_hidden_states=True)


def expected(model, arrays):
    out = run_reference(model, arrays)
    seen = {"last_hidden_state": out.hidden_states[-1] if "logits" in out else out.last_hidden_state}
    if "logits" in out:
        seen["logits"] = out.logits
    return {k: v.numpy() for k, v in seen.items()}


def ours(folder, arrays, *overrides, dtype="fp32"):
    return forward(FRUGAL, folder, arrays, "model=auto", f"model.path={folder}", f"experiment.dtype={dtype}", *overrides)


def compare(name, found, wanted, dtype="fp32", where=None, group=None):
    CHECKS.that(f"{name}: same names", set(found) == set(wanted), set(found) ^ set(wanted))
    for key in sorted(set(found) & set(wanted)):
        a, b = found[key], wanted[key]
        if where is not None:
            a, b = a[where], b[where]
        CHECKS.equal(f"{name}: {key}", a, b, TOLERANCE[dtype], group or dtype)


def rope(**parameters):
    return {"rope_theta": 10000.0, **parameters}


def models():
    """Name, model, change of the stored config.json."""
    llama = lambda **more: LlamaForCausalLM(LlamaConfig(**{**SIZES, **more}, attn_implementation="sdpa"))  # noqa: E731
    llama3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                  original_max_position_embeddings=32)  # fmt: skip
    yarn = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=16)
    yield "llama", llama(), None
    yield "llama, shared heads", llama(num_key_value_heads=2), None
    yield "llama, one key head, tied", llama(num_key_value_heads=1, tie_word_embeddings=True), None
    yield "llama, head of its own width", llama(head_dim=10, num_key_value_heads=2, rms_norm_eps=1e-3), None
    yield "llama, biases, gelu", llama(attention_bias=True, mlp_bias=True, hidden_act="gelu"), None
    yield "llama3 rope", llama(rope_parameters=rope(**llama3) | {"rope_theta": 500000.0}), None
    yield "linear rope", llama(rope_parameters=rope(rope_type="linear", factor=3.0)), None
    yield "yarn", llama(rope_parameters=rope(**yarn)), None
    yield "yarn, mscales", llama(rope_parameters=rope(**yarn, mscale=0.7, mscale_all_dim=0.4, beta_fast=16.0,
                                                      beta_slow=2.0, truncate=False)), None  # fmt: skip
    yield "yarn, attention factor", llama(rope_parameters=rope(**yarn, attention_factor=1.3)), None

    def old_config(values):  # as transformers 4 wrote it
        values["rope_scaling"] = {**llama3, "type": "llama3"}
        values["rope_theta"] = 20000.0
        values["torch_dtype"] = values.pop("dtype")
        del values["rope_parameters"], values["head_dim"]

    yield "config of transformers 4", llama(rope_parameters=rope(**llama3) | {"rope_theta": 20000.0}), old_config
    mistral = lambda **more: MistralForCausalLM(MistralConfig(**{**SIZES, "num_key_value_heads": 2, **more}))  # noqa: E731
    yield "mistral, window 5", mistral(sliding_window=5), None
    yield "mistral, window 1", mistral(sliding_window=1), None
    yield "mistral, no window", mistral(sliding_window=None), None
    yield "mistral, default window", mistral(), lambda values: values.pop("sliding_window")
    qwen2 = lambda **more: Qwen2ForCausalLM(Qwen2Config(**{**SIZES, "num_key_value_heads": 2, **more}))  # noqa: E731
    yield "qwen2", qwen2(), None
    yield "qwen2, window above layer 1, tied", qwen2(use_sliding_window=True, sliding_window=4, max_window_layers=1,
                                                     tie_word_embeddings=True), None  # fmt: skip

    def without_layer_types(values):
        del values["layer_types"]

    yield "qwen2, window, config of transformers 4", qwen2(use_sliding_window=True, sliding_window=6,
                                                           max_window_layers=2), without_layer_types  # fmt: skip
    types = ["sliding_attention", "full_attention", "sliding_attention"]
    yield "qwen2, layer types", qwen2(use_sliding_window=True, sliding_window=3, layer_types=types), None
    opt = lambda **more: OPTForCausalLM(OPTConfig(**{**OPT_SIZES, **more}))  # noqa: E731
    yield "opt", opt(), None
    yield "opt-350m: post-norm, projections", opt(do_layer_norm_before=False, word_embed_proj_dim=16), None
    yield "opt, gelu, no biases, plain norms", opt(activation_function="gelu", enable_bias=False,
                                                   layer_norm_elementwise_affine=False), None  # fmt: skip
    yield "opt, no final norm, own output layer", opt(_remove_final_layer_norm=True, tie_word_embeddings=False), None
    yield "decoder alone", LlamaModel(LlamaConfig(**SIZES)), None


def test_architectures(root):
    for seed, (name, model, change) in enumerate(models()):
        folder = root / str(seed)
        randomise(model, seed).save_pretrained(folder)
        if change:
            edit_checkpoint(folder, config=change)
        arrays = batch(seed=seed)
        wanted = expected(model, arrays)
        real = arrays["attention_mask"] == 1
        # Padding counts, too, unless a window leaves it nothing to look at.
        where = real if getattr(model.config, "sliding_window", None) else np.ones_like(real)
        compare(f"{name}, ragged", ours(folder, arrays), wanted, where=where)
        spread = wanted["last_hidden_state"].std()
        CHECKS.that(f"{name}: activations are of order one", 0.3 < spread < 6, spread)
        # Pieces of 6, 1, 1 and 4 tokens, then the rest: prefill, decode, further pieces, rows that have ended.
        pieces = "experiment.cache_chunks=[6,1,1,4]"
        wide = expected(model.double(), arrays)
        compare(f"{name}, fp64, cache", ours(folder, arrays, pieces, dtype="fp64"), wide, "fp64", real, "fp64 cache")
        if name in ("llama, shared heads", "mistral, window 5", "qwen2, layer types", "opt", "yarn"):
            compare(f"{name}, cache", ours(folder, arrays, pieces), wanted, where=real, group="fp32 cache")
            compare(f"{name}, fp64", ours(folder, arrays, dtype="fp64"), wide, "fp64", where)


def test_inputs(root):
    for name, model in (
        ("llama", LlamaForCausalLM(LlamaConfig(**SIZES, num_key_value_heads=2))),
        ("opt", OPTForCausalLM(OPTConfig(**OPT_SIZES))),
        ("mistral", MistralForCausalLM(MistralConfig(**SIZES, num_key_value_heads=2, sliding_window=4))),
    ):
        folder = root / name
        randomise(model, 5).save_pretrained(folder)
        full = batch(seed=3)
        ids = {"input_ids": full["input_ids"]}
        wanted = expected(model, ids)
        compare(f"{name}: ids only", ours(folder, ids), wanted)
        compare(f"{name}: token by token", ours(folder, ids, f"experiment.cache_chunks={[1] * 16}"), wanted)
        single = {"input_ids": full["input_ids"][:1, :1]}
        compare(f"{name}: one token", ours(folder, single), expected(model, single))
        left = {**full, "attention_mask": full["attention_mask"][:, ::-1].copy()}
        seen = left["attention_mask"] == 1
        compare(f"{name}: padding on the left", ours(folder, left), expected(model, left), where=seen)
        holes = {**full, "attention_mask": np.random.default_rng(8).integers(0, 2, full["input_ids"].shape)}
        holes["attention_mask"][:, 0] = 1
        compare(f"{name}: holes", ours(folder, holes), expected(model, holes), where=holes["attention_mask"] == 1)
        positions = {**ids, "position_ids": np.random.default_rng(9).integers(0, 64, full["input_ids"].shape)}
        wanted = expected(model, positions)
        compare(f"{name}: positions", ours(folder, positions), wanted)
        compare(f"{name}: positions, cache", ours(folder, positions, "experiment.cache_chunks=[4,1]"), wanted)


def test_eager_attention(root):
    model = LlamaForCausalLM(LlamaConfig(**SIZES, num_key_value_heads=2, attn_implementation="eager"))
    randomise(model, 6).save_pretrained(root)
    arrays = batch(seed=4)
    compare("against eager attention", ours(root, arrays), expected(model, arrays))


def test_long_positions(root):
    """Angles of far positions have fp32's roundings, which a checkpoint was trained with."""
    model = LlamaForCausalLM(LlamaConfig(**SIZES))
    randomise(model, 7).save_pretrained(root)
    ids = batch(seed=5)["input_ids"]
    arrays = {"input_ids": ids, "position_ids": np.arange(ids.shape[1])[None].repeat(len(ids), 0) + 100_000}
    compare("positions above 100000", ours(root, arrays), expected(model, arrays))


def activations(model, arrays):
    """By the names of our hook points."""
    seen, handles = {}, []

    def keep(name, module, pick=lambda _i, out: out):
        def hook(_module, inputs, out):
            seen[name] = pick(inputs, out)

        handles.append(module.register_forward_hook(hook))

    is_opt = model.config.model_type == "opt"
    layers = model.model.decoder.layers if is_opt else model.model.layers
    for i, layer in enumerate(layers):
        for point, part in (("query", "q_proj"), ("key", "k_proj"), ("value", "v_proj")):
            keep(f"{point}.{i}", getattr(layer.self_attn, part))
        keep(f"attention.{i}", layer.self_attn.out_proj if is_opt else layer.self_attn.o_proj)
        last = layer.fc2 if is_opt else layer.mlp.down_proj
        keep(f"mlp.{i}", last)
        keep(f"intermediate.{i}", last, lambda inputs, _out: inputs[0])
        keep(f"block.{i}", layer, lambda _i, out: out[0] if isinstance(out, tuple) else out)
    out = run_reference(model, arrays)
    for handle in handles:
        handle.remove()
    seen["embedding"] = out.hidden_states[0]
    seen["output"] = seen["last_hidden_state"] = out.hidden_states[-1]
    seen["logits"] = out.logits
    return {k: v.numpy() for k, v in seen.items()}


def test_captures(root):
    points = ("embedding", "output", "query.*", "key.*", "value.*", "attention.*", "intermediate.*", "mlp.*", "block.*")
    flags = [text for point in points for text in ("--capture", point)]
    for name, model in (
        ("llama", LlamaForCausalLM(LlamaConfig(**SIZES, num_key_value_heads=2))),
        ("opt-350m", OPTForCausalLM(OPTConfig(**OPT_SIZES, do_layer_norm_before=False, word_embed_proj_dim=16))),
    ):
        folder = root / name
        randomise(model, 8).save_pretrained(folder)
        arrays = batch(seed=6)
        wanted = activations(model, arrays)
        found = ours(folder, arrays, *flags)
        for key in wanted:
            if key in found and found[key].ndim == 3:
                wanted[key] = wanted[key].reshape(found[key].shape)  # OPT's MLP runs on flat tokens
        compare(f"captures of {name}", found, wanted, group="captures")


def test_storage(root):
    """Shards, half types, a folder's types against the type asked for."""
    model = randomise(LlamaForCausalLM(LlamaConfig(**SIZES, num_key_value_heads=2)), 9)
    arrays = batch(seed=7)
    model.save_pretrained(root / "shards", max_shard_size="20KB")
    CHECKS.that("there are shards", len(list((root / "shards").glob("model-*.safetensors"))) > 2)
    compare("shards", ours(root / "shards", arrays), expected(model, arrays))
    for dtype in (torch.bfloat16, torch.float16):
        model.to(dtype).save_pretrained(root / str(dtype))
        # Read again, since converting a model of transformers rounds its rotary frequencies, too.
        stored = LlamaForCausalLM.from_pretrained(root / str(dtype), dtype=torch.float32)
        compare(f"{dtype} as fp32", ours(root / str(dtype), arrays), expected(stored, arrays))
    bf16 = ours(root / "torch.bfloat16", arrays, dtype="bf16")
    exact = ours(root / "torch.bfloat16", arrays)
    error = np.abs(bf16["logits"] - exact["logits"]).max() / np.abs(exact["logits"]).max()
    CHECKS.that("bf16 is near fp32, and not fp32", 1e-4 < error < 0.05, error)


def test_refusals(root):
    model = randomise(LlamaForCausalLM(LlamaConfig(**SIZES)), 10)
    model.save_pretrained(root / "model")
    arrays = batch(seed=8)
    left = {**arrays, "attention_mask": arrays["attention_mask"][:, ::-1].copy()}

    def refused(name, exit_code, code, texts, given, *args):
        write_inputs(root / "in.h5", given)
        status, _, err = call(FRUGAL, *args, "--input", root / "in.h5", "--output", root / "out.h5")
        CHECKS.that(name, status == exit_code and f"({code})" in err and not (root / "out.h5").exists(), f"{status}: {err}")
        for text in texts:
            CHECKS.that(f"{name} says '{text}'", text in err, err)

    auto = ["forward", "model=auto", f"model.path={root / 'model'}"]
    refused("cache and padding on the left", 3, "input_value", ["attention_mask", "row 1"], left, *auto,
            "experiment.cache_chunks=[3]")  # fmt: skip
    refused("id above the vocabulary", 3, "input_value", ["input_ids[0, 0]", "0 to 96"],
            {"input_ids": arrays["input_ids"] + 97 - arrays["input_ids"][0, 0]}, *auto)  # fmt: skip
    refused("token types", 3, "unknown_input", ["token_type_ids", "position_ids"],
            {**arrays, "token_type_ids": arrays["input_ids"]}, *auto)  # fmt: skip
    refused("a method for encoders", 2, "method_does_not_fit", ["method"], arrays, *auto, "method=lora")
    refused("a key of another architecture", 2, "unknown_key", ["ffn_dim"], arrays, *auto, "+model.config.ffn_dim=3")
    refused("heads that do not divide", 3, "bad_config", ["num_key_value_heads 3"], arrays, *auto,
            "+model.config.num_key_value_heads=3")  # fmt: skip
    refused("a cache of an encoder", 2, "unread_key", ["cache_chunks"], arrays, "forward", "model=tiny_bert",
            "experiment.cache_chunks=[3]")  # fmt: skip
    status, _, err = call(FRUGAL, "run", "--dry-run", "experiment=text_classification", "model=tiny_llama",
                          "dataset=token_order", "method=lora")  # fmt: skip
    CHECKS.that("a language model as a classifier", status == 2 and "(wrong_family)" in err and "bert" in err, err)


def main():
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as folder:
        for part in ("architectures", "inputs", "eager_attention", "long_positions", "captures", "storage", "refusals"):
            root = Path(folder) / part
            root.mkdir()
            globals()[f"test_{part}"](root)
    sys.exit(CHECKS.exit_code())


if __name__ == "__main__":
    main()
