"""kill -9 of the worker and of the front end at random moments (FRUGAL_KILLS of them): what is recovered is a correct
prefix of the unbroken run, and the run that goes on ends with its content."""
import os
import random
import signal
import subprocess
import sys
import time

from harness import HAS_TORCH, SLEEP, SMOKE, CliTest, contents, main, status, worker_of

KILLS = int(os.environ.get("FRUGAL_KILLS", "20"))
CHECKPOINTS = 6  # of a run of SLEEP or SMOKE: each writes the journal


def journal_bytes(run):
    try:
        return (run / "run.journal").stat().st_size
    except FileNotFoundError:
        return 0


class Kill(CliTest):
    def expect_prefix(self, run, whole, flushed):
        samples, series, metrics = contents(run)
        all_samples, all_series, all_metrics = whole
        self.assertEqual(samples, all_samples[:len(samples)])
        for name, points in series.items():
            self.assertEqual(points, all_series[name][:len(points)], name)
        timed = {"activation_memory", "static_memory", "peak_memory", "step_time"}
        for name, value in metrics.items():
            if name not in timed:
                self.assertEqual(value, all_metrics[name], name)
        # Metrics are handed to the kernel at once: what was recorded before the first point is there with it.
        if any(points for points in series.values()):
            self.assertLessEqual(flushed, metrics.keys())

    # Waits for a random moment in the life of `process`. Most are told by the run's own progress, so that they spread over
    # the whole of it however slow the machine is at the moment: a number of bytes in its journal, then a pause no longer
    # than from one writing to the next. The others are told by the clock, and fall into its start, too.
    def wait_for_moment(self, process, run, moments):
        pause = moments.uniform(0, self.seconds * 1.1)
        if moments.random() < 0.75:
            goal = moments.uniform(journal_bytes(run), self.journal_bytes)
            pause = moments.uniform(0, self.seconds / CHECKPOINTS)
            while process.poll() is None and journal_bytes(run) < goal:
                time.sleep(0.002)
        try:
            process.wait(timeout=pause)
        except subprocess.TimeoutExpired:
            pass

    # One run, killed `most` times or until it comes to its end before it can be, then left alone. Returns how often it was
    # killed.
    def kill_until_done(self, overrides, run, moments, most, whole, expected, flushed):
        killed = 0
        while True:
            process = self.start("run", *overrides, f"hydra.run.dir={run}")
            if killed < most:
                self.wait_for_moment(process, run, moments)
                target = process.pid if moments.random() < 0.5 else worker_of(process.pid)
                if process.poll() is None and target is not None:
                    os.kill(target, signal.SIGKILL)
                    killed += 1
            out, err = process.communicate(timeout=300)
            if process.returncode == 0:
                break
            self.assertIn(process.returncode, (5, -signal.SIGKILL), err)
            self.wait_until_unlocked(run)
            if journal_bytes(run) == 0:
                continue
            recovered = self.call("recover", run)
            self.assertEqual(recovered.code, 0, recovered.err)
            if status(run) == "done":  # killed between the run's end and the program's
                break
            self.assertEqual(status(run), "interrupted", recovered.out)
            self.expect_prefix(run, whole, flushed)
        self.assertEqual(status(run), "done")
        self.assertEqual(self.call("results", "show", run).out.split("content ")[1].split()[0], expected)
        return killed

    def wait_until_unlocked(self, run):
        """A worker dies with its front end, but not in the same instant."""
        self.wait_for(lambda: "running" not in self.call("recover", run).out if (run / "run.journal").exists() else True)

    def kill_many(self, overrides, kills, flushed):
        begin = time.monotonic()
        expected = self.run_ok(*overrides, "hydra.run.dir=unbroken").hash
        self.seconds = time.monotonic() - begin
        self.journal_bytes = journal_bytes(self.folder / "unbroken")
        whole = contents(self.folder / "unbroken")
        moments = random.Random(11)
        killed = n = 0
        while killed < kills:
            most = min(moments.randint(1, 6), kills - killed)
            killed += self.kill_until_done(overrides, self.folder / f"run{n}", moments, most, whole, expected, flushed)
            n += 1
        print(f"{killed} kills of {n} runs in {time.monotonic() - begin:.0f} s", file=sys.stderr)

    def test_sleep(self):
        self.kill_many(SLEEP, KILLS // 2 if HAS_TORCH else KILLS, set())

    def test_smoke(self):
        if not HAS_TORCH:
            self.skipTest("needs LibTorch")
        self.kill_many(SMOKE, KILLS - KILLS // 2, {"parameters", "trainable_parameters", "trainable_share"})


if __name__ == "__main__":
    main()
