"""scripts/prepare_glue.py end to end: small Parquet files as Hugging Face lays them out -> JSONL -> our reader.

usage: prepare_glue_test.py GLUE_DUMP SCRIPT. Exit 77 (skip) without pyarrow.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError:
    print("skipped: no pyarrow")
    sys.exit(77)

DUMP, SCRIPT = sys.argv[1], sys.argv[2]
sys.path.insert(0, str(Path(SCRIPT).parent))
import prepare_glue as prepare  # noqa: E402

TEXTS = ["plain", 'quotes " and \t tabs', "line\nbreak", "caf\u00e9 \U0001f600", "", "back\\slash"]


def make(folder):
    """All nine tasks; one split of one task in two shards."""
    want = {}
    for task, columns in prepare.TEXT.items():
        for split in prepare.SPLITS[task]:
            rows = []
            for i, text in enumerate(TEXTS):
                label = float(i % 6) * 0.8 if task == "stsb" else i % prepare.CLASSES[task]
                if split.startswith("test"):
                    label = -1.0 if task == "stsb" else -1
                rows.append({**{c: f"{text} {c}" for c in columns}, "label": label, "idx": i})
            want[task, split] = rows
            kind = pa.float32() if task == "stsb" else pa.int64()
            schema = pa.schema([*((c, pa.string()) for c in columns), ("label", kind), ("idx", pa.int32())])
            parts = [rows[:2], rows[2:]] if (task, split) == ("rte", "train") else [rows]
            (folder / task).mkdir(parents=True, exist_ok=True)
            for i, part in enumerate(parts):
                pq.write_table(pa.Table.from_pylist(part, schema), folder / task / f"{split}-{i:05}-of-{len(parts):05}.parquet")
    return want


def run(*args):
    return subprocess.run([sys.executable, SCRIPT, *map(str, args)], capture_output=True, text=True)


def check_reader(root, want):
    for (task, split), rows in want.items():
        done = subprocess.run([DUMP, str(root), task, split], capture_output=True, text=True, check=True)
        got = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(got) == len(rows), (task, split, len(got))
        columns = prepare.TEXT[task]
        for ours, row in zip(got, rows):
            assert ours["sentence"] == row[columns[0]] and ours.get("pair") == (row[columns[1]] if len(columns) > 1 else None), (ours, row)
            label = None if row["label"] == -1 else round(row["label"], 3)
            assert ours["label"] == label, (ours, row)


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        source, root = folder / "parquet", folder / "root"
        want = make(source)
        done = run(source, root / "glue")
        assert done.returncode == 0, done.stderr
        check_reader(root, want)
        manifest = json.loads((root / "glue" / "MANIFEST.json").read_text())
        assert len(manifest["written"]) == 29 and len(manifest["read"]) == 30, (len(manifest["written"]), len(manifest["read"]))
        entry = manifest["written"][0]
        assert hashlib.sha256((root / "glue" / entry["path"]).read_bytes()).hexdigest() == entry["sha256"]

        shard = source / "rte" / "validation-00000-of-00001.parquet"
        table = pq.read_table(shard)
        pq.write_table(table.set_column(2, "label", pa.array([7] * table.num_rows)), shard)
        done = run(source, folder / "bad", "--tasks", "rte")
        assert done.returncode == 3 and "label 7" in done.stderr, done.stderr
        assert not (folder / "bad" / "rte" / "validation.jsonl").exists()
        pq.write_table(table.drop_columns(["sentence2"]), shard)
        done = run(source, folder / "bad", "--tasks", "rte")
        assert done.returncode == 3 and "no column sentence2" in done.stderr, done.stderr
        shard.write_bytes(b"PAR1 this is none")
        done = run(source, folder / "bad", "--tasks", "rte")
        assert done.returncode == 3 and "Traceback" not in done.stderr, done.stderr
        shard.unlink()
        done = run(source, folder / "bad", "--tasks", "rte")
        assert done.returncode == 3 and "hf download nyu-mll/glue" in done.stderr, done.stderr
        leftovers = [p for p in (folder / "bad").rglob(".*")]
        assert not leftovers, leftovers
    print(f"{len(want)} splits agree")


if __name__ == "__main__":
    main()
