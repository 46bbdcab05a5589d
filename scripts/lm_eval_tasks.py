#!/usr/bin/env python3
"""Writes lm-evaluation-harness tasks that read the official files of a data folder: JSON with the hub's columns, and a
YAML a task that takes everything else from the harness's own.

    python scripts/lm_eval_tasks.py DATA_ROOT FOLDER
    lm_eval --include_path FOLDER --tasks local_arc_easy ...

Needs lm-eval 0.4.13 installed and PyYAML. Benchmarks: arc_easy arc_challenge openbookqa piqa winogrande mmlu.
"""

import csv
import importlib.util
import json
import sys
from pathlib import Path

import yaml

HARNESS = {"arc_easy": "arc/arc_easy.yaml", "arc_challenge": "arc/arc_challenge.yaml",
           "openbookqa": "openbookqa/openbookqa.yaml", "piqa": "piqa/piqa.yaml", "winogrande": "winogrande/default.yaml"}


def json_lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def science(path):
    for row in json_lines(path):
        choices = {"text": [c["text"] for c in row["question"]["choices"]],
                   "label": [c["label"] for c in row["question"]["choices"]]}
        stem = row["question"]["stem"]
        yield {"id": row["id"], "question": stem, "question_stem": stem, "choices": choices, "answerKey": row["answerKey"]}


def piqa(folder):
    labels = (folder / "valid-labels.lst").read_text().split()
    for row, label in zip(json_lines(folder / "valid.jsonl"), labels, strict=True):
        yield {**row, "label": int(label)}


def mmlu(path, subject):
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.reader(file):
            yield {"question": row[0], "subject": subject, "choices": row[1:5], "answer": "ABCD".index(row[5])}


def rows_of(data, name):
    qa = data / "qa"
    if name in ("arc_easy", "arc_challenge"):
        return science(qa / {"arc_easy": "ARC-Easy", "arc_challenge": "ARC-Challenge"}[name] / "test.jsonl")
    if name == "openbookqa":
        return science(qa / "OpenBookQA/test.jsonl")
    if name == "piqa":
        return piqa(qa / "PIQA")
    return iter(json_lines(qa / "WinoGrande/dev.jsonl"))


def write_rows(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def write_tasks(data, folder, names, subjects, shots=5):
    """Returns the harness's task names of each benchmark."""
    folder.mkdir(parents=True, exist_ok=True)
    tasks = Path(importlib.util.find_spec("lm_eval").origin).parent / "tasks"
    made = {}
    for name in names:
        if name == "mmlu":
            made[name] = [write_mmlu(data, folder, tasks, subject, shots) for subject in subjects]
            continue
        split = "validation" if name in ("piqa", "winogrande") else "test"
        task = {"include": str(tasks / HARNESS[name]), "task": f"local_{name}", "dataset_path": "json", "dataset_name": None,
                "dataset_kwargs": {"data_files": {split: write_rows(folder / f"{name}.json", rows_of(data, name))}},
                "training_split": None, "validation_split": None, "test_split": None, f"{split}_split": split,
                "num_fewshot": 0, "tag": None}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(task))
        made[name] = [task["task"]]
    return made


def write_mmlu(data, folder, tasks, subject, shots):
    files = {split: write_rows(folder / f"{subject}_{split}.json", mmlu(data / "mmlu" / split / f"{subject}_{split}.csv", subject))
             for split in ("dev", "test")}
    task = {"include": str(tasks / "mmlu/default" / f"mmlu_{subject}.yaml"), "task": f"local_mmlu_{subject}",
            "dataset_path": "json", "dataset_name": None, "dataset_kwargs": {"data_files": files}, "num_fewshot": shots,
            "tag": None}
    (folder / f"mmlu_{subject}.yaml").write_text(yaml.safe_dump(task))
    return task["task"]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    data = Path(sys.argv[1])
    subjects = sorted(p.name.removesuffix("_test.csv") for p in (data / "mmlu/test").glob("*_test.csv"))
    made = write_tasks(data, Path(sys.argv[2]).resolve(), [*HARNESS, "mmlu"], subjects)
    print("\n".join(task for group in made.values() for task in group))


if __name__ == "__main__":
    main()
