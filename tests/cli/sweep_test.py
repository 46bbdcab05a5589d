"""The life of a sweep: its jobs, seeds, search, resumption, refusals, failures, timeouts, Ctrl-C; many runs at once."""
import json
import signal
import unittest

import h5py

from harness import CliTest, main, status

SLEEP = ["experiment=sleep", "experiment.steps=4"]


class Sweep(CliTest):
    def sweep(self, *args, folder="sweep", code=0, timeout=120):
        answer = self.call("run", "-m", *SLEEP, *args, f"hydra.sweep.dir={folder}", timeout=timeout)
        self.assertEqual(answer.code, code, answer.err)
        return answer

    def jobs(self, folder="sweep"):
        return json.loads(self.call("sweep", "status", folder, "--json").out)

    def overrides(self, folder="sweep"):
        fixed = set(SLEEP)
        return [[o for o in job["overrides"] if o not in fixed] for job in self.jobs(folder)]

    def test_product_zip_filter(self):
        self.sweep("experiment.ms=1,2,3", "seed=4,5", folder="product")
        self.assertEqual(self.overrides("product"),
                         [[f"experiment.ms={ms}", f"seed={seed}"] for ms in (1, 2, 3) for seed in (4, 5)])
        self.sweep("experiment.ms=1,2,3", "seed=4,5,6", "hydra.sweep.zip=[experiment.ms,seed]", folder="zip")
        self.assertEqual(self.overrides("zip"), [[f"experiment.ms={n}", f"seed={n + 3}"] for n in (1, 2, 3)])
        self.sweep("experiment.ms=1,2,3", "hydra.sweep.filter='experiment.ms != 2'", folder="filter")
        self.assertEqual(self.overrides("filter"), [["experiment.ms=1"], ["experiment.ms=3"]])
        nothing = self.sweep("experiment.ms=1,2", "hydra.sweep.filter='experiment.ms > 9'", folder="none", code=2)
        self.assertIn("empty_sweep", nothing.err)
        self.assertFalse((self.folder / "none").exists())
        for job in range(6):
            self.assertEqual(status(self.folder / "product" / str(job)), "done")
            self.assertIn("run:", (self.folder / "product" / str(job) / ".hydra/hydra.yaml").read_text())

    def test_subdir_names_the_folders(self):
        self.sweep("experiment.ms=1,2", "hydra.sweep.subdir='${hydra.job.num}-${hydra.job.override_dirname}'",
                   "hydra.job.config.override_dirname.exclude_keys=[experiment,experiment.steps]")
        self.assertEqual([status(self.folder / f"sweep/{n}-experiment.ms={n + 1}") for n in (0, 1)], ["done", "done"])
        self.assertIn("num: 1", (self.folder / "sweep/1-experiment.ms=2/.hydra/hydra.yaml").read_text())
        for subdir, error in (("same", "shared_folder"), ("../out", "bad_value"), ("/tmp/out", "bad_value")):
            answer = self.sweep("experiment.ms=1,2", f"hydra.sweep.subdir={subdir}", folder="none", code=2)
            self.assertIn(error, answer.err)
            self.assertFalse((self.folder / "none").exists())

    def test_seeds_are_repeated_and_aggregated(self):
        answer = self.sweep("experiment.steps=3,5", "hydra.sweep.seeds=4")
        values = {3: [], 5: []}
        for job in self.jobs():
            with h5py.File(self.folder / "sweep" / str(job["job"]) / "run.h5") as file:
                steps = 3 if "experiment.steps=3" in job["overrides"] else 5
                values[steps].append(float(file["metrics"][0]["value"]))
        with h5py.File(self.folder / "sweep/index.h5") as file:
            rows = file["aggregate"][:]
        self.assertEqual(len(rows), 2)
        for row, (steps, scores) in zip(rows, values.items()):
            self.assertEqual(row["overrides"].decode(), f"experiment=sleep experiment.steps={steps}")
            self.assertEqual((row["metric"], row["runs"], row["n"]), (b"score", 4, 4))
            import numpy
            import scipy.stats
            mean, std = numpy.mean(scores), numpy.std(scores, ddof=1)
            self.assertAlmostEqual(row["mean"], mean, 12)
            self.assertAlmostEqual(row["std"], std, 12)
            low, high = scipy.stats.t.interval(0.95, 3, mean, std / 2)
            self.assertAlmostEqual(row["ci_low"], low, 10)
            self.assertAlmostEqual(row["ci_high"], high, 10)
            self.assertIn(f"| experiment=sleep experiment.steps={steps} | score | 4 | {mean:.6g} |", answer.out)

    def test_a_failed_seed_is_counted_as_missing(self):
        self.sweep("experiment.fail_probability=0.5", "hydra.sweep.seeds=8", code=5)
        states = [job["state"] for job in self.jobs()]
        self.assertIn("failed", states)
        with h5py.File(self.folder / "sweep/index.h5") as file:
            (row,) = file["aggregate"][:]
        self.assertEqual((row["runs"], row["n"]), (8, states.count("done")))

    def test_resume_skips_what_is_done_and_refuses_another_config(self):
        first = self.sweep("experiment.ms=1,2,3")
        self.assertIn("3 done, 0 failed, 0 interrupted, 0 pending, 0 skipped", first.out)
        files = [(self.folder / f"sweep/{n}/run.h5").stat().st_mtime_ns for n in range(3)]
        self.assertIn("3 skipped", self.sweep("experiment.ms=1,2,3").out)
        self.assertEqual(files, [(self.folder / f"sweep/{n}/run.h5").stat().st_mtime_ns for n in range(3)])
        for changed in (["experiment.ms=1,2,4"], ["experiment.ms=1,2"], ["experiment.ms=1,2,3,4"]):
            self.assertIn("config_changed", self.sweep(*changed, code=2).err)
        self.assertEqual(files, [(self.folder / f"sweep/{n}/run.h5").stat().st_mtime_ns for n in range(3)])

    def test_all_jobs_are_checked_before_the_first_runs(self):
        answer = self.sweep("experiment.ms=1,2,-3", code=2)
        self.assertIn("experiment.ms", answer.err)
        self.assertFalse((self.folder / "sweep").exists())

    def test_failures_retry_and_fail_fast(self):
        self.sweep("experiment.fault=none,throw,none", code=5)
        self.assertEqual([job["state"] for job in self.jobs()], ["done", "failed", "done"])
        self.assertIn("asked_to_fail", self.jobs()[1]["reason"])
        self.sweep("experiment.fault=none,throw,none", code=5)
        self.assertEqual(self.jobs()[1]["attempts"], 1)  # again only when asked for
        self.assertEqual(self.call("sweep", "retry", "sweep").code, 5)
        self.assertEqual(self.jobs()[1]["attempts"], 2)
        self.sweep("experiment.fault=none,throw,none", "hydra.launcher.fail_fast=true", folder="fast", code=5)
        self.assertEqual([job["state"] for job in self.jobs("fast")], ["done", "failed", "pending"])
        self.sweep("experiment.fault=throw", "hydra.launcher.retries=2", folder="retries", code=5)
        self.assertEqual(self.jobs("retries")[0]["attempts"], 3)

    def test_timeout_of_a_job(self):
        self.sweep("experiment.fault=none,hang,none", "hydra.launcher.timeout_minutes=0.02", code=5)
        self.assertEqual([job["state"] for job in self.jobs()], ["done", "failed", "done"])
        self.assertTrue(self.jobs()[1]["reason"].startswith("timeout"))

    def test_ctrl_c_and_on(self):
        args = ["run", "-m", "experiment=sleep", "experiment.steps=50", "experiment.ms=500,501,502",
                "experiment.checkpoint_every=5", "hydra.sweep.dir=sweep"]
        process = self.start(*args)
        self.wait_for(lambda: list(self.folder.glob("sweep/1/checkpoints/step-*")))
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assertEqual([job["state"] for job in self.jobs()], ["done", "interrupted", "pending"])
        self.assertEqual(status(self.folder / "sweep/1"), "interrupted")
        self.assertEqual(self.call(*args).code, 0)
        alone = self.run_ok("experiment=sleep", "experiment.steps=50", "experiment.ms=501",
                            "experiment.checkpoint_every=5", "hydra.run.dir=alone")
        self.assertIn(alone.hash, self.call("results", "show", "sweep/1").out)

    def test_random_and_sobol(self):
        for sweeper in ("random", "sobol"):
            args = ["experiment.ms=interval(0,5)", f"hydra/sweeper={sweeper}", "hydra.sweeper.n_trials=6",
                    "hydra.sweeper.seed=3"]
            self.sweep(*args, folder=sweeper)
            self.sweep(*args, folder=sweeper + "2")
            self.assertEqual(self.overrides(sweeper), self.overrides(sweeper + "2"))
            self.assertEqual(len({str(o) for o in self.overrides(sweeper)}), 6)
            self.assertIn("6 skipped", self.sweep(*args, folder=sweeper).out)
            self.assertIn("unsupported_sweep", self.sweep(*args, "hydra.sweep.seeds=2", folder="no", code=2).err)

    TPE = ["experiment.array_elements=range(0,40)", "seed=range(0,30)", "hydra/sweeper=tpe", "hydra.sweeper.metric=score",
           "hydra.sweeper.direction=maximize", "hydra.sweeper.seed=5"]

    def test_tpe_goes_by_results_and_is_resumable(self):
        whole = self.sweep(*self.TPE, "hydra.sweeper.n_trials=24", folder="whole")
        scores = {}
        for job in self.jobs("whole"):
            with h5py.File(self.folder / "whole" / str(job["job"]) / "run.h5") as file:
                scores[job["job"]] = float(file["metrics"][0]["value"])
        best = max(scores, key=scores.get)
        self.assertIn(f"best score {scores[best]!r}: job ", whole.out)
        # Against the opposite direction: as the results differ, so do the questions after the random start.
        self.sweep(*[a.replace("maximize", "minimize") for a in self.TPE], "hydra.sweeper.n_trials=24", folder="down")
        up, down = self.overrides("whole"), self.overrides("down")
        self.assertEqual(up[:10], down[:10])
        self.assertNotEqual(up, down)
        # In two parts, and cut off in the middle, it asks the same.
        self.sweep(*self.TPE, "hydra.sweeper.n_trials=13", folder="parts")
        process = self.start("run", "-m", *SLEEP, *self.TPE, "hydra.sweeper.n_trials=24", "hydra.sweep.dir=parts")
        self.wait_for(lambda: (self.folder / "parts/16").exists())
        process.kill()
        process.communicate()
        self.wait_for(lambda: self.call("run", "-m", *SLEEP, *self.TPE, "hydra.sweeper.n_trials=24",
                                        "hydra.sweep.dir=parts").code == 0)
        self.assertEqual(self.overrides("parts"), up)
        changed = self.sweep(*self.TPE[:-1], "hydra.sweeper.seed=6", "hydra.sweeper.n_trials=24", folder="parts", code=2)
        self.assertIn("config_changed", changed.err)

    def test_tpe_needs_a_metric(self):
        args = [a for a in self.TPE if "metric" not in a]
        self.assertIn("hydra.sweeper.metric", self.sweep(*args, code=2).err)
        self.assertFalse((self.folder / "sweep").exists())
        wrong = self.sweep(*args, "hydra.sweeper.metric=scor", code=2)
        self.assertIn("no_metric", wrong.err)

    def test_64_runs_started_together(self):
        processes = [self.start("run", "experiment=sleep", "experiment.ms=20", f"seed={n}") for n in range(64)]
        folders = set()
        for process in processes:
            out, err = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 0, err)
            folders.add(out.splitlines()[-1])
        self.assertEqual(len(folders), 64)
        listed = json.loads(self.call("results", "ls", "outputs", "--json").out)
        self.assertEqual(sorted(run["seed"] for run in listed), list(range(64)))


if __name__ == "__main__":
    main()
