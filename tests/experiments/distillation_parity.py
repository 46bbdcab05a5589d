"""experiment=distillation equals a PyTorch loop over transformers models, step for step: losses, KL, rates, gradient norms,
held-out KL and perplexity, and the weights in the saved folder, which transformers loads. Every step sees the whole training
text, so no order of data is in play. usage: distillation_parity.py FRUGAL"""
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import h5py
import numpy as np
import torch
import transformers
from torch.nn import functional as F

from tiny_language import make_model, sentence

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "models"))
from forward_support import Checks  # noqa: E402

FRUGAL = sys.argv[1]
CHECKS = Checks()
STEPS, SEQUENCES, LENGTH, RATE, RELATIVE = 10, 8, 24, 1e-3, 1e-5


def packed(tokenizer, texts):
    stream = []
    for text in texts:
        stream += tokenizer.encode(text).ids + [1]
    rows = len(stream) // LENGTH
    return torch.tensor(stream[:rows * LENGTH]).view(rows, LENGTH)


def write_texts(folder, tokenizer):
    """Training text of exactly SEQUENCES sequences and some tokens more, and a held-out text of three."""
    rng, texts = random.Random(7), []
    while not texts or len(packed(tokenizer, texts)) < SEQUENCES:
        texts.append(sentence(rng, 4, 12))
    held_out = [sentence(rng, 30, 40), sentence(rng, 60, 70)]
    for name, lines in (("train", texts), ("held_out", held_out)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps({"text": line}) + "\n" for line in lines))
    return packed(tokenizer, texts), packed(tokenizer, held_out)


def train_ours(folder, name, overrides):
    run = folder / name
    done = subprocess.run(
        [FRUGAL, "run", "experiment=distillation", "model=auto", f"model.path={folder / 'student'}",
         "model@experiment.teacher=auto", f"experiment.teacher.path={folder / 'teacher'}", "dataset=text",
         f"dataset.files=[{folder / 'train.jsonl'}]", f"dataset.eval_files=[{folder / 'held_out.jsonl'}]",
         f"experiment.seq_len={LENGTH}", f"experiment.tokens={STEPS * SEQUENCES * LENGTH}", "experiment.batch_size=4",
         "experiment.gradient_accumulation=2", f"experiment.learning_rate={RATE}", "experiment.warmup_ratio=0.15",
         "experiment.eval_steps=5", "experiment.loss_chunk=10", "experiment.log_steps=3", f"hydra.run.dir={run}", *overrides],
        capture_output=True, text=True, timeout=250)  # fmt: skip
    if done.returncode != 0:
        raise SystemExit(f"{name}: exit {done.returncode}\n{done.stderr}")
    series = {}
    with h5py.File(run / "run.h5") as file:
        file["series"].visititems(lambda n, d: series.__setitem__(n, d["value"][:]) if isinstance(d, h5py.Dataset) else None)
        metrics = {row["name"].decode(): float(row["value"]) for row in file["metrics"][:]}
    return run, series, metrics


def divergence(model, teacher, ids):
    """log-softmax of both [B,T,V]."""
    with torch.no_grad():
        theirs = teacher(ids).logits
    return model(ids).logits.log_softmax(-1), theirs.log_softmax(-1)


def layer_distance(model, teacher, ids):
    """Zebra-Llama's loss: each layer of the model given the teacher's input, its output and its attention's against the
    teacher's."""
    seen = {id(model): [], id(teacher): []}
    handles = []
    for owner in (model, teacher):
        for layer in owner.model.layers:
            keep = lambda _m, _i, out, to=seen[id(owner)]: to.append(out[0] if isinstance(out, tuple) else out)  # noqa: E731
            handles += [layer.self_attn.register_forward_hook(keep), layer.register_forward_hook(keep)]
    with torch.no_grad():
        teacher(ids)
        inputs = [teacher.model.embed_tokens(ids), *seen[id(teacher)][1::2]]
    positions = torch.arange(ids.shape[1])[None]
    for layer, given in zip(model.model.layers, inputs):
        layer(given, position_embeddings=model.model.rotary_emb(given, positions), position_ids=positions)
    for handle in handles:
        handle.remove()
    pairs = zip(seen[id(model)], seen[id(teacher)], strict=True)
    return sum((ours - theirs).norm(dim=-1).mean() for ours, theirs in pairs)


def held_out(model, teacher, ids):
    with torch.no_grad():
        ours, theirs = (x[:, :-1].double() for x in divergence(model, teacher, ids))
    picked = ours.gather(-1, ids[:, 1:, None])
    return ((theirs.exp() * (theirs - ours)).sum(-1).mean().item(), (-picked.mean()).exp().item(),
            (ours.argmax(-1) == theirs.argmax(-1)).double().mean().item())


def train_theirs(folder, ids, eval_ids, kl_weight, ce_weight, token_mean, twin):
    load = lambda name: transformers.LlamaForCausalLM.from_pretrained(folder / name)  # noqa: E731
    model, teacher = load("student").train(), load("twin" if twin else "teacher").eval()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.98), eps=1e-8, weight_decay=0)
    schedule = transformers.get_cosine_schedule_with_warmup(optimizer, int(np.ceil(0.15 * STEPS)), STEPS)
    series = {name: [] for name in ("train/loss", "train/kl", "train/learning_rate", "train/gradient_norm")}
    evaluations = [held_out(model, teacher, eval_ids)]
    for step in range(STEPS):
        optimizer.zero_grad()
        ours, theirs = divergence(model, teacher, ids)
        kl = F.kl_div(ours, theirs.exp(), reduction="batchmean")  # over the rows of [B,T,V] only
        loss = kl_weight * (kl / LENGTH if token_mean else kl)
        if ce_weight:
            loss = loss + ce_weight * F.cross_entropy(ours[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
        if twin:
            loss = layer_distance(model, teacher, ids)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        values = loss.item(), kl.item() / LENGTH, schedule.get_last_lr()[0], norm.item()
        for name, value in zip(series, values):
            series[name].append(value)
        optimizer.step()
        schedule.step()
        if (step + 1) % 5 == 0:
            evaluations.append(held_out(model, teacher, eval_ids))
    if twin:
        del series["train/kl"]
    for i, name in enumerate(("eval/kl", "eval/perplexity", "eval/agreement")):
        series[name] = [evaluation[i] for evaluation in evaluations]
    return model, series


def compare(folder, name, ids, eval_ids, overrides=(), kl_weight=1.0, ce_weight=0.0, token_mean=False, twin=False):
    options = [*overrides, f"experiment.kl_weight={kl_weight}", f"experiment.ce_weight={ce_weight}",
               f"experiment.kl_reduction={'token' if token_mean else 'batchmean'}"]
    run, ours, metrics = train_ours(folder, name, options)
    model, theirs = train_theirs(folder, ids, eval_ids, kl_weight, ce_weight, token_mean, twin)
    for key, values in theirs.items():
        CHECKS.that(f"{name}: {key} has all its points", len(ours[key]) == len(values), f"{ours[key]} {values}")
        relative = np.abs(ours[key] - values) / np.maximum(np.abs(values), 1e-12)
        relative[np.asarray(values) == 0] = np.abs(ours[key])[np.asarray(values) == 0]
        CHECKS.worst[key] = max(CHECKS.worst.get(key, 0), float(relative.max()))
        CHECKS.that(f"{name}: {key}", relative.max() < RELATIVE, f"{ours[key]} {values}")
    saved = transformers.LlamaForCausalLM.from_pretrained(run / "model").state_dict()
    for key, value in model.state_dict().items():
        CHECKS.equal(f"{name}: {key} as saved", saved[key], value.detach(), 1e-4, "weights")
    CHECKS.that(f"{name}: tokenizer saved", (run / "model/tokenizer.json").is_file())
    learnt = ours["train/loss" if twin else "eval/kl"]
    CHECKS.that(f"{name}: it learns", learnt[-1] < 0.97 * learnt[0], learnt)
    CHECKS.that(f"{name}: counts", (metrics["steps"], metrics["passes"], metrics["trained_tokens"]) ==
                (STEPS, STEPS, STEPS * SEQUENCES * LENGTH), metrics)
    CHECKS.that(f"{name}: metrics are the last evaluation's", abs(metrics["kl"] - ours["eval/kl"][-1]) < 1e-12 and
                abs(metrics["start_kl"] - ours["eval/kl"][0]) < 1e-12, metrics)
    return ours


def main():
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        small = dict(initializer_range=0.15, max_position_embeddings=64)
        tokenizer, _ = make_model(folder / "student", False, tie_word_embeddings=True, **small)
        make_model(folder / "teacher", False, seed=3, hidden_size=64, **small)
        make_model(folder / "twin", False, seed=5, tie_word_embeddings=True, **small)
        ids, eval_ids = write_texts(folder, tokenizer)
        CHECKS.that("the text is one step", len(ids) == SEQUENCES, len(ids))
        ours = compare(folder, "kl", ids, eval_ids)
        whole = compare(folder, "whole", ids, eval_ids, ["experiment.fused_loss=false"])
        CHECKS.equal("fused and whole", ours["train/loss"], whole["train/loss"], 1e-5)
        compare(folder, "ce", ids, eval_ids, kl_weight=0.1, ce_weight=1.0)
        compare(folder, "token", ids, eval_ids, token_mean=True, kl_weight=3.0)
        compare(folder, "layers", ids, eval_ids, twin=True, overrides=["experiment.objective=layers",
                                                                       f"experiment.teacher.path={folder / 'twin'}"])
    sys.exit(CHECKS.exit_code())


if __name__ == "__main__":
    main()
