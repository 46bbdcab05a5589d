"""`frugal forward method=x_ecomla` equals the conversion written out in PyTorch: plain SVDs of the matrices with repeated
heads, rows picked as the paper's code picks them, on the weights of transformers' Llama. usage: x_ecomla_parity.py FRUGAL
"""

import math
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama import modeling_llama

sys.path.insert(0, str(Path(__file__).parent.parent / "models"))
from forward_support import TOLERANCE, Checks, call, forward, randomise, write_inputs  # noqa: E402
from mla_reference import HEAD, HEADS, LAYERS, WIDTH, Case, WrittenOut, wide_norm  # noqa: E402

FRUGAL = sys.argv[1]
CHECKS = Checks()
KV_HEADS = 2
LLAMA3 = dict(rope_type="llama3", factor=32.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=8192, rope_theta=500000.0)  # fmt: skip
modeling_llama.LlamaRMSNorm.forward = wide_norm


def rank(sigma, r, delta, rule):
    if delta is not None:
        energy = sigma.square().cumsum(0) / sigma.square().sum()
        r = int((energy <= delta).sum()) if rule == "code" else int((energy < delta).sum()) + 1
        r = max(1, r)
    return min(math.ceil(r / 8) * 8, len(sigma))


def split(sigma, vt, u, r, side):
    """Down- and up-projection; the singular values go to one of them, or their roots to both."""
    down, up = {"down": (sigma, torch.ones_like(sigma)), "up": (torch.ones_like(sigma), sigma),
                "sqrt": (sigma.sqrt(), sigma.sqrt())}[side]  # fmt: skip
    return down[:r, None] * vt[:r], u[:, :r] * up[:r]


def convert(attention, case, layer, r_q, r_kv, side, deltas=(None, None), rule="code"):
    """The five projections of one layer, in fp64; the ranks they have are put in the case."""
    q, k, v = (getattr(attention, f"{n}_proj").weight.double() for n in "qkv")
    group = HEADS // KV_HEADS
    u, s, vt = torch.linalg.svd(q, full_matrices=False)
    r_q = rank(s, r_q, deltas[0], rule)
    q_a, up = split(s, vt, u, r_q, side)
    up = up.view(HEADS, HEAD, r_q)
    q_b = torch.cat([up[:, : case.nope], up[:, HEAD - case.rope :]], 1).flatten(0, 1)
    mean = k.view(KV_HEADS, HEAD, WIDTH).mean(0)
    repeat = lambda w: w.view(KV_HEADS, HEAD, WIDTH).repeat_interleave(group, 0).flatten(0, 1)  # noqa: E731
    u, s, vt = torch.linalg.svd(torch.cat([repeat(k), repeat(v)]), full_matrices=False)
    s, u, vt = s[: 2 * KV_HEADS * HEAD], u[:, : 2 * KV_HEADS * HEAD], vt[: 2 * KV_HEADS * HEAD]
    r_kv = rank(s, r_kv, deltas[1], rule)
    down, up = split(s, vt, u, r_kv, side)
    keys, values = up.view(2, HEADS, HEAD, r_kv)
    kv_b = torch.cat([keys[:, : case.nope], values], 1).flatten(0, 1)
    case.ranks[layer] = (r_q, r_kv)
    made = WrittenOut(case, layer).double()
    weights = {"q_a_proj": q_a, "q_b_proj": q_b, "kv_a_proj_with_mqa": torch.cat([down, mean[HEAD - case.rope :]]),
               "kv_b_proj": kv_b, "out_proj": attention.o_proj.weight.double()}  # fmt: skip
    with torch.no_grad():
        for name, weight in weights.items():
            getattr(made, name).weight.copy_(weight)
    return made.eval()


def base_model(seed, rope):
    return randomise(LlamaForCausalLM(LlamaConfig(
        vocab_size=97, hidden_size=WIDTH, intermediate_size=40, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        num_key_value_heads=KV_HEADS, head_dim=HEAD, max_position_embeddings=131072, attn_implementation="sdpa",
        rope_parameters=rope)), seed)  # fmt: skip


def yarn(m=None):
    return dict(factor=32.0, **({"original_max_position_embeddings": m} if m else {}))


def cases():
    """Name, rope of the base, keys of the method, the case, keyword arguments of convert, converted layers."""
    plain, every = {"rope_type": "default", "rope_theta": 10000.0}, range(LAYERS)
    fixed = dict(r_q=16, r_kv=16, side="down")
    yield "plain", plain, {}, Case("", {}), fixed, every
    yield "llama3 base: yarn of 8192", LLAMA3, {}, Case("", {}, theta=5e5, scaling=yarn(8192)), fixed, every
    yield "yarn of 4096", LLAMA3, {"yarn_m": 4096}, Case("", {}, theta=5e5, scaling=yarn()), fixed, every
    yield "plain rope of a scaled base", LLAMA3, {"rope_mode": "plain"}, Case("", {}, theta=5e5), fixed, every
    yield "sigma up", plain, {"sigma_side": "up"}, Case("", {}), fixed | {"side": "up"}, every
    yield "sigma on both sides, norms", plain, {"sigma_side": "sqrt", "latent_ln": "true"}, Case("", {}, norm=True), \
        fixed | {"side": "sqrt"}, every  # fmt: skip
    yield "overlapping rows, hybrid", plain, {"d_nope": 8, "d_rope": 8, "layers": "[2,0]"}, Case("", {}, 8, 8), fixed, (0, 2)
    yield "rows left out", plain, {"d_nope": 2, "d_rope": 4}, Case("", {}, 2, 4), fixed, every
    dynamic = {"rank_mode": "dynamic", "delta_q": 0.8, "delta_kv": 0.6}
    free = dynamic | {"fix_first_last": "false"}
    yield "dynamic", plain, free, Case("", {}), fixed | {"deltas": (0.8, 0.6)}, every
    yield "dynamic, paper's rule", plain, free | {"rank_rule": "paper"}, Case("", {}), \
        fixed | {"deltas": (0.8, 0.6), "rule": "paper"}, every  # fmt: skip


def run(name, root, seed, rope, keys, case, arguments, layers):
    folder = root / str(seed)
    model = base_model(seed, rope)
    model.save_pretrained(folder)
    ids = np.random.default_rng(seed).integers(0, 97, (2, 13))
    overrides = ["method=x_ecomla", *(f"method.{k}={v}" for k, v in ({"r_q": 16, "r_kv": 16} | keys).items())]
    ours = lambda *more: forward(FRUGAL, folder, {"input_ids": ids}, "model=auto", f"model.path={folder}",  # noqa: E731
                                 "experiment.dtype=fp64", *more)  # fmt: skip
    before = ours()["logits"]
    model.double()
    for layer in layers:
        block = model.model.layers[layer]
        block.self_attn = convert(block.self_attn, case, layer, **arguments)
    with torch.no_grad():
        wanted = model(torch.from_numpy(ids)).logits.numpy()
    CHECKS.equal(name, ours(*overrides)["logits"], wanted, TOLERANCE["fp64"], "fp64")
    CHECKS.equal(f"{name}, cache", ours(*overrides, "experiment.cache_chunks=[5,1,1,3]")["logits"], wanted,
                 TOLERANCE["fp64"], "fp64 cache")  # fmt: skip
    CHECKS.that(f"{name}: the conversion changes something", np.abs(before - wanted).max() > 0.1)
    CHECKS.that(f"{name}: no layer, no change", np.array_equal(ours("method=x_ecomla", "method.layers=[]")["logits"], before))
    return case.ranks


def test_refusals(root):
    base_model(0, {"rope_type": "default", "rope_theta": 10000.0}).save_pretrained(root)
    write_inputs(root / "in.h5", {"input_ids": np.zeros((1, 3), np.int64)})
    for key, code, text in (("r_kv=20", "bad_value", "multiples of 8"), ("layers=[5]", "bad_value", "no layer 5"),
                            ("r_kw=16", "unknown_key", "r_kv"), ("rope_init=pairs", "bad_value", "pair_high")):  # fmt: skip
        status, _, err = call(FRUGAL, "forward", "model=auto", f"model.path={root}", "method=x_ecomla",
                              f"+method.{key}" if "kw" in key else f"method.{key}", "--input", root / "in.h5",
                              "--output", root / "out.h5")  # fmt: skip
        CHECKS.that(key, status == 2 and f"({code})" in err and text in err, f"{status}: {err}")


def main():
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as folder:
        ranks = {case[0]: run(case[0], Path(folder), seed, *case[1:]) for seed, case in enumerate(cases())}
    CHECKS.that("ranks by energy are not the fixed ones", ranks["dynamic"] != ranks["plain"], ranks)
    with tempfile.TemporaryDirectory() as folder:
        test_refusals(Path(folder))
    sys.exit(CHECKS.exit_code())


if __name__ == "__main__":
    main()
