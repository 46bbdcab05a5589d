"""`frugal table` end to end on a table of the smoke experiment: runs, reuse, statuses, formats, checks, exit codes.

usage: table.py FRUGAL
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import h5py

FRUGAL = sys.argv[1]
FAILURES = []

SPEC = """\
caption: methods on the smoke task
experiment: smoke
overrides: [experiment.max_steps=4, dataset.train_count=32, dataset.dev_count=16, device.threads=1]
seeds: [0, 1]
baselines: [full]
tuning: {seed: 9}
rows:
  - {name: full, overrides: [method=full]}
  - {name: lora, overrides: [method=lora], tune: {experiment.learning_rate: [1e-3, 3e-3]}}
  - {name: meft, overrides: [method=meft1_exact]}
  - {name: absent, overrides: [model=auto, model.path=nobody/nothing]}
  - {name: hub, overrides: [method=full], status: needs-device, reason: eight GPUs}
columns:
  - {name: accuracy, unit: "%", factor: 100}
  - {name: steps}
  - {name: gradient_error, digits: 4}
checks:
  - {row: full, column: steps, at_least: 4, at_most: 4}
"""


def check(name, good, detail=""):
    if not good:
        FAILURES.append(name)
        print(f"FAILED {name}: {detail}")


def table(folder, *args):
    run = subprocess.run([FRUGAL, "table", "smoke.yaml", "-o", "out", *args], cwd=folder, capture_output=True, text=True)
    return run.returncode, run.stdout, run.stderr


def main(folder):
    (folder / "smoke.yaml").write_text(SPEC)
    code, out, err = table(folder, "--format", "json")
    made = json.loads(out)
    cells = {row["name"]: row["cells"] for row in made["rows"]}
    check("exit code", code == 0, f"{code} {err}")
    check("two seeds", len(cells["full"]["accuracy"]["values"]) == 2, cells["full"])
    check("a run's metric", cells["full"]["steps"]["values"] == [4, 4], cells["full"])
    check("scale", cells["full"]["accuracy"]["status"] == "small-scale", cells["full"])
    check("tuned", cells["lora"]["accuracy"].get("chosen", "").startswith("experiment.learning_rate="), cells["lora"])
    check("no such figure", cells["full"]["gradient_error"]["values"] == [], cells["full"])
    check("own backward pass", len(cells["meft"]["gradient_error"]["values"]) == 2, cells["meft"])
    check("exact gradients", max(cells["meft"]["gradient_error"]["values"]) < 1e-2, cells["meft"])
    check("paired difference", "full" in cells["lora"]["accuracy"]["versus"], cells["lora"])
    check("needs weights", cells["absent"]["accuracy"]["status"] == "needs-weights", cells["absent"])
    check("hf download", "hf download nobody/nothing" in cells["absent"]["accuracy"]["reason"], cells["absent"])
    check("declared status", cells["hub"]["accuracy"]["status"] == "needs-device", cells["hub"])
    runs = sorted((folder / "out/runs").iterdir())
    check("one folder a config that can run", len(runs) == 2 + 2 + 2 + 2, [r.name for r in runs])

    stamps = {run: (run / "run.h5").stat().st_mtime_ns for run in runs if (run / "run.h5").exists()}
    code, out, err = table(folder, "--check")
    done = [run for run in stamps if h5py.File(run / "run.h5").attrs["status"] == b"done"
            or h5py.File(run / "run.h5").attrs["status"] == "done"]
    same = all((run / "run.h5").stat().st_mtime_ns == stamps[run] for run in done)
    check("nothing done is done again", same and len(done) == 8, f"{len(done)} done")
    check("check holds", code == 0, f"{code} {out}")
    check("markdown", "| lora" in out and "needs-weights" in out, out)

    with h5py.File(folder / "out/table.h5") as file:
        check("table.h5", len(file["cells"]) == 5 * 3 and len(file["runs"]) == 6, list(file))
    check("table.md", (folder / "out/table.md").read_text() == out)

    code, out, _ = table(folder, "--row", "full", "--format", "csv", "--no-run")
    check("row pattern", code == 0 and out.count("\n") == 1 + 3, out)
    code, _, err = table(folder, "--row", "nothing")
    check("no such row", code == 2 and "unknown_row" in err, err)
    code, _, err = table(folder, "--format", "xml")
    check("no such format", code == 2 and "bad_format" in err, err)
    code, _, err = table(folder, "--scale", "full")
    check("no such scale", code == 2 and "small" in err, err)
    (folder / "smoke.yaml").write_text(SPEC.replace("at_least: 4, at_most: 4", "at_least: 5"))
    code, out, _ = table(folder, "--row", "full", "--check")
    check("a check that does not hold", code == 1 and "does not hold" in out, f"{code} {out}")
    (folder / "smoke.yaml").write_text(SPEC.replace("method=lora", "method=laro"))
    code, _, err = table(folder)
    check("a row that cannot be composed", code == 2 and "laro" in err, f"{code} {err}")


with tempfile.TemporaryDirectory() as temporary:
    main(pathlib.Path(temporary))
sys.exit(1 if FAILURES else 0)
