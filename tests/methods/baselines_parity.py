"""`frugal forward method=mha2mla|transmla` and `svd_metric=activation` equal the conversions written out in PyTorch, on
transformers' Llama and on the same calibration tokens. usage: baselines_parity.py FRUGAL
"""

import json
import random
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama import modeling_llama

sys.path[:0] = [str(Path(__file__).parent.parent / name) for name in ("models", "experiments")]
from forward_support import TOLERANCE, Checks, call, forward, randomise, write_inputs  # noqa: E402
from mla_reference import wide_norm  # noqa: E402
from tiny_language import make_model, sentence  # noqa: E402

FRUGAL = sys.argv[1]
CHECKS = Checks()
HEADS, KV_HEADS, HEAD, LAYERS, WIDTH = 4, 2, 16, 3, 48
HALF, GROUP = HEAD // 2, HEADS // KV_HEADS
SEQ_LEN = 16
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=32, rope_theta=10000.0)  # fmt: skip
modeling_llama.LlamaRMSNorm.forward = wide_norm


def by_head(x, heads):
    return x.view(*x.shape[:2], heads, -1).transpose(1, 2)


def turn(x, cos, sin):
    """First and second half of the last dimension form the pairs; cos and sin have one number a pair."""
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def attend(q, k, v, scale):
    scores = (q @ k.transpose(2, 3) * scale).masked_fill(~torch.ones(q.shape[2], k.shape[2], dtype=torch.bool).tril(), -torch.inf)
    return (torch.softmax(scores, -1) @ v).transpose(1, 2).flatten(2)


class PartialRope(nn.Module):
    """MHA2MLA, section 3: pairs[j] of key head j turn, the rest of the keys and the values come from one or two latents."""

    def __init__(self, attention, pairs, rank, joint):
        super().__init__()
        q, k, v, self.o = (getattr(attention, f"{n}_proj").weight.double().detach() for n in "qkvo")
        self.pairs, self.rank = pairs, rank
        rows = [p + [i + HALF for i in p] for p in pairs]
        rest = [[i for i in range(HEAD) if i not in turning] for turning in rows]
        split = lambda w, heads, of: [w.view(heads, HEAD, -1)[h, of[h * KV_HEADS // heads]] for h in range(heads)]  # noqa: E731
        self.q_r, self.q_c = torch.stack(split(q, HEADS, rows)), torch.stack(split(q, HEADS, rest))
        self.k_r, k_c = torch.stack(split(k, KV_HEADS, rows)), torch.cat(split(k, KV_HEADS, rest))
        if joint:
            both = self.cut(torch.cat([k_c, v]))
            self.k_c, self.v_c = both[: len(k_c)], both[len(k_c) :]
        else:
            self.k_c, self.v_c = self.cut(k_c), self.cut(v)

    def cut(self, w):
        u, s, vt = torch.linalg.svd(w, full_matrices=False)
        return u[:, : self.rank] @ torch.diag(s[: self.rank]) @ vt[: self.rank]

    def forward(self, hidden_states, position_embeddings, **_):
        x, (cos, sin) = hidden_states, position_embeddings
        pick = lambda t, heads: torch.stack([t[..., self.pairs[h * KV_HEADS // heads]] for h in range(heads)], 1)  # noqa: E731
        project = lambda w: torch.einsum("btd,hed->bhte", x, w)  # noqa: E731
        q = torch.cat([turn(project(self.q_r), pick(cos, HEADS), pick(sin, HEADS)), project(self.q_c)], -1)
        k_r = turn(project(self.k_r), pick(cos, KV_HEADS), pick(sin, KV_HEADS))
        k = torch.cat([k_r, by_head(x @ self.k_c.T, KV_HEADS)], -1).repeat_interleave(GROUP, 1)
        v = by_head(x @ self.v_c.T, KV_HEADS).repeat_interleave(GROUP, 1)
        return attend(q, k, v, HEAD**-0.5) @ self.o.T, None


class Merged(nn.Module):
    """TransMLA: all heads' keys in the rotated basis, of which the first d_r turn; latents projected on `basis`."""

    def __init__(self, attention, fold, collapse):
        super().__init__()
        self.q, self.k, self.v, self.o = (getattr(attention, f"{n}_proj").weight.double().detach() for n in "qkvo")
        self.fold, self.collapse, self.rope = fold, collapse, HEAD // collapse
        self.basis = None

    def rotate_heads(self, keys):
        """keys [n, Hkv d_h] before rotation. Orders channels as (offset, head, step), components by variance."""
        fold, c = self.fold, self.collapse
        z = keys.view(-1, KV_HEADS, 2, HALF // fold, fold // c, c).permute(0, 2, 5, 1, 4, 3)
        z = z.reshape(len(keys) * 2, KV_HEADS * fold, HALF // fold)  # [n halves, channels, groups]
        u = []
        for g in range(HALF // fold):
            values, vectors = torch.linalg.eigh(z[..., g].T @ z[..., g])
            u.append(vectors[:, values.argsort(descending=True)])
        # What the rotation makes of every unit vector.
        unit = torch.eye(KV_HEADS * HEAD).double().view(-1, KV_HEADS, 2, HALF // fold, fold // c, c)
        unit = unit.permute(0, 2, 5, 1, 4, 3).reshape(-1, 2, KV_HEADS * fold, HALF // fold)
        made = torch.stack([unit[..., g] @ u[g] for g in range(HALF // fold)], -1)
        made = made.view(-1, 2, c, KV_HEADS, fold // c, HALF // fold).permute(0, 2, 3, 5, 4, 1)
        self.rotation = made.reshape(KV_HEADS * HEAD, KV_HEADS * HEAD)

    def reduce(self, x, rank, q_rank, balance):
        r = self.rope
        k, v = (x @ self.k.T @ self.rotation)[:, r:], x @ self.v.T
        self.ratio = 1.0 if balance is None else k.norm(dim=0).mean() / (v[:, r:].norm(dim=0).mean() * balance)
        principal = lambda a, n: torch.linalg.eigh(a.T @ a)[1].flip(1)[:, :n]  # noqa: E731
        basis = principal(torch.cat([k / self.ratio, v], 1), rank)
        if q_rank:
            directions = principal(x @ self.q.T, q_rank)
            self.q = directions @ directions.T @ self.q
        self.basis = basis

    def forward(self, hidden_states, position_embeddings, **_):
        x, r = hidden_states, self.rope
        cos, sin = (t[:, None, :, : HALF : self.collapse] for t in position_embeddings)
        keys, v = x @ self.k.T @ self.rotation, x @ self.v.T
        still = keys[..., r:]
        if self.basis is not None:
            latents = torch.cat([still / self.ratio, v], -1) @ self.basis @ self.basis.T
            still, v = latents[..., : still.shape[-1]] * self.ratio, latents[..., still.shape[-1] :]
        q = by_head(x @ self.q.T, HEADS)
        up = self.rotation.view(KV_HEADS, HEAD, -1).repeat_interleave(GROUP, 0)
        halves = lambda t: torch.cat([t[..., 0::2], t[..., 1::2]], -1)  # noqa: E731
        q_rope = torch.einsum("bhte,hec->bhtc", q, up[:, :, :r])
        k_still = torch.einsum("btc,hec->bhte", still, up[:, :, r:])
        k_rope = turn(halves(keys[:, None, :, :r]), cos, sin).expand(-1, HEADS, -1, -1)
        q = torch.cat([q, turn(halves(q_rope), cos, sin)], -1)
        v = by_head(v, KV_HEADS).repeat_interleave(GROUP, 1)
        return attend(q, torch.cat([k_still, k_rope], -1), v, HEAD**-0.5) @ self.o.T, None


class Whitened(nn.Module):
    """X-EcoMLA's layer whose two matrices are cut behind the root of the inputs' damped moment."""

    def __init__(self, attention, x, r_q, r_kv):
        super().__init__()
        q, k, v, self.o = (getattr(attention, f"{n}_proj").weight.double().detach() for n in "qkvo")
        moment = x.T @ x / len(x)
        moment = moment + 0.01 * moment.diagonal().mean() * torch.eye(WIDTH).double()
        root = torch.linalg.cholesky(moment)

        def cut(w, rank):
            """The best of its rank in |(w - w') root|: any root of the moment gives the same."""
            u = torch.linalg.svd(w @ root, full_matrices=False)[0][:, :rank]
            return u @ u.T @ w

        self.q, kv = cut(q, r_q), cut(torch.cat([k, v]), r_kv)
        self.k, self.v = kv.chunk(2)
        self.k_rope = k.view(KV_HEADS, HEAD, -1).mean(0)[HALF:]

    def forward(self, hidden_states, position_embeddings, **_):
        x = hidden_states
        positions = torch.arange(x.shape[1])
        angle = positions[:, None].float() * (1 / 10000.0 ** (torch.arange(0, HALF, 2, dtype=torch.float32) / HALF))
        cos, sin = angle.cos().double(), angle.sin().double()
        halves = lambda t: torch.cat([t[..., 0::2], t[..., 1::2]], -1)  # noqa: E731
        q, k = by_head(x @ self.q.T, HEADS), by_head(x @ self.k.T, KV_HEADS).repeat_interleave(GROUP, 1)
        v = by_head(x @ self.v.T, KV_HEADS).repeat_interleave(GROUP, 1)
        k_rope = turn(halves(by_head(x @ self.k_rope.T, 1)), cos, sin).expand(-1, HEADS, -1, -1)
        q = torch.cat([q[..., :HALF], turn(halves(q[..., HALF:]), cos, sin)], -1)
        return attend(q, torch.cat([k[..., :HALF], k_rope], -1), v, HEAD**-0.5) @ self.o.T, None


def attention_inputs(model, ids):
    """Of every layer, [tokens, WIDTH]."""
    seen, hooks = {}, []
    for index, layer in enumerate(model.model.layers):
        hooks.append(layer.input_layernorm.register_forward_hook(
            lambda _m, _i, y, index=index: seen.__setitem__(index, y.detach().flatten(0, 1))))
    with torch.no_grad():
        model(ids)
    for hook in hooks:
        hook.remove()
    return seen


def rules(name, r, start):
    step = HEAD // r
    return {"high": list(range(r // 2)), "low": list(range(HALF - r // 2, HALF)),
            "uniform": list(range(start, HALF, step))}[name]  # fmt: skip


def norm_pairs(attention, x, r):
    """S_2-norm of both projections, before rotation."""
    norms = lambda w, heads: (x @ w.T).view(-1, heads, 2, HALF).norm(dim=2).mean(0)  # noqa: E731
    q = norms(attention.q_proj.weight.double(), HEADS).view(KV_HEADS, GROUP, HALF)
    scores = (q * norms(attention.k_proj.weight.double(), KV_HEADS)[:, None]).sum(1)
    return [sorted(scores[h].argsort(descending=True)[: r // 2].tolist()) for h in range(KV_HEADS)]


def to_partial(model, calibration, version, r, low_rank, svd, start=0):
    inputs = attention_inputs(model, calibration)
    for index, layer in enumerate(model.model.layers):
        pairs = (norm_pairs(layer.self_attn, inputs[index], r) if version == "2-norm"
                 else [rules(version, r, start)] * KV_HEADS)  # fmt: skip
        layer.self_attn = PartialRope(layer.self_attn, pairs, low_rank * KV_HEADS, svd == "joint")


def to_merged(model, calibration, rope, fold, rank, q_rank=None, balance=1.0):
    inputs = attention_inputs(model, calibration)
    for index, layer in enumerate(model.model.layers):
        made = Merged(layer.self_attn, fold, HEAD // rope)
        made.rotate_heads(inputs[index] @ made.k.T)
        layer.self_attn = made
    inputs = attention_inputs(model, calibration)  # of the model whose positions are partly gone
    for index, layer in enumerate(model.model.layers):
        layer.self_attn.reduce(inputs[index], rank, q_rank, balance)


def to_whitened(model, calibration, r_q, r_kv):
    inputs = attention_inputs(model, calibration)
    for index, layer in enumerate(model.model.layers):
        layer.self_attn = Whitened(layer.self_attn, inputs[index], r_q, r_kv)


PLAIN = {"rope_type": "default", "rope_theta": 10000.0}


def cases():
    """Name, rope, keys of the method, the conversion, its arguments."""
    for version, r, svd, rope in (("high", 8, "joint", PLAIN), ("low", 4, "split", LLAMA3), ("uniform", 4, "joint", PLAIN),
                                  ("2-norm", 6, "joint", LLAMA3), ("2-norm", 8, "split", PLAIN)):  # fmt: skip
        start = 1 if version == "uniform" else 0
        keys = {"partial_rope_version": version, "rope_dim_for_mla": r, "low_rank": 5, "svd_init_method": svd,
                "uniform_start_point": start}  # fmt: skip
        yield f"mha2mla {version} {svd}", rope, "mha2mla", keys, to_partial, dict(version=version, r=r, low_rank=5, svd=svd, start=start)
    for rope_dim, fold, rank, more, rope in ((16, 1, 20, {}, PLAIN), (8, 4, 12, {"q_lora_rank": 24}, PLAIN),
                                             (4, 8, 30, {"balance_kv_ratio": 0.5}, LLAMA3),
                                             (8, 2, 20, {"balance_kv_ratio": None}, PLAIN)):  # fmt: skip
        keys = {"qk_mqa_dim": rope_dim, "freqfold": fold, "kv_lora_rank": rank} | more
        arguments = {"q_rank": more.get("q_lora_rank"), "balance": more.get("balance_kv_ratio", 1.0)}
        yield f"transmla {rope_dim} {fold}", rope, "transmla", keys, to_merged, dict(rope=rope_dim, fold=fold, rank=rank) | arguments
    yield "activation", PLAIN, "x_ecomla", {"svd_metric": "activation", "r_q": 24, "r_kv": 16}, to_whitened, dict(r_q=24, r_kv=16)


def corpus(folder, tokenizer):
    """One document; and its tokens, cut as `frugal` packs them."""
    rng = random.Random(9)
    text = " ".join(sentence(rng, 5, 30) for _ in range(60))
    (folder / "text.jsonl").write_text(json.dumps({"text": text}) + "\n")
    ids = [*tokenizer.encode(text).ids, tokenizer.token_to_id("</s>")]
    count = 40
    assert len(ids) > count * SEQ_LEN
    return torch.tensor(ids[: count * SEQ_LEN]).view(count, SEQ_LEN), count * SEQ_LEN


def run(name, root, seed, rope, method, keys, convert, arguments, show_cache):
    folder = root / str(seed)
    tokenizer, _ = make_model(folder, False, vocabulary=300)
    torch.manual_seed(seed)
    model = randomise(LlamaForCausalLM(LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=WIDTH, intermediate_size=40, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, num_key_value_heads=KV_HEADS, head_dim=HEAD, max_position_embeddings=512,
        attn_implementation="sdpa", rope_parameters=rope)), seed)  # fmt: skip
    model.save_pretrained(folder)
    model.double()
    calibration, tokens = corpus(folder, tokenizer)
    ids = np.random.default_rng(seed).integers(0, tokenizer.get_vocab_size(), (2, 13))
    null = lambda v: "null" if v is None else v  # noqa: E731
    overrides = [f"method={method}", *(f"method.{k}={null(v)}" for k, v in keys.items()),
                 "dataset@method.calibration.dataset=text", f"method.calibration.dataset.files=[{folder / 'text.jsonl'}]",
                 f"method.calibration.tokens={tokens}", f"method.calibration.seq_len={SEQ_LEN}",
                 "method.calibration.batch_size=7"]  # fmt: skip
    ours = lambda *more: forward(FRUGAL, folder, {"input_ids": ids}, "model=auto", f"model.path={folder}",  # noqa: E731
                                 "experiment.dtype=fp64", *more)["logits"]  # fmt: skip
    with torch.no_grad():
        before = model(torch.from_numpy(ids)).logits.numpy()
        convert(model, calibration, **arguments)
        wanted = model(torch.from_numpy(ids)).logits.numpy()
    CHECKS.equal(name, ours(*overrides), wanted, TOLERANCE["fp64"], "fp64")
    CHECKS.that(f"{name}: the conversion changes something", np.abs(before - wanted).max() > 0.1)
    if show_cache:
        CHECKS.equal(f"{name}, cache", ours(*overrides, "experiment.cache_chunks=[5,1,1,3]"), wanted, TOLERANCE["fp64"], "fp64 cache")


def test_refusals(root):
    make_model(root / "model", False, vocabulary=300)
    write_inputs(root / "in.h5", {"input_ids": np.zeros((1, 3), np.int64)})

    def refused(status, code, text, *overrides):
        answer, _, err = call(FRUGAL, "forward", "model=auto", f"model.path={root / 'model'}", "--input", root / "in.h5",
                              "--output", root / "out.h5", *overrides)  # fmt: skip
        CHECKS.that(str(overrides), answer == status and f"({code})" in err and text in err, f"{answer}: {err}")

    (root / "short.txt").write_text("which planet")
    texts = ["dataset@method.calibration.dataset=text", f"method.calibration.dataset.files=[{root / 'short.txt'}]"]
    refused(2, "missing_value", "method.calibration.dataset", "method=transmla")
    refused(2, "missing_value", "method.calibration.dataset", "method=mha2mla", "method.partial_rope_version=2-norm")
    refused(2, "missing_value", "method.calibration.dataset", "method=x_ecomla", "method.svd_metric=activation")
    refused(2, "bad_value", "method.calibration.dataset", "method=transmla", "method.calibration.dataset=wikitext")
    refused(2, "unknown_key", "dataset.files", "method=transmla", *texts, "+method.calibration.dataset.fils=[a]")
    refused(2, "bad_value", "method.calibration.seq_len", "method=transmla", *texts, "method.calibration.seq_len=2000")
    refused(3, "too_few_sequences", "method.calibration.dataset", "method=transmla", "method.qk_mqa_dim=12", "method.kv_lora_rank=8", *texts)
    refused(2, "bad_value", "method.qk_mqa_dim", "method=transmla", "method.calibration.dataset=random")


def test_random_tokens(root):
    """What models of random weights without a tokenizer are calibrated on: drawn by the run's seed."""
    keys = ["model=tiny_llama", "method=transmla", "method.qk_mqa_dim=4", "method.kv_lora_rank=12",
            "method.calibration.dataset=random", "method.calibration.seq_len=32", "method.calibration.tokens=320"]  # fmt: skip
    ids = {"input_ids": np.arange(12).reshape(2, 6)}
    logits = [forward(FRUGAL, root, ids, *keys, "experiment.dtype=fp64", *more)["logits"]
              for more in ([], [], ["method.calibration.tokens=640"])]  # fmt: skip
    CHECKS.that("random tokens are those of the seed", np.array_equal(logits[0], logits[1]))
    CHECKS.that("more of them are others", not np.array_equal(logits[0], logits[2]))


def main():
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as folder:
        for seed, case in enumerate(cases()):
            run(case[0], Path(folder), seed, *case[1:], show_cache=seed in (0, 1, 6))
    with tempfile.TemporaryDirectory() as folder:
        test_refusals(Path(folder))
        test_random_tokens(Path(folder))
    sys.exit(CHECKS.exit_code())


if __name__ == "__main__":
    main()
