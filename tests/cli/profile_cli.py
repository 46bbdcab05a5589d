"""experiment=profile and batch_invariant as a user runs them. usage: profile_cli.py FRUGAL

Looks at what is recorded; says nothing about how long things take.
"""
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import pandas as pd

FRUGAL = sys.argv[1]
if not Path(FRUGAL).with_name("frugal-worker-cpu").exists():
    print("built without LibTorch", file=sys.stderr)
    sys.exit(77)
QUICK = ["experiment=profile", "model=tiny_bert", "experiment.lengths=[16]", "experiment.min_samples=6",
         "experiment.max_samples=8", "experiment.min_seconds=0", "device.threads=1"]


def run(folder, *overrides):
    return subprocess.run([FRUGAL, "run", *overrides, f"hydra.run.dir={folder}"], capture_output=True, text=True,
                          timeout=200)


def profile_is_recorded(scratch):
    done = run(scratch / "p", *QUICK, "method=meft1_exact", "method@experiment.baseline=lora",
               "experiment.batch_sizes=[1,2]")
    assert done.returncode == 0, done.stderr
    with h5py.File(scratch / "p" / "run.h5") as f:
        rows = pd.DataFrame(f["samples"][:])
        metrics = pd.DataFrame(f["metrics"][:]).set_index("name")
        timing = pd.DataFrame(f["timing"][:])
        assert b"median +-0.5 % (95 %)" in f["timing"].attrs["rule"].encode(), f["timing"].attrs["rule"]
    assert len(rows) == 2 * 2 * 2 and set(rows.subject) == {b"model", b"baseline"}, rows
    assert (rows.n <= 8).all() and (rows["median"] > 0).all() and (rows.activation_memory > 0).all(), rows
    assert (rows["median"] <= rows.p90).all() and (rows.p90 <= rows.p99).all(), rows
    assert set(timing.phase) == set(rows.id), set(timing.phase) ^ set(rows.id)
    for name in [b"train_step/b2/s16/median", b"baseline/forward/b1/s16/p99", b"forward/b1/s16/speedup",
                 b"train_step/b1/s16/activation_memory", b"invalid_measurements", b"process_peak_memory"]:
        assert name in metrics.index, (name, list(metrics.index))
    assert (metrics.may_vary == 1).all(), metrics.may_vary
    steady = timing[(timing.phase == b"forward/b1/s16/model") & (timing.cold == 0) & (timing.valid == 1)]
    assert abs(metrics.loc[b"forward/b1/s16/median", "value"] - steady.ns.median() / 1e6) < 1e-9
    assert (timing.cold == 1).sum() == 3 * len(rows), "three cold calls each"


def an_interrupted_profile_starts_again(scratch):
    slow = [*QUICK, "method=full", "experiment.max_samples=100000", "experiment.min_seconds=60",
            "experiment.time_limit=120", "experiment.modes=[forward]", f"hydra.run.dir={scratch / 'i'}"]
    process = subprocess.Popen([FRUGAL, "run", *slow], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    journal, deadline = scratch / "i" / "run.journal", time.monotonic() + 60
    while b"measuring.rule" not in (journal.read_bytes() if journal.exists() else b""):
        assert time.monotonic() < deadline and process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 143, process.stderr.read()
    with h5py.File(scratch / "i" / "run.h5") as f:
        assert f.attrs["status"] == "interrupted", f.attrs["status"]


def evaluation_does_not_depend_on_the_batch(scratch):
    hashes = set()
    for batch in [1, 2, 8]:
        folder = scratch / f"b{batch}"
        done = run(folder, "experiment=smoke", "experiment.max_steps=3", "experiment.batch_invariant=true",
                   f"experiment.eval_batch_size={batch}", "dataset.train_count=64", "dataset.dev_count=40")
        assert done.returncode == 0, done.stderr
        with h5py.File(folder / "run.h5") as f:
            hashes.add((f["samples"][:].tobytes(), f["samples_logits"][:].tobytes(), f["series/selection/loss"]["value"].tobytes()))
            facts = {k.decode(): v.decode() for k, v in f["provenance"][:]}
        assert facts["evaluation.batch_policy"] == "one by one, unpadded", facts["evaluation.batch_policy"]
    assert len(hashes) == 1, "outputs differ between batch sizes"


def mistakes_are_named(scratch):
    for overrides, expected in [(["dataset=cola"], "reads no data set"), (["experiment.baseline=lora"], "method@experiment"),
                                (["experiment.modes=[backward]"], "forward and train_step"),
                                (["experiment.lengths=[64]"], "32 positions")]:
        done = run(scratch / "m", *QUICK, *overrides)
        assert done.returncode == 2 and expected in done.stderr, (overrides, done)


with tempfile.TemporaryDirectory() as folder:
    for test in [profile_is_recorded, an_interrupted_profile_starts_again, evaluation_does_not_depend_on_the_batch,
                 mistakes_are_named]:
        test(Path(folder))
