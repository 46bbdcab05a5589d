#!/usr/bin/env python3
"""Turns Hugging Face's Parquet files of GLUE into files that Frugal reads.

    hf download nyu-mll/glue --repo-type dataset --local-dir glue-parquet
    python scripts/prepare_glue.py glue-parquet DATA_ROOT/glue

writes DATA_ROOT/glue/<task>/<split>.jsonl, one object a line with the columns of the data set (labels as ids, -1 in
test splits), and DATA_ROOT/glue/MANIFEST.json: rows, bytes and SHA-256 of every file read and written. A file appears
under its name only when it is whole. Needs pyarrow (pip install pyarrow).
"""

import argparse
import hashlib
import json
import math
import os
import sys
from pathlib import Path

TEXT = {
    "cola": ["sentence"],
    "sst2": ["sentence"],
    "mrpc": ["sentence1", "sentence2"],
    "qqp": ["question1", "question2"],
    "stsb": ["sentence1", "sentence2"],
    "mnli": ["premise", "hypothesis"],
    "qnli": ["question", "sentence"],
    "rte": ["sentence1", "sentence2"],
    "wnli": ["sentence1", "sentence2"],
}
CLASSES = {task: 3 if task == "mnli" else 2 for task in TEXT if task != "stsb"}
MNLI = ["train", "validation_matched", "validation_mismatched", "test_matched", "test_mismatched"]
SPLITS = {task: MNLI if task == "mnli" else ["train", "validation", "test"] for task in TEXT}


class Problem(Exception):
    """What the user must hear; the program ends with exit code 3."""


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_shards(source, task, split):
    """Parquet files of one split, in order: <task>/<split>-00000-of-00001.parquet, or <task>/<split>.parquet."""
    return sorted((source / task).glob(f"{split}-*.parquet")) or sorted((source / task).glob(f"{split}.parquet"))


def check_row(row, task, split, place):
    for column in TEXT[task]:
        if not isinstance(row.get(column), str):
            raise Problem(f"{place}: column '{column}' is no text")
    label = row.get("label")
    if split.startswith("test") and label in (None, -1, -1.0):
        return
    if task == "stsb":
        valid = isinstance(label, float) and math.isfinite(label) and 0 <= label <= 5
    else:
        valid = isinstance(label, int) and 0 <= label < CLASSES[task]
    if not valid:
        raise Problem(f"{place}: label {label!r} is not one of {task}'s")


def convert(shards, task, split, target):
    """Writes one split; returns its number of rows."""
    import pyarrow.parquet as parquet

    columns = [*TEXT[task], "label", "idx"]
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    rows = 0
    try:
        with open(temporary, "w", encoding="utf-8", newline="\n") as out:
            for shard in shards:
                file = parquet.ParquetFile(shard)
                missing = [c for c in columns if c not in file.schema_arrow.names]
                if missing:
                    raise Problem(f"{shard}: no column {', '.join(missing)}; it has {', '.join(file.schema_arrow.names)}")
                for batch in file.iter_batches(columns=columns):
                    for row in batch.to_pylist():
                        if task == "stsb" and row["label"] is not None:
                            # Stored as 32-bit floats: 3.2 must not become 3.2000000476837158.
                            row["label"] = round(row["label"], 3)
                        check_row(row, task, split, f"{shard} row {rows}")
                        out.write(json.dumps(row, ensure_ascii=False) + "\n")
                        rows += 1
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return rows


def record(path, root, **extra):
    return {"path": str(path.relative_to(root)), "bytes": path.stat().st_size, "sha256": sha256(path), **extra}


def prepare(source, target, tasks):
    manifest = {"source": "nyu-mll/glue (Hugging Face, Parquet)", "read": [], "written": []}
    for task in tasks:
        for split in SPLITS[task]:
            shards = find_shards(source, task, split)
            if not shards:
                raise Problem(f"{source / task}: no {split}-*.parquet; get it by\n  hf download nyu-mll/glue --repo-type dataset --local-dir {source}")
            path = target / task / f"{split}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = convert(shards, task, split, path)
            manifest["read"] += [record(shard, source) for shard in shards]
            manifest["written"].append(record(path, target, rows=rows))
            print(f"{path}: {rows} rows", file=sys.stderr)
    temporary = target / f".MANIFEST.{os.getpid()}"
    temporary.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, target / "MANIFEST.json")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="folder of the download, with a folder a task")
    parser.add_argument("target", type=Path, help="folder to write to: DATA_ROOT/glue")
    parser.add_argument("--tasks", nargs="+", choices=sorted(TEXT), default=sorted(TEXT), help="default: all nine")
    arguments = parser.parse_args()
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        print("error: pyarrow is missing\n  try: pip install pyarrow", file=sys.stderr)
        return 4
    try:
        prepare(arguments.source, arguments.target, arguments.tasks)
    except Problem as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 3
    except OSError as error:  # pyarrow's own errors for damaged files are OSError or ArrowInvalid (a ValueError)
        print(f"error: {error}", file=sys.stderr)
        return 3
    except ValueError as error:
        print(f"error: a file is no Parquet file or damaged: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
