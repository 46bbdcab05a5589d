"""What the command-line tests share: calling frugal, reading its files, one temporary folder a test."""
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

import h5py

BUILD = pathlib.Path(os.environ["FRUGAL_BUILD"])
FRUGAL = str(BUILD / "frugal")
HAS_TORCH = (BUILD / "frugal-worker-cpu").exists()
# A short training run of the tiny encoder, with checkpoints.
SMOKE = ["experiment=smoke", "experiment.max_steps=48", "dataset.train_count=256", "dataset.dev_count=64",
         "experiment.checkpoint_steps=8"]
# 40 steps of 10 ms, no tensors.
SLEEP = ["experiment=sleep", "experiment.ms=400", "experiment.steps=40", "experiment.checkpoint_every=6",
         "experiment.array_elements=30000"]


class Answer:
    def __init__(self, process):
        self.code, self.out, self.err = process.returncode, process.stdout, process.stderr

    @property
    def hash(self):
        lines = [line for line in self.out.splitlines() if line.startswith("content hash ")]
        return lines[0].split()[-1] if lines else None


class CliTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="frugal-cli-")
        self.folder = pathlib.Path(self.temporary.name)

    def tearDown(self):
        self.temporary.cleanup()

    def call(self, *args, env=None, timeout=120):
        return Answer(subprocess.run([FRUGAL, *map(str, args)], cwd=self.folder, capture_output=True, text=True,
                                     timeout=timeout, env={**os.environ, **(env or {})}))

    def start(self, *args, env=None):
        return subprocess.Popen([FRUGAL, *map(str, args)], cwd=self.folder, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})})

    def run_ok(self, *args, **kwargs):
        answer = self.call("run", *args, **kwargs)
        self.assertEqual(answer.code, 0, answer.err)
        return answer

    def wait_for(self, condition, seconds=30):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, "waited in vain")
            time.sleep(0.01)


def status(folder):
    with h5py.File(folder / "run.h5") as file:
        return file.attrs["status"] if isinstance(file.attrs["status"], str) else file.attrs["status"].decode()


def attribute(folder, name):
    with h5py.File(folder / "run.h5") as file:
        value = file.attrs[name]
        return value if isinstance(value, str) else value.decode()


def contents(folder):
    """The samples, series values and metrics of a run, as lists and dicts."""
    with h5py.File(folder / "run.h5") as file:
        samples = [tuple(row) for row in file["samples"][:]] if "samples" in file else []
        series = {}

        def visit(name, item):
            if isinstance(item, h5py.Dataset):
                series[name] = list(zip(item["step"].tolist(), item["value"].tolist()))

        if "series" in file:
            file["series"].visititems(visit)
        metrics = {row["name"].decode(): float(row["value"]) for row in file["metrics"][:]}
    return samples, series, metrics


def worker_of(front_end):
    """The pid of the front end's worker, or None."""
    try:
        children = pathlib.Path(f"/proc/{front_end}/task/{front_end}/children").read_text().split()
    except OSError:
        return None
    for child in children:
        try:
            if "frugal-worker" in os.readlink(f"/proc/{child}/exe"):
                return int(child)
        except OSError:
            continue
    return None


def main():
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]], verbosity=1)
