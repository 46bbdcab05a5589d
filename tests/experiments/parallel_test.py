"""Runs of several ranks on the CPU: they compute what one process computes, ranks that die or hang end the run with their
name, a run goes on with another number of ranks, and settings that cannot be are said."""
import json
import math
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np
from safetensors.numpy import load_file

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "cli")]
from harness import FRUGAL, CliTest, contents, main, status  # noqa: E402
from tiny_language import make_model, sentence  # noqa: E402

# Relative, over 20 steps in fp32; measured: 1.2e-7 (losses), 1.3e-6 (weights, absolute, of up to 1). Each rank's products
# have other shapes than the whole batch's, and so round otherwise.
LOSSES, WEIGHTS = 1e-6, 1e-5


def provenance(run):
    with h5py.File(run / "run.h5") as file:
        return {row["key"].decode(): row["value"].decode() for row in file["provenance"][:]}


def worker_ranks(run):
    """{rank: pid} of the workers that mpirun started for this run's front end."""
    found = {}
    for folder in pathlib.Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and "frugal-worker-mpi" in os.readlink(folder / "exe"):
                environment = (folder / "environ").read_bytes()
                if f"FRUGAL_TEST_RUN={run}".encode() in environment:
                    found[int(re.search(rb"OMPI_COMM_WORLD_RANK=(\d+)", environment)[1])] = int(folder.name)
        except (OSError, TypeError):
            continue
    return found


class Parallel(CliTest):
    @classmethod
    def setUpClass(cls):
        cls.inputs_folder = tempfile.TemporaryDirectory(prefix="frugal-parallel-")
        cls.inputs = pathlib.Path(cls.inputs_folder.name)
        make_model(cls.inputs / "student", False, max_position_embeddings=64, initializer_range=0.1)
        make_model(cls.inputs / "teacher", False, seed=3, hidden_size=64, max_position_embeddings=64)
        rng = random.Random(5)
        text = "".join(json.dumps({"text": sentence(rng, 5, 30)}) + "\n" for _ in range(120))
        (cls.inputs / "text.jsonl").write_text(text)

    @classmethod
    def tearDownClass(cls):
        cls.inputs_folder.cleanup()

    def setUp(self):
        super().setUp()
        self.base = ["experiment=distillation", "model=auto", f"model.path={self.inputs / 'student'}", "dataset=text",
                     f"dataset.files=[{self.inputs / 'text.jsonl'}]", "dataset.held_out=0.1", "experiment.seq_len=32",
                     "experiment.batch_size=6", "experiment.gradient_accumulation=2", "experiment.learning_rate=5e-3",
                     "experiment.log_steps=3", "experiment.eval_steps=7", "device.threads=1"]
        self.taught = [*self.base, "model@experiment.teacher=auto", f"experiment.teacher.path={self.inputs / 'teacher'}",
                       f"experiment.tokens={20 * 12 * 32}"]
        self.endless = [*self.taught[:-1], "experiment.tokens=1000000000", "experiment.checkpoint_steps=10",
                        "experiment.eval_steps=1000000000"]

    def expect_same(self, one, other, losses=LOSSES, weights=WEIGHTS):
        samples, series, metrics = contents(self.folder / one)
        found_samples, found, found_metrics = contents(self.folder / other)
        self.assertEqual(series.keys(), found.keys())
        for name, points in series.items():
            self.assertEqual([step for step, _ in points], [step for step, _ in found[name]], name)
            if name != "train/tokens_per_second":
                for (step, value), (_, ours) in zip(points, found[name]):
                    self.assertTrue(math.isclose(value, ours, rel_tol=losses, abs_tol=1e-12), f"{name} {step} {value} {ours}")
        self.assertEqual([row[0] for row in samples], [row[0] for row in found_samples])
        for row, ours in zip(samples, found_samples):
            np.testing.assert_allclose([float(x) for x in ours[1:]], [float(x) for x in row[1:]], rtol=1e-4, atol=1e-4)
        for name in ("trained_tokens", "passes", "steps", "best_step", "parameters"):
            if name in metrics:
                self.assertEqual(metrics[name], found_metrics[name], name)
        if (self.folder / one / "model").exists():
            whole, ours = (load_file(self.folder / run / "model/model.safetensors") for run in (one, other))
            for name, value in whole.items():
                np.testing.assert_allclose(ours[name], value, rtol=0, atol=weights, err_msg=name)

    def refused(self, code, error, *overrides, also=(), env=None, run="refused"):
        begin = time.monotonic()
        answer = self.call("run", *overrides, f"hydra.run.dir={run}", env=env, timeout=60)
        self.assertEqual(answer.code, code, answer.err)
        for text in (f"({error})", *also):
            self.assertIn(text, answer.err)
        self.assertLess(time.monotonic() - begin, 50)
        return answer.err

    def start_endless(self, ranks, run, *overrides):
        """A run under way: its process, once there is a checkpoint, and the pids of its ranks."""
        process = self.start("run", *self.endless, f"parallel.ranks={ranks}", f"hydra.run.dir={run}", *overrides,
                             env={"FRUGAL_TEST_RUN": f"{self.folder}/{run}."})
        checkpoints = self.folder / run / "checkpoints"
        self.wait_for(lambda: process.poll() is not None or (checkpoints.is_dir() and any(checkpoints.glob("step-*"))), 60)
        self.assertIsNone(process.poll(), process.stderr.read() if process.poll() is not None else "")
        pids = worker_ranks(f"{self.folder}/{run}.")
        self.assertEqual(sorted(pids), list(range(ranks)))
        return process, pids

    def expect_gone(self, pids):
        self.wait_for(lambda: not any(pathlib.Path(f"/proc/{pid}/exe").exists() for pid in pids.values()), 20)

    def test_ranks_compute_what_one_computes(self):
        self.run_ok(*self.taught, "hydra.run.dir=one")
        self.assertFalse(any(key.startswith("parallel") for key in provenance(self.folder / "one")))
        for ranks in (2, 3):
            with self.subTest(ranks=ranks):
                run = self.folder / f"ranks{ranks}"
                answer = self.run_ok(*self.taught, f"parallel.ranks={ranks}", f"hydra.run.dir={run}")
                self.expect_same("one", run)
                self.assertEqual(answer.out.count("content hash"), 1, "one rank prints")
                self.assertEqual(provenance(run)["parallel.ranks"], str(ranks))
                self.assertEqual(provenance(run)["parallel.backend"], "mpi")
                self.assertEqual(sorted(path.name for path in (run / "ranks").iterdir()),
                                 [f"{rank}.log" for rank in range(1, ranks)])
                self.assertIn(f"rank 1 of {ranks}", (run / "ranks/1.log").read_text())
                if ranks == 3:
                    again = self.run_ok(*self.taught, "parallel.ranks=3", f"hydra.run.dir={run}b")
                    self.assertEqual(again.hash, answer.hash, "the same number of ranks repeats itself")

    def test_other_objectives(self):
        for name, more in (("layers", ["experiment.objective=layers",
                                       f"experiment.teacher.path={self.inputs / 'student'}",
                                       "experiment.learning_rate=1e-4"]),
                           ("ce", ["experiment.ce_weight=1", "experiment.kl_reduction=token", "experiment.fused_loss=false"]),
                           ("best", ["experiment.keep=best", "experiment.learning_rate=0.3", "experiment.eval_steps=3",
                                     f"experiment.tokens={6 * 12 * 32}", "experiment.trace=true"])):
            with self.subTest(name):
                # A rate that throws weights about throws roundings about, too.
                loose = dict(losses=1e-3, weights=1e-2) if name == "best" else {}
                self.run_ok(*self.taught, *more, f"hydra.run.dir={name}1")
                self.run_ok(*self.taught, *more, "parallel.ranks=2", f"hydra.run.dir={name}2")
                self.expect_same(f"{name}1", f"{name}2", **loose)

    def test_preference(self):
        rng = random.Random(9)
        for name, count in (("train", 40), ("test", 11)):
            (self.folder / f"{name}.jsonl").write_text("".join(
                json.dumps({"prompt": sentence(rng, 2, 9), "chosen": sentence(rng, 3, 12), "rejected": sentence(rng, 3, 12)})
                + "\n" for _ in range(count)))
        run = ["experiment=preference", "model=auto", f"model.path={self.inputs / 'student'}", "dataset=preferences",
               f"dataset.files=[{self.folder / 'train.jsonl'}]", f"dataset.eval_files=[{self.folder / 'test.jsonl'}]",
               "experiment.batch_size=4", "experiment.gradient_accumulation=2", "experiment.learning_rate=1e-3",
               "experiment.beta=0.5", "experiment.max_length=48", "experiment.max_prompt_length=24", "experiment.passes=2",
               "experiment.eval_steps=4", "device.threads=1"]
        self.run_ok(*run, "hydra.run.dir=one")
        self.run_ok(*run, "parallel.ranks=2", "hydra.run.dir=two")
        # Losses near ln 2, margins near 0: sums of log-probabilities of about -100, in fp32.
        self.expect_same("one", "two", losses=1e-4)

    def test_goes_on_with_another_number(self):
        run = [*self.taught, "experiment.checkpoint_steps=4"]
        self.run_ok(*run, "hydra.run.dir=whole")
        for first, second in ((3, 1), (1, 2)):
            with self.subTest(f"{first} ranks, then {second}"):
                folder = self.folder / f"from{first}"
                killed = self.call("run", *run, f"parallel.ranks={first}", f"hydra.run.dir={folder}",
                                   env={"FRUGAL_FAULT": "checkpoint.publish:3"})
                self.assertEqual(killed.code, 5, killed.err)
                self.assertEqual(status(folder), "interrupted")
                answer = self.run_ok(*run, f"parallel.ranks={second}", f"hydra.run.dir={folder}")
                self.assertIn("resumed at step 8", answer.err)
                self.expect_same("whole", folder)
                self.assertEqual(provenance(folder)["parallel.ranks"], str(second))

    def test_a_signal_stops_all_at_one_step(self):
        process, pids = self.start_endless(2, "asked")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 143, errors)
        self.assertEqual(status(self.folder / "asked"), "interrupted")
        self.expect_gone(pids)
        steps = [int(path.name[5:]) for path in (self.folder / "asked/checkpoints").iterdir()]
        self.assertEqual(contents(self.folder / "asked")[1]["train/loss"][-1][0] + 1, max(steps))

    def test_a_killed_rank_ends_the_run(self):
        for rank in (0, 1):
            with self.subTest(rank=rank):
                run = f"killed{rank}"
                process, pids = self.start_endless(3, run)
                begin = time.monotonic()
                os.kill(pids[rank], signal.SIGKILL)
                _, errors = process.communicate(timeout=60)
                self.assertLess(time.monotonic() - begin, 20)
                self.assertEqual(process.returncode, 5, errors)
                self.assertIn(f"rank {rank} on {os.uname().nodename} ended in the middle of the run (rank_ended)", errors)
                if rank == 1:
                    self.assertIn("ranks/1.log", errors)
                self.expect_gone(pids)
                self.assertEqual(status(self.folder / run), "interrupted", "it can go on")

    def test_ranks_die_with_their_front_end(self):
        process, pids = self.start_endless(2, "orphans")
        process.kill()
        process.communicate(timeout=60)
        self.expect_gone(pids)

    def test_a_hanging_rank_is_told(self):
        process, pids = self.start_endless(2, "hangs", "parallel.timeout_minutes=0.05")
        os.kill(pids[1], signal.SIGSTOP)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 5, errors)
        self.assertIn("lost_rank", errors)
        self.assertIn("timeout_minutes", errors)
        self.expect_gone(pids)
        self.assertEqual(status(self.folder / "hangs"), "interrupted")

    def test_a_rank_that_fails_says_why(self):
        err = self.refused(5, "loss_not_finite", *self.taught, "parallel.ranks=2", "experiment.learning_rate=1e30",
                           "experiment.warmup_ratio=0")
        self.assertNotIn("rank 1", err, "all ranks see it: rank 0 says it")
        self.assertEqual(status(self.folder / "refused"), "failed")
        # Only ranks beside 0 meet this one.
        self.refused(5, "fault", *self.taught, "parallel.ranks=2", env={"FRUGAL_FAULT": "worker.follow:1:throw"},
                     also=(f"rank 1 on {os.uname().nodename}: ", "worker.follow"), run="one_fails")
        self.assertEqual(status(self.folder / "one_fails"), "failed")

    def test_launched_by_mpirun(self):
        mpirun = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n"]

        def launch(processes, *overrides):
            return subprocess.run([*mpirun, str(processes), FRUGAL, "run", *self.taught, *overrides], cwd=self.folder,
                                  capture_output=True, text=True, timeout=120)
        self.run_ok(*self.taught, "parallel.ranks=2", "hydra.run.dir=own")
        whole = launch(2, "parallel.ranks=2", "hydra.run.dir=outside")
        self.assertEqual(whole.returncode, 0, whole.stderr)
        self.assertEqual(whole.stdout.count("content hash"), 1)
        self.expect_same("own", "outside", losses=0, weights=0)
        for ranks in (1, 3):
            wrong = launch(2, f"parallel.ranks={ranks}", "hydra.run.dir=wrong")
            self.assertNotEqual(wrong.returncode, 0)
            self.assertIn("(ranks_differ)", wrong.stderr)

    def test_bad_settings(self):
        self.refused(2, "batch_not_divisible", *self.taught, "parallel.ranks=4", also=("experiment.batch_size=8",))
        self.refused(2, "bad_value", *self.taught, "parallel.ranks=0")
        self.refused(2, "ranks_not_supported", "experiment=smoke", "parallel.ranks=2", also=("distillation", "preference"))
        self.refused(2, "ranks_differ", *self.taught, "parallel.ranks=2", env={"RANK": "0", "WORLD_SIZE": "3"}, also=("3",))
        self.refused(2, "ranks_differ", *self.taught, env={"RANK": "0", "WORLD_SIZE": "3"})
        self.refused(2, "wrong_launcher", *self.taught, "parallel.ranks=2", env={"RANK": "0", "WORLD_SIZE": "2"}, also=("mpirun",))
        self.refused(2, "bad_rank", *self.taught, "parallel.ranks=2", env={"RANK": "2", "WORLD_SIZE": "2"})
        self.refused(4, "no_mpirun", *self.taught, "parallel.ranks=2", env={"PATH": "/nowhere"}, also=("openmpi-bin",))
        self.refused(2, "model_not_found", *self.taught, "parallel.ranks=2", "model.path=nowhere", run="no_model")
        self.refused(2, "ranks_in_sweep", "-m", *self.taught, "parallel.ranks=2", "seed=1,2")


if __name__ == "__main__":
    main()
