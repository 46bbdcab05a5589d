"""experiment=preference equals DPO in PyTorch over transformers models, step for step: losses, margins, rates, gradient norms,
held-out loss, saved weights; prompts and answers that are too long. Every step sees all pairs. usage:
preference_parity.py FRUGAL"""
import json
import math
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
STEPS, PAIRS, RATE, BETA, LONGEST, LONGEST_PROMPT, RELATIVE = 8, 8, 1e-3, 0.1, 40, 16, 1e-5


def tokenized(tokenizer, pair):
    prompt = [0] + tokenizer.encode(pair["prompt"]).ids
    answers = [tokenizer.encode(pair[name]).ids + [1] for name in ("chosen", "rejected")]
    longest = max(map(len, answers))
    if len(prompt) + longest > LONGEST:
        prompt = prompt[-LONGEST_PROMPT:]
    if len(prompt) + longest > LONGEST:
        answers = [answer[:LONGEST - LONGEST_PROMPT] for answer in answers]
    return prompt, answers


def scores(model, pairs):
    """log p of chosen and rejected answers [2][B]."""
    out = []
    for which in (0, 1):
        rows = []
        for prompt, answers in pairs:
            ids = torch.tensor([prompt + answers[which]])
            log_p = model(ids).logits[0, :-1].log_softmax(-1)
            rows.append(log_p.gather(1, ids[0, 1:, None])[len(prompt) - 1:].sum())
        out.append(torch.stack(rows))
    return out


def margins(model, reference, pairs):
    with torch.no_grad():
        was = scores(reference, pairs)
    now = scores(model, pairs)
    return BETA * ((now[0] - was[0]) - (now[1] - was[1]))


def train_theirs(folder, pairs, held_out):
    load = lambda: transformers.LlamaForCausalLM.from_pretrained(folder / "model")  # noqa: E731
    model, reference = load().train(), load().eval()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.999), eps=1e-8, weight_decay=0)
    schedule = transformers.get_cosine_schedule_with_warmup(optimizer, int(np.ceil(0.1 * STEPS)), STEPS)
    series = {f"train/{name}": [] for name in ("loss", "margin", "accuracy", "learning_rate", "gradient_norm")}
    evaluate = lambda: -F.logsigmoid(margins(model, reference, held_out)).mean().item()  # noqa: E731
    series["eval/loss"] = [evaluate()]
    for step in range(STEPS):
        optimizer.zero_grad()
        margin = margins(model, reference, pairs)
        loss = -F.logsigmoid(margin).mean()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        values = loss, margin.mean(), (margin > 0).double().mean(), schedule.get_last_lr()[0], norm
        for name, value in zip(list(series)[:5], values):
            series[name].append(float(torch.as_tensor(value).detach()))
        optimizer.step()
        schedule.step()
        if (step + 1) % 4 == 0:
            series["eval/loss"].append(evaluate())
    return model, series, margins(model, reference, held_out)


def call(folder, name, *overrides):
    run = folder / name
    return run, subprocess.run(
        [FRUGAL, "run", "experiment=preference", "model=auto", f"model.path={folder / 'model'}", "dataset=preferences",
         f"dataset.files=[{folder / 'train.jsonl'}]", f"dataset.eval_files=[{folder / 'held_out.jsonl'}]",
         f"experiment.passes={STEPS}", "experiment.batch_size=4", "experiment.gradient_accumulation=2",
         f"experiment.learning_rate={RATE}", f"experiment.beta={BETA}", f"experiment.max_length={LONGEST}",
         f"experiment.max_prompt_length={LONGEST_PROMPT}", "experiment.eval_steps=4", "experiment.log_steps=3",
         f"hydra.run.dir={run}", *overrides], capture_output=True, text=True, timeout=250)  # fmt: skip


def compare(folder, tokenizer, pairs):
    encoded = {name: [tokenized(tokenizer, pair) for pair in part] for name, part in pairs.items()}
    lengths = [len(prompt) for part in encoded.values() for prompt, _ in part]
    CHECKS.that("prompts are cut, and not all", LONGEST_PROMPT in lengths and max(lengths) > LONGEST_PROMPT, lengths)
    run, done = call(folder, "run")
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    ours = {}
    with h5py.File(run / "run.h5") as file:
        file["series"].visititems(lambda n, d: ours.__setitem__(n, d["value"][:]) if isinstance(d, h5py.Dataset) else None)
        metrics = {row["name"].decode(): float(row["value"]) for row in file["metrics"][:]}
        samples = file["samples"][:]
    model, theirs, last = train_theirs(folder, encoded["train"], encoded["held_out"])
    for key, values in theirs.items():
        CHECKS.equal(key, ours[key], values, RELATIVE, key)
    CHECKS.equal("the first loss", ours["train/loss"][0], math.log(2), 1e-7, "ln 2")
    CHECKS.that("it learns", ours["train/loss"][-1] < 0.9 * ours["train/loss"][0], ours["train/loss"])
    CHECKS.equal("held-out margins", samples["margin"], last.detach(), 1e-4)
    CHECKS.equal("accuracy", metrics["accuracy"], (last > 0).double().mean(), 1e-12)
    saved = transformers.LlamaForCausalLM.from_pretrained(run / "model").state_dict()
    for key, value in model.state_dict().items():
        CHECKS.equal(f"{key} as saved", saved[key], value.detach(), 1e-4, "weights")


def check_conversations(folder, tokenizer):
    """Conversations are the texts that the template makes of them."""
    chat = lambda *contents: [{"role": r, "content": c} for r, c in zip(("user", "assistant"), contents)]  # noqa: E731
    part = "<|im_start|>{}\n{}<|im_end|>\n".format
    rows, texts = [], []
    for n in range(PAIRS):
        ask, good, bad = f"why {n}", f"metals {n}", "light"
        rows.append({"prompt": "not read", "chosen": chat(ask, good), "rejected": chat(ask, bad)})
        texts.append({"prompt": part("user", ask), "chosen": part("assistant", good), "rejected": part("assistant", bad)})
    losses = []
    for name, lines in (("chats", rows), ("texts", texts)):
        path = folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        run, done = call(folder, name, f"dataset.files=[{path}]", f"dataset.eval_files=[{path}]",
                         "dataset.chat_template=chatml", "experiment.passes=2", "experiment.save_to=none")
        if done.returncode != 0:
            raise SystemExit(done.stderr)
        with h5py.File(run / "run.h5") as file:
            losses.append(file["series/train/loss"]["value"][:])
    CHECKS.that("conversations are their texts", np.array_equal(*losses), losses)
    other = json.dumps({"chosen": chat("one", "a"), "rejected": chat("two", "b")}) + "\n"
    for name, line, code, error in (("other", other, 3, "dataset_row"), ("keys", '{"chosen": "x"}\n', 2, "column_unknown"),
                                    ("kinds", '{"prompt": "x", "chosen": "x", "rejected": 1}\n', 3, "dataset_row")):
        (folder / f"{name}.jsonl").write_text(line)
        _, done = call(folder, name, f"dataset.files=[{folder / name}.jsonl]", "dataset.chat_template=chatml")
        CHECKS.that(f"refused: {name}", done.returncode == code and f"({error})" in done.stderr, done.stderr)
    _, done = call(folder, "few", "experiment.batch_size=100")
    CHECKS.that("refused: few", done.returncode == 3 and "(too_few_pairs)" in done.stderr, done.stderr)


def main():
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        tokenizer, _ = make_model(folder / "model", False, max_position_embeddings=64, initializer_range=0.15)
        rng = random.Random(9)
        pair = lambda: {"prompt": sentence(rng, 3, 25), "chosen": sentence(rng, 2, 20),  # noqa: E731
                        "rejected": sentence(rng, 2, 20)}
        pairs = {"train": [pair() for _ in range(PAIRS)], "held_out": [pair() for _ in range(5)]}
        for part, rows in pairs.items():
            (folder / f"{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        compare(folder, tokenizer, pairs)
        check_conversations(folder, tokenizer)
    sys.exit(CHECKS.exit_code())


if __name__ == "__main__":
    main()
