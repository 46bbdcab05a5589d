"""The life of one run: repeated, refused, resumed, stopped by signals and faults, failed with a reason."""
import math
import os
import pathlib
import signal
import unittest

from harness import HAS_TORCH, SLEEP, SMOKE, CliTest, attribute, contents, main, status, worker_of

RUNS = [SLEEP, SMOKE] if HAS_TORCH else [SLEEP]
EXIT_CODES = {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGUSR1: 85}


def environment(pid):
    return pathlib.Path(f"/proc/{pid}/environ").read_bytes() if pid else b""


class Run(CliTest):
    def unbroken(self, overrides):
        return self.run_ok(*overrides, "hydra.run.dir=unbroken").hash

    def test_the_same_config_gives_the_same_content(self):
        for n, overrides in enumerate(RUNS):
            first = self.run_ok(*overrides, f"hydra.run.dir={n}a")
            self.assertEqual(first.hash, self.run_ok(*overrides, f"hydra.run.dir={n}b").hash)
            self.assertNotEqual(first.hash, self.run_ok(*overrides, f"hydra.run.dir={n}c", "seed=1").hash)

    def test_sleep_needs_no_folder_name_and_no_libtorch(self):
        answer = self.run_ok("experiment=sleep", "experiment.ms=50")
        self.assertEqual(status((self.folder / answer.out.splitlines()[-1]).parent), "done")

    def test_a_finished_run_is_refused(self):
        self.run_ok("experiment=sleep", "hydra.run.dir=run")
        before = (self.folder / "run/run.h5").read_bytes()
        again = self.call("run", "experiment=sleep", "hydra.run.dir=run")
        self.assertEqual(again.code, 2)
        self.assertIn("run: this folder already holds a run that is done (run_exists)", again.err)
        self.assertIn("hydra.run.dir", again.err)
        self.assertEqual((self.folder / "run/run.h5").read_bytes(), before)

    def test_mistakes_leave_nothing_behind(self):
        for wrong, words in {
            "experiment.learning_rte=1": ["experiment.learning_rte", "did you mean 'learning_rate'"],
            "+experiment.learning_rte=1": ["experiment.learning_rte", "learning_rate"],
            "experiment.learning_rate=fast": ["experiment.learning_rate", "fast"],
            "experiment.epochs=-1": ["experiment.epochs", "-1"],
            "method=lorra": ["lorra", "lora"],
            "sed=1": ["sed", "seed"],
            "seed=-3": ["seed", "-3"],
        }.items():
            for verb in (["run"], ["run", "-m"]):
                answer = self.call(*verb, "experiment=smoke", wrong)
                self.assertEqual(answer.code, 2, wrong)
                for word in words:
                    self.assertIn(word, answer.err, wrong)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_signals_checkpoint_and_the_run_goes_on(self):
        for n, overrides in enumerate(RUNS):
            expected = self.run_ok(*overrides, f"hydra.run.dir={n}").hash
            for number, code in EXIT_CODES.items():
                run = self.folder / f"{n}-{number}"
                process = self.start("run", *overrides, f"hydra.run.dir={run}")
                self.wait_for(lambda: list(run.glob("checkpoints/step-*")))
                process.send_signal(number)
                process.send_signal(number)  # twice in a row
                _, err = process.communicate(timeout=60)
                self.assertEqual(process.returncode, code, err)
                self.assertIn("stopped by signal", err)
                self.assertEqual(status(run), "interrupted")
                # The checkpoint is of the step that ended last: nothing is done twice.
                recorded = len(contents(run)[1]["loss" if n == 0 else "train/loss"])
                newest = max(int(p.name[5:]) for p in run.glob("checkpoints/step-*"))
                self.assertEqual(recorded, newest)
                resumed = self.run_ok(*overrides, f"hydra.run.dir={run}")
                self.assertEqual(resumed.hash, expected)

    def test_a_signal_before_the_run_begins(self):
        for n, overrides in enumerate(RUNS):
            run = self.folder / f"run{n}"
            process = self.start("run", *overrides, f"hydra.run.dir={run}")
            self.wait_for(lambda: worker_of(process.pid))  # it loads its libraries
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 143, err)
            self.assertEqual(self.run_ok(*overrides, f"hydra.run.dir={run}").hash,
                             self.run_ok(*overrides, f"hydra.run.dir=fresh{n}").hash)

    def test_a_worker_that_is_stopped_by_itself(self):
        run = self.folder / "run"
        process = self.start("run", *SLEEP, f"hydra.run.dir={run}")
        self.wait_for(lambda: list(run.glob("checkpoints/step-*")))
        os.kill(worker_of(process.pid), signal.SIGUSR1)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 85, err)
        self.assertEqual(self.run_ok(*SLEEP, f"hydra.run.dir={run}").hash, self.unbroken(SLEEP))

    def test_threads_that_wait_do_not_spin(self):
        policy = os.environ.pop("OMP_WAIT_POLICY", None)
        if policy is not None:
            self.addCleanup(os.environ.__setitem__, "OMP_WAIT_POLICY", policy)
        for env, expected in (({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")):
            process = self.start("run", *SLEEP, f"hydra.run.dir={self.folder / expected}", env=env)
            self.wait_for(lambda: environment(worker_of(process.pid)))  # empty for a moment, while the worker takes its place
            variables = environment(worker_of(process.pid)).split(b"\0")
            process.kill()
            process.communicate()
            self.assertIn(f"OMP_WAIT_POLICY={expected}".encode(), variables)

    def test_a_killed_worker_is_one_clear_error(self):
        run = self.folder / "run"
        process = self.start("run", *SLEEP, f"hydra.run.dir={run}")
        self.wait_for(lambda: list(run.glob("checkpoints/step-*")))
        os.kill(worker_of(process.pid), signal.SIGKILL)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 5, err)
        self.assertEqual(err.count("error:"), 1, err)
        self.assertIn("the worker was killed (SIGKILL) (worker_killed)", err)
        self.assertEqual(out, "")
        self.assertEqual(status(run), "interrupted")
        self.assertEqual(attribute(run, "error_code"), "worker_killed")
        self.assertIn("SIGKILL", attribute(run, "message"))
        self.assertEqual(self.run_ok(*SLEEP, f"hydra.run.dir={run}").hash, self.unbroken(SLEEP))

    def test_other_ends_of_a_worker(self):
        for fault, words in {"crash": "worker_crashed", "exit": "worker_exited", "throw": "asked_to_fail"}.items():
            answer = self.call("run", *SLEEP, f"experiment.fault={fault}", "experiment.fault_at=9",
                               f"hydra.run.dir={fault}")
            self.assertEqual(answer.code, 5, answer.err)
            self.assertEqual(answer.err.count("error:"), 1, answer.err)
            self.assertIn(words, answer.err)
            run = self.folder / fault
            self.assertEqual((status(run), attribute(run, "error_code")), ("failed", words))
            self.assertLessEqual(len(contents(run)[0]), 9)

    def test_faults_during_writes(self):
        faults = ["journal.write:9:enospc", "journal.write:7", "checkpoint.write:2", "checkpoint.publish:1",
                  "file.rename:2:eio", "file.sync:3:eio", "worker.job:1", "run_file.write:1", "run_file.rename:1",
                  "run_file.rename:1:enospc", "array.write:1:enospc"]
        for kind, overrides in enumerate(RUNS):
            expected = self.run_ok(*overrides, f"hydra.run.dir=unbroken{kind}").hash
            for n, fault in enumerate(faults if kind == 0 else ["checkpoint.write:2", "run_file.rename:1"]):
                run = self.folder / f"{kind}-{n}"
                broken = self.call("run", *overrides, f"hydra.run.dir={run}", env={"FRUGAL_FAULT": fault})
                self.assertIn(broken.code, (0, 4, 5, -signal.SIGKILL), (fault, broken.err))
                if broken.code != 0 and (run / "run.journal").exists() and (run / "run.journal").stat().st_size:
                    self.assertEqual(self.call("recover", run).code, 0, fault)
                state = status(run) if (run / "run.h5").exists() else "none"
                again = self.call("run", *overrides, f"hydra.run.dir={run}")
                if state in ("done", "failed"):  # a failed run is not run again by accident
                    self.assertEqual(again.code, 2, (fault, again.err))
                else:
                    self.assertEqual((again.code, again.hash), (0, expected), (fault, again.err))
                if state == "done":
                    self.assertEqual(attribute(run, "content_hash"), expected, fault)

    def test_a_dry_run_leaves_nothing(self):
        for overrides, steps in zip(RUNS, (40, 48)):
            answer = self.call("run", "--dry-run", *overrides)
            self.assertEqual(answer.code, 0, answer.err)
            lines = dict(line.split(None, 1) for line in answer.out.splitlines())
            self.assertEqual(lines["steps"], str(steps))
            self.assertTrue({"steps", "time", "disk"} <= lines.keys(), answer.out)
            self.assertIn("2 checkpoints", lines["disk"])
            sweep = self.call("run", "-m", "--dry-run", *overrides, "seed=1,2,3")
            self.assertIn("3 jobs like this one", sweep.out)
            self.assertEqual(list(self.folder.iterdir()), [])
        if HAS_TORCH:
            self.assertIn("memory", lines)
            missing = self.call("run", "--dry-run", *SMOKE[:1], "dataset=tsv", "dataset.train=no.tsv", "dataset.dev=no.tsv",
                                "model.tokenizer=nowhere")
            self.assertIn(missing.code, (2, 3), missing.err)

    def test_two_in_one_folder(self):
        run = self.folder / "run"
        process = self.start("run", *SLEEP, f"hydra.run.dir={run}")
        self.wait_for(lambda: list(run.glob("checkpoints/step-*")))
        second = self.call("run", *SLEEP, f"hydra.run.dir={run}")
        self.assertEqual(second.code, 2)
        self.assertIn("run_locked", second.err)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)

    def test_another_config_is_not_mixed_in(self):
        run = self.folder / "run"
        process = self.start("run", *SLEEP, f"hydra.run.dir={run}")
        self.wait_for(lambda: list(run.glob("checkpoints/step-*")))
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        answer = self.call("run", *SLEEP, "seed=7", f"hydra.run.dir={run}")
        self.assertEqual(answer.code, 2)
        self.assertIn("config_changed", answer.err)
        self.assertEqual(self.run_ok(*SLEEP, f"hydra.run.dir={run}").hash, self.unbroken(SLEEP))

    @unittest.skipUnless(HAS_TORCH, "needs LibTorch")
    def test_a_loss_that_is_not_finite_fails_the_run(self):
        answer = self.call("run", *SMOKE, "experiment.learning_rate=1e30", "experiment.max_grad_norm=0",
                           "hydra.run.dir=run")
        self.assertEqual(answer.code, 5, answer.err)
        self.assertIn("loss_not_finite", answer.err)
        self.assertIn("learning_rate", answer.err)
        run = self.folder / "run"
        self.assertEqual((status(run), attribute(run, "error_code")), ("failed", "loss_not_finite"))
        self.assertEqual(attribute(run, "error_kind"), "run_failed")
        self.assertTrue(all(math.isfinite(v) for _, v in contents(run)[1]["train/loss"]))


if __name__ == "__main__":
    main()
