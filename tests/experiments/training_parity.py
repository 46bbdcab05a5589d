"""Fine-tuning a tiny BERT with `frugal run` equals a PyTorch loop, step for step: losses, rates, gradient norms, and the
trained weights. Every batch is the whole training set, so no order of data is in play. usage: training_parity.py FRUGAL
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
import torch
from safetensors.torch import load_file
from torch.nn import functional as F
from transformers import BertConfig, BertForSequenceClassification, get_linear_schedule_with_warmup

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "models"))
from forward_support import Checks, randomise  # noqa: E402
from optimizer_parity import decays  # noqa: E402

FRUGAL = sys.argv[1]
CHECKS = Checks()
STEPS, EXAMPLES, RATE, WARMUP = 20, 12, 2e-3, 0.1
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = SPECIAL + [f"w{chr(97 + i)}" for i in range(20)]
RELATIVE = 1e-4


def make_data(folder, labels):
    """Writes train.jsonl; returns the batch as transformers takes it."""
    rng = np.random.default_rng(3)
    rows, encoded = [], []
    for i in range(EXAMPLES):
        first, second = (rng.choice(WORDS[5:], rng.integers(1, 9)).tolist() for _ in range(2))
        label = float(np.round(rng.normal(), 3)) if labels == 1 else int(rng.integers(labels))
        rows.append({"sentence": " ".join(first), "other": " ".join(second), "label": label})
        ids = [WORDS.index(w) for w in ["[CLS]", *first, "[SEP]", *second, "[SEP]"]]
        encoded.append((ids, [0] * (len(first) + 2) + [1] * (len(second) + 1)))
    (folder / "train.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    width = max(len(ids) for ids, _ in encoded)
    pad = lambda values: torch.tensor([v + [0] * (width - len(v)) for v in values])  # noqa: E731
    return {
        "input_ids": pad([ids for ids, _ in encoded]),
        "token_type_ids": pad([types for _, types in encoded]),
        "attention_mask": pad([[1] * len(ids) for ids, _ in encoded]),
    }, torch.tensor([r["label"] for r in rows])


def make_model(folder, labels):
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
        max_position_embeddings=32, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, num_labels=labels,
    )  # fmt: skip
    model = BertForSequenceClassification(config)
    with torch.no_grad():
        randomise(model, 5)
        model.classifier.weight.mul_(0.3)
    model.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    return model.train()


def train_ours(folder, labels, steps, overrides):
    """Series by name, and the trained tensors."""
    run = folder / f"run{steps}"
    done = subprocess.run(
        [FRUGAL, "run", "experiment=text_classification", "dataset=jsonl", f"dataset.train={folder}/train.jsonl",
         f"dataset.dev={folder}/train.jsonl", "dataset.columns.pair=other", f"dataset.regression={labels == 1}",
         "model=auto", f"model.path={folder}", f"hydra.run.dir={run}", f"experiment.save_to={folder}/saved{steps}",
         f"experiment.max_steps={steps}", f"experiment.batch_size={EXAMPLES}", f"experiment.learning_rate={RATE}",
         f"experiment.warmup_ratio={WARMUP}", "experiment.keep_best=false", "experiment.final_evaluation=false",
         *overrides],
        capture_output=True, text=True, timeout=250,
    )  # fmt: skip
    if done.returncode != 0:
        raise SystemExit(f"frugal run: exit {done.returncode}\n{done.stderr}")
    series = {}
    with h5py.File(run / "run.h5") as file:
        file["series"].visititems(lambda n, d: series.__setitem__(n, d["value"][:]) if isinstance(d, h5py.Dataset) else None)
    return series, load_file(folder / f"saved{steps}" / "trained.safetensors")


class HuggingFaceAdamW:
    """transformers 4.29's AdamW, which transformers 5 no longer has."""

    def __init__(self, groups, betas, eps):
        self.param_groups = groups
        self.betas, self.eps, self.state = betas, eps, {}

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                t, m, v = self.state.get(p, (0, torch.zeros_like(p), torch.zeros_like(p)))
                t, m = t + 1, self.betas[0] * m + (1 - self.betas[0]) * p.grad
                v = self.betas[1] * v + (1 - self.betas[1]) * p.grad**2
                self.state[p] = (t, m, v)
                size = group["lr"] * (1 - self.betas[1] ** t) ** 0.5 / (1 - self.betas[0] ** t)
                p -= size * m / (v.sqrt() + self.eps)
                p -= group["lr"] * group["weight_decay"] * p


def train_theirs(model, named, batch, labels, targets, form):
    """named: trainable parameters by our names. Losses, rates and gradient norms, one a step."""
    for p in model.parameters():
        p.requires_grad_(False)
    for p in named.values():
        p.requires_grad_(True)
    groups = [
        {"params": [p for n, p in named.items() if decays(n)], "weight_decay": 0.1},
        {"params": [p for n, p in named.items() if not decays(n)], "weight_decay": 0.0},
    ]
    make = {"hf": HuggingFaceAdamW, "torch": lambda g, betas, eps: torch.optim.AdamW(g, lr=RATE, betas=betas, eps=eps)}
    optimizer = make[form]([dict(g) for g in groups], betas=(0.9, 0.98), eps=1e-6)
    warmup = int(np.ceil(WARMUP * STEPS))
    clock = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=RATE)
    factor = get_linear_schedule_with_warmup(clock, warmup, STEPS).lr_lambdas[0]
    series = {"train/loss": [], "train/learning_rate": [], "train/gradient_norm": []}
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = RATE * factor(step)
        for p in named.values():
            p.grad = None
        logits = model(**batch).logits
        loss = F.mse_loss(logits.squeeze(-1), targets.float()) if labels == 1 else F.cross_entropy(logits, targets)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(named.values(), 1.0)
        optimizer.step()
        for name, value in zip(series, (loss.item(), RATE * factor(step), norm.item())):
            series[name].append(value)
    return series


def with_lora(model, start, scale):
    """Adds W x + scale B A x to the projections that `start` names; the new parameters by our names."""
    named = {n: torch.nn.Parameter(v.clone()) for n, v in start.items() if "lora_" in n}
    for name in named:
        if not name.endswith("lora_A.weight"):
            continue
        prefix = name.removesuffix("lora_A.weight")
        a, b = named[name], named[prefix + "lora_B.weight"]
        module = model.get_submodule(prefix.removesuffix("."))
        module.register_forward_hook(lambda _m, x, out, a=a, b=b: out + scale * F.linear(F.linear(x[0], a), b))
    assert len(named) == 8, list(named)
    return named


def compare(name, folder, labels, form, overrides, choose):
    folder.mkdir()
    model = make_model(folder, labels)
    batch, targets = make_data(folder, labels)
    overrides = [*overrides, f"experiment.optimizer=adamw_{form}"]
    _, start = train_ours(folder, labels, 0, overrides)
    ours, trained = train_ours(folder, labels, STEPS, overrides)
    named = choose(model, start)
    CHECKS.that(f"{name}: the same parameters train", set(named) == set(trained), set(named) ^ set(trained))
    for n, p in named.items():
        CHECKS.that(f"{name}: {n} starts equal", torch.equal(p.detach(), start[n]))
    theirs = train_theirs(model, named, batch, labels, targets, form)
    for key, values in theirs.items():
        CHECKS.that(f"{name}: {key} has {STEPS} steps", len(ours[key]) == STEPS, len(ours[key]))
        relative = np.abs(ours[key] - values) / np.maximum(np.abs(values), 1e-12)
        relative[np.asarray(values) == 0] = np.abs(ours[key])[np.asarray(values) == 0]
        CHECKS.worst[f"{name} {key}"] = float(relative.max())
        CHECKS.that(f"{name}: {key}", relative.max() < RELATIVE, f"{ours[key]} {values}")
    for n, p in named.items():
        CHECKS.equal(f"{name}: {n} trained", trained[n].numpy(), p.detach().numpy(), RELATIVE, "weights")
    moved = max((trained[n] - start[n]).abs().max().item() for n in trained)
    CHECKS.that(f"{name}: training does something", moved > 1e-3 and theirs["train/loss"][-1] < theirs["train/loss"][0])


def main():
    torch.set_num_threads(2)
    head = lambda n: n.startswith("classifier")  # noqa: E731

    def full(model, _start):
        return dict(model.named_parameters())

    def bitfit(model, _start):
        return {n: p for n, p in model.named_parameters() if head(n) or (n.endswith("bias") and "pooler" not in n)}

    def lora(model, start):
        return {**with_lora(model, start, 16 / 8), **{n: p for n, p in model.named_parameters() if head(n)}}

    with tempfile.TemporaryDirectory() as root:
        root = Path(root)
        compare("full", root / "full", 3, "torch", ["method=full"], full)
        compare("full, regression", root / "regression", 1, "hf", ["method=full"], full)
        compare("bitfit", root / "bitfit", 2, "hf", ["method=bitfit"], bitfit)
        compare("lora", root / "lora", 2, "hf", ["method=lora", "method.dropout=0"], lora)
        checkpointed = ["method=lora_checkpointing", "method.dropout=0"]
        compare("lora, checkpointing", root / "checkpointing", 2, "torch", checkpointed, lora)
    sys.exit(CHECKS.exit_code())


if __name__ == "__main__":
    main()
