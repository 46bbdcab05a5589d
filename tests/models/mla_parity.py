"""Multi-head latent attention in Llama models, read from folders in the layout of X-EcoMLA's checkpoints, against (i) its
equations written out in PyTorch and (ii) DeepseekV3Attention of transformers. usage: mla_parity.py FRUGAL
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from transformers import DeepseekV3Config, LlamaConfig, LlamaForCausalLM
from transformers.models.deepseek_v3 import modeling_deepseek_v3 as deepseek
from transformers.models.llama import modeling_llama

from forward_support import TOLERANCE, Checks, call, forward, randomise, write_inputs
from mla_reference import HEAD, HEADS, LAYERS, WIDTH, Case, WrittenOut, wide_norm

FRUGAL = sys.argv[1]
CHECKS = Checks()
# What mla_layer_config.json leaves out where it is so.
CLASS_DEFAULTS = dict(kv_lora_rank=512, q_lora_rank=1536, qk_rope_head_dim=64, v_head_dim=128, qk_nope_head_dim=128,
                      use_lora_layer_norm=False, rope_theta=10000.0, rope_scaling=None, attention_bias=False,
                      q_energy_ratio=0.99, kv_energy_ratio=None, layer_rank_list={})  # fmt: skip


modeling_llama.LlamaRMSNorm.forward = wide_norm
deepseek.DeepseekV3RMSNorm.forward = wide_norm


def deepseek_attention(case, layer, ours):
    """transformers' module with the weights of `ours`."""
    r_q, r_kv = case.ranks[layer]
    rope = {"rope_type": "default", "rope_theta": case.theta}
    if case.scaling:
        rope |= {"rope_type": "yarn", "original_max_position_embeddings": 4096}
        rope |= {k: v for k, v in case.scaling.items() if k not in ("type", "rope_type")}
    config = DeepseekV3Config(
        hidden_size=WIDTH, num_attention_heads=HEADS, num_key_value_heads=HEADS, q_lora_rank=r_q, kv_lora_rank=r_kv,
        qk_nope_head_dim=case.nope, qk_rope_head_dim=case.rope, v_head_dim=case.value, attention_bias=case.bias,
        rope_parameters=rope, max_position_embeddings=4096, attn_implementation="sdpa")  # fmt: skip
    config.head_dim = case.rope

    class Attention(deepseek.DeepseekV3Attention):
        def __init__(self):
            super().__init__(config, 0)
            self.rotary = deepseek.DeepseekV3RotaryEmbedding(config)

        def forward(self, hidden_states, attention_mask=None, position_ids=None, **_):
            return super().forward(hidden_states, self.rotary(hidden_states, position_ids), attention_mask)

    theirs = Attention().to(ours.out_proj.weight.dtype)
    if not case.norm:
        theirs.q_a_layernorm = theirs.kv_a_layernorm = nn.Identity()
    weights = {k.replace("out_proj", "o_proj"): v for k, v in ours.state_dict().items()}
    theirs.load_state_dict(weights)
    theirs.rotary = deepseek.DeepseekV3RotaryEmbedding(config)  # its frequencies are fp32, whatever the weights
    return theirs.eval()


def build(case, seed, base=None):
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=97, hidden_size=WIDTH, intermediate_size=40, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        num_key_value_heads=2, head_dim=HEAD, max_position_embeddings=8192, attn_implementation="sdpa",
        rope_parameters={"rope_type": "default", "rope_theta": case.theta}, **(base or {})))  # fmt: skip
    for layer in case.ranks:
        model.model.layers[layer].self_attn = WrittenOut(case, layer)
    return randomise(model, seed)


def save(folder, case, model):
    model.config.save_pretrained(folder)
    tensors = {k.replace("self_attn", "mla") if any(f"layers.{i}.self_attn" in k for i in case.ranks) else k: v
               for k, v in model.state_dict().items()}  # fmt: skip
    save_file({k: v.contiguous() for k, v in tensors.items()}, folder / "model.safetensors", {"format": "pt"})
    first = next(iter(case.ranks.values()))
    values = dict(q_lora_rank=first[0], kv_lora_rank=first[1], qk_rope_head_dim=case.rope, v_head_dim=case.value,
                  qk_nope_head_dim=case.nope, use_lora_layer_norm=case.norm, rope_theta=case.theta,
                  rope_scaling=case.scaling, attention_bias=case.bias, q_energy_ratio=None,
                  layer_rank_list={str(i): {"q_rank": q, "kv_rank": kv} for i, (q, kv) in case.ranks.items()})  # fmt: skip
    values = {k: v for k, v in values.items() if v != CLASS_DEFAULTS[k]}
    values |= {"num_attention_heads": HEADS, "model_type": "deepseek_v3", "hidden_size": HEADS * HEAD}
    if case.frugal:
        values["frugal"] = case.frugal
    (folder / "mla_layer_config.json").write_text(json.dumps(values))
    kept = [i for i in range(LAYERS) if i not in case.ranks]
    (folder / "MLA_config.json").write_text(json.dumps(dict(
        d_model=WIDTH, rms_norm_eps=1e-6, vocab_size=None, d_inner=HEADS * HEAD, d_xb=2 * HEAD, intermediate_size=40,
        hidden_act="silu", n_layer=LAYERS, attn_layers=kept)))  # fmt: skip


def expected(model, arrays):
    with torch.no_grad():
        out = model(**{k: torch.from_numpy(v) for k, v in arrays.items()}, output_hidden_states=True, use_cache=False)
    return {"last_hidden_state": out.hidden_states[-1].numpy(), "logits": out.logits.numpy()}


def ours(folder, arrays, *overrides, dtype="fp32"):
    return forward(FRUGAL, folder, arrays, "model=auto", f"model.path={folder}", f"experiment.dtype={dtype}", *overrides)


def compare(name, found, wanted, where, dtype="fp32", group=None):
    for key in wanted:
        CHECKS.equal(f"{name}: {key}", found[key][where], wanted[key][where], TOLERANCE[dtype], group or dtype)


def cases():
    every = {i: (12, 16) for i in range(LAYERS)}
    yarn = dict(factor=32.0, beta_fast=32, beta_slow=1, mscale=1.0, mscale_all_dim=0.0, type="yarn")
    yield Case("plain", every)
    yield Case("hybrid", {0: (12, 16), 2: (12, 16)})
    yield Case("ranks of their own", {0: (8, 24), 1: (16, 8), 2: (24, 16)}, norm=True)
    yield Case("latent norms", every, norm=True)
    yield Case("yarn", every, rope=8, theta=500000.0, scaling=yarn)
    yield Case("yarn of 8192", every, rope=8, theta=500000.0, scaling=yarn | {"original_max_position_embeddings": 8192})
    yield Case("yarn with mscale_all_dim", every, rope=8, theta=500000.0, scaling=yarn | {"mscale_all_dim": 1.0})
    yield Case("query wider than value", every, nope=8, rope=8)
    yield Case("value wider than query", every, nope=2, rope=4)
    yield Case("biases, hybrid", {1: (12, 16)}, bias=True)


def batch(seed, rows=3, columns=17):
    rng = np.random.default_rng(seed)
    mask = np.ones((rows, columns), np.int64)
    for row in range(1, rows):
        mask[row, columns - 5 * row :] = 0
    return {"input_ids": rng.integers(0, 97, (rows, columns)), "attention_mask": mask}


def test_cases(root):
    for seed, case in enumerate(cases()):
        folder = root / str(seed)
        model = build(case, seed, {"attention_bias": True} if case.bias else None)
        folder.mkdir()
        save(folder, case, model)
        arrays = batch(seed)
        real = arrays["attention_mask"] == 1
        wanted = expected(model, arrays)
        spread = wanted["last_hidden_state"][real].std()
        CHECKS.that(f"{case.name}: activations are of order one", 0.3 < spread < 6, spread)
        compare(f"{case.name}, ragged", ours(folder, arrays), wanted, real)
        pieces = "experiment.cache_chunks=[6,1,1,4]"
        compare(f"{case.name}, cache", ours(folder, arrays, pieces), wanted, real, group="fp32 cache")
        model.double()
        wide = expected(model, arrays)
        compare(f"{case.name}, fp64", ours(folder, arrays, dtype="fp64"), wide, real, "fp64")
        compare(f"{case.name}, fp64, cache", ours(folder, arrays, pieces, dtype="fp64"), wide, real, "fp64", "fp64 cache")
        for layer in case.ranks:
            block = model.model.layers[layer]
            block.self_attn = deepseek_attention(case, layer, block.self_attn)
        theirs = expected(model, arrays)
        compare(f"{case.name}: transformers against the equations", wide, theirs, real, "fp64", "references")
        compare(f"{case.name}, transformers, fp64", ours(folder, arrays, dtype="fp64"), theirs, real, "fp64")


def test_bf16_angles(root):
    case = Case("bf16 angles", {0: (12, 16), 1: (12, 16)}, frugal={"bf16_angles": True})
    model = build(case, 31)
    save(root, case, model)
    ids = batch(7)["input_ids"]
    arrays = {"input_ids": ids, "position_ids": np.arange(ids.shape[1])[None].repeat(len(ids), 0) + 300}
    found = ours(root, arrays)
    compare(case.name, found, expected(model, arrays), np.ones_like(ids, bool))
    case.frugal = None
    save(root, case, model)
    exact = ours(root, arrays)["logits"]
    CHECKS.that("bf16 angles change the outputs", np.abs(found["logits"] - exact).max() > 0.01)


def test_early_files(root):
    """The scaling of the Llama model as it was, which the code of the time read as YaRN with its 8192."""
    llama3 = dict(rope_type="llama3", factor=32.0, low_freq_factor=1.0, high_freq_factor=4.0,
                  original_max_position_embeddings=8192)  # fmt: skip
    case = Case("early file", {0: (12, 16)}, rope=8, theta=500000.0, scaling=llama3)
    model = build(case, 32)
    save(root, case, model)
    arrays = batch(8)
    compare(case.name, ours(root, arrays), expected(model, arrays), arrays["attention_mask"] == 1)


def test_refusals(root):
    case = Case("wrong", {0: (12, 16), 1: (12, 16)})
    model = build(case, 33)
    arrays = batch(9)
    files = {name: root / name for name in ("MLA_config.json", "mla_layer_config.json")}
    write_inputs(root / "in.h5", arrays)

    def refused(name, file, change, code, exit_code, *texts):
        save(root, case, model)
        if change is None:
            files[file].unlink()
        else:
            values = json.loads(files[file].read_text())
            change(values)
            files[file].write_text(json.dumps(values))
        status, _, err = call(FRUGAL, "forward", "model=auto", f"model.path={root}", "--input", root / "in.h5",
                              "--output", root / "out.h5")  # fmt: skip
        CHECKS.that(name, status == exit_code and f"({code})" in err, f"{status}: {err}")
        for text in texts:
            CHECKS.that(f"{name} says '{text}'", text in err, err)

    layer, whole = "mla_layer_config.json", "MLA_config.json"
    refused("one file missing", layer, None, "file_not_found", 2, layer)
    refused("the other missing", whole, None, "file_not_found", 2, whole)
    refused("absent ranks are the class' defaults", layer,
            lambda v: (v.pop("kv_lora_rank"), v.pop("layer_rank_list")), "wrong_shape", 3, "516, 24", "20, 24")  # fmt: skip
    refused("a layer too many", whole, lambda v: v.update(attn_layers=[]), "missing_tensor", 3,
            "model.layers.2.mla.q_a_proj.weight")  # fmt: skip
    refused("a layer too few", whole, lambda v: v.update(attn_layers=[1, 2]), "bad_config", 3, layer, "layer 1")
    refused("layers", whole, lambda v: v.update(n_layer=5), "bad_config", 3, whole, "n_layer")
    refused("heads", layer, lambda v: v.pop("num_attention_heads"), "bad_config", 3, layer, "128")
    refused("norms that are not stored", layer, lambda v: v.update(use_lora_layer_norm=True), "missing_tensor", 3,
            "mla.q_a_layernorm.weight")  # fmt: skip
    refused("an odd head", layer, lambda v: v.update(qk_rope_head_dim=3), "bad_config", 3, "odd")
    refused("a rank of text", layer, lambda v: v.update(kv_lora_rank="wide"), "bad_config", 3, "kv_lora_rank")
    refused("a rank of a layer", layer, lambda v: v["layer_rank_list"]["0"].update(kv_rank=-8), "bad_config", 3, "-8")
    refused("another scaling", layer, lambda v: v.update(rope_scaling={"type": "dynamic", "factor": 2.0}),
            "unsupported_config", 3, "dynamic")  # fmt: skip
    refused("unknown pairs", layer, lambda v: v.update(frugal={"rope_pairs": {"0": [0, 4]}}), "bad_config", 3, "pair")
    save(root, case, model)
    files[layer].write_text("{")
    status, _, err = call(FRUGAL, "forward", "model=auto", f"model.path={root}", "--input", root / "in.h5", "--output",
                          root / "out.h5")  # fmt: skip
    CHECKS.that("no JSON", status == 3 and layer in err, err)


def main():
    torch.set_num_threads(2)
    for test in (test_cases, test_bf16_angles, test_early_files, test_refusals):
        with tempfile.TemporaryDirectory() as folder:
            test(Path(folder))
    sys.exit(CHECKS.exit_code())


if __name__ == "__main__":
    main()
