"""experiment=multiple_choice on a tiny random Llama against lm-evaluation-harness's rules written out in Python: every
pair by itself, through transformers. Few shots, ragged choices, contexts that are too long, BOS.
usage: multiple_choice_parity.py FRUGAL"""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import h5py
import numpy as np
import torch

from tiny_language import make_model, sentence

FRUGAL = sys.argv[1]
failures = []


def reference(tokenizer, model, context, continuation, max_length):
    def encode(text, special=None):
        special = not text.startswith("<s>") if special is None else special
        return tokenizer.encode(text, add_special_tokens=special).ids

    spaces = len(context) - len(context.rstrip())
    if spaces:
        continuation = context[-spaces:] + continuation
        context = context[:-spaces]
    whole, prefix = encode(context + continuation), encode(context)
    wanted = whole[len(prefix):]
    ids = (prefix + wanted)[-(max_length + 1):][:-1]
    with torch.no_grad():
        log_p = model(torch.tensor([ids])).logits[0].float().log_softmax(-1)
    return sum(log_p[len(ids) - len(wanted) + i, token].item() for i, token in enumerate(wanted))


def write_data(root):
    rng = random.Random(3)
    arc = []
    for n in range(14):
        choices = [{"text": sentence(rng, 1, 6), "label": "ABCDE"[i]} for i in range(3 + n % 3)]
        stem = sentence(rng, 3, 12) + (" " if n == 5 else "")
        arc.append({"id": f"q{n}", "question": {"stem": stem, "choices": choices}, "answerKey": "ABC"[n % 3]})
    (root / "qa/ARC-Easy").mkdir(parents=True)
    for split, rows in (("test", arc), ("train", arc[::-1])):
        (root / f"qa/ARC-Easy/{split}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    wino = [{"sentence": f"{sentence(rng, 2, 5)} _ {sentence(rng, 2, 4)}.", "option1": "light", "option2": "the planet",
             "answer": str(1 + n % 2)} for n in range(6)]
    (root / "qa/WinoGrande").mkdir()
    (root / "qa/WinoGrande/dev.jsonl").write_text("".join(json.dumps(r) + "\n" for r in wino))
    mmlu = {}
    for split, count in (("dev", 5), ("test", 9)):
        (root / "mmlu" / split).mkdir(parents=True)
        for subject in ("anatomy", "virology"):
            rows = [[sentence(rng, 3, 9), *(sentence(rng, 1, 3) for _ in range(4)), rng.choice("ABCD")] for _ in range(count)]
            mmlu[split, subject] = rows
            (root / f"mmlu/{split}/{subject}_{split}.csv").write_text("".join(",".join(f'"{c}"' for c in r) + "\n" for r in rows))
    return arc, wino, mmlu


def arc_questions(arc, shots):
    prefix = "".join(f"Question: {d['question']['stem']}\nAnswer: "
                     f"{d['question']['choices']['ABCDE'.index(d['answerKey'])]['text']}\n\n" for d in arc[::-1][:shots])
    return [([(prefix + f"Question: {d['question']['stem']}\nAnswer:", " " + c["text"], c["text"])
              for c in d["question"]["choices"]], "ABCDE".index(d["answerKey"])) for d in arc]


def wino_questions(wino):
    out = []
    for d in wino:
        before, after = d["sentence"].split("_")
        out.append(([(before + d[o], " " + after.strip(), before + d[o]) for o in ("option1", "option2")], int(d["answer"]) - 1))
    return out


def mmlu_questions(mmlu, shots):
    def prompt(row):
        return row[0] + "".join(f"\n{letter}. {text}" for letter, text in zip("ABCD", row[1:5])) + "\nAnswer:"

    out = []
    for subject in ("anatomy", "virology"):
        prefix = f"The following are multiple choice questions (with answers) about {subject}.\n\n"
        prefix += "".join(f"{prompt(r)} {r[5]}\n\n" for r in mmlu["dev", subject][:shots])
        out += [([(prefix + prompt(r), " " + letter, letter) for letter in "ABCD"], "ABCD".index(r[5]))
                for r in mmlu["test", subject]]
    return out


def compare(folder, name, tokenizer, model, questions, max_length, *overrides):
    run = folder / name
    command = [FRUGAL, "run", "experiment=multiple_choice", "model=auto", f"model.path={folder / 'model'}",
               f"data.root={folder / 'data'}", f"hydra.run.dir={run}", f"experiment.max_length={max_length}", *overrides]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, NO_COLOR="1"))
    if done.returncode != 0:
        failures.append(f"{name}: {done.stderr}")
        return
    with h5py.File(run / "run.h5") as file:
        rows = file["samples"][:]
        loglik = file["samples_loglik"][:]
        metrics = {row["name"].decode(): row["value"] for row in file["metrics"][:]}
    worst, plain, norm = 0, [], []
    for row, lists, (choices, target) in zip(rows, loglik, questions, strict=True):
        wanted = [reference(tokenizer, model, *choice[:2], max_length) for choice in choices]
        worst = max(worst, np.abs(lists[:len(wanted)] - wanted).max())
        if not np.isnan(lists[len(wanted):]).all():
            failures.append(f"{name}: {lists} is not padded with NaN")
        by_length = np.array(wanted) / [len(choice[2]) for choice in choices]
        expected = (int(np.argmax(wanted)), int(np.argmax(by_length)), target)
        if (row["prediction"], row["prediction_norm"], row["target"]) != expected:
            failures.append(f"{name}: {row} is not {expected}")
        plain.append(expected[0] == target)
        norm.append(expected[1] == target)
    if worst > 1e-4:
        failures.append(f"{name}: log-likelihoods differ by {worst}")
    for metric, value in (("acc", np.mean(plain)), ("acc_norm", np.mean(norm))):
        if abs(metrics[metric] - value) > 1e-12:
            failures.append(f"{name}: {metric} is {metrics[metric]}, not {value}")
    print(f"{name}: {len(rows)} questions, worst difference {worst:.2g}, tokens {metrics['tokens']:.0f} of "
          f"{metrics['tokens_alone']:.0f}, truncated {metrics['truncated']:.0f}")
    return metrics


def main():
    for bos in (False, True):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            tokenizer, model = make_model(folder / "model", bos)
            arc, wino, mmlu = write_data(folder / "data")
            subjects = ("dataset=mmlu", "dataset.subjects=[anatomy,virology]")
            check = lambda *a: compare(folder, a[0], tokenizer, model, *a[1:])
            check("arc", arc_questions(arc, 0), 256, "dataset=arc_easy")
            check("arc_3_shots", arc_questions(arc, 3), 256, "dataset=arc_easy", "dataset.shots=3", "experiment.batch_tokens=64")
            check("arc_alone", arc_questions(arc, 3), 256, "dataset=arc_easy", "dataset.shots=3", "experiment.share_prefixes=false")
            check("winogrande", wino_questions(wino), 256, "dataset=winogrande")
            shared = check("mmlu", mmlu_questions(mmlu, 5), 1024, *subjects, "dataset.shots=5")
            if shared and not shared["tokens"] * 5 < shared["tokens_alone"]:
                failures.append(f"sharing saves too little: {shared}")
            cut = check("mmlu_cut", mmlu_questions(mmlu, 5), 60, *subjects, "dataset.shots=5")
            if cut and cut["truncated"] != 72:
                failures.append(f"every context is longer than 60 tokens: {cut['truncated']}")
            check("limit", arc_questions(arc, 0)[:4], 256, "dataset=arc_easy", "dataset.limit=4")
    if failures:
        sys.exit("\n".join(failures[:10]))


main()
