"""frugal results verify and rerun."""
import shutil
import unittest

import h5py

from harness import HAS_TORCH, SMOKE, CliTest, attribute, contents, main, status

SLEEP = ["experiment=sleep", "experiment.ms=5", "experiment.steps=6", "experiment.array_elements=100"]


class Verify(CliTest):
    def change(self, folder, function):
        with h5py.File(self.folder / folder / "run.h5", "r+") as file:
            function(file)

    def test_a_run_is_reproduced(self):
        for n, overrides in enumerate([SLEEP, SMOKE] if HAS_TORCH else [SLEEP]):
            run = self.run_ok(*overrides, "seed=3", f"hydra.run.dir={n}")
            before = sorted(p.relative_to(self.folder) for p in self.folder.rglob("*"))
            answer = self.call("results", "verify", n)
            self.assertEqual(answer.code, 0, answer.err + answer.out)
            self.assertIn(f"the same, content hash {run.hash}", answer.out)
            self.assertEqual(before, sorted(p.relative_to(self.folder) for p in self.folder.rglob("*")))

    def test_what_differs_is_named(self):
        self.run_ok(*SLEEP, "hydra.run.dir=run")

        def metric(file):
            row = file["metrics"][0]
            row["value"] += 0.25
            file["metrics"][0] = row

        def point(file):
            row = file["series/loss"][3]
            row["value"] += 1e-6
            file["series/loss"][3] = row

        shutil.copytree(self.folder / "run", self.folder / "metric")
        self.change("metric", metric)
        answer = self.call("results", "verify", "metric")
        self.assertEqual(answer.code, 1, answer.err)
        self.assertIn("DIFFERS", answer.out)
        self.assertIn("metric score: ", answer.out)
        shutil.copytree(self.folder / "run", self.folder / "point")
        self.change("point", point)
        answer = self.call("results", "verify", "point")
        self.assertEqual(answer.code, 1, answer.err)
        self.assertIn("series loss: 1 of 6 points differ, first number 3", answer.out)
        near = self.call("results", "verify", "point", "--tolerance", "1e-5")
        self.assertEqual(near.code, 0, near.err)
        self.assertIn("the same within 1e-05", near.out)
        self.assertEqual(self.call("results", "verify", "metric", "--tolerance", "1e-5").code, 1)
        # Several files: the worst of them decides.
        self.assertEqual(self.call("results", "verify", "run", "metric").code, 1)

    def test_another_code_version_is_said(self):
        self.run_ok(*SLEEP, "hydra.run.dir=run")

        def commit(file):
            rows = file["provenance"][:]
            for row in rows:
                if row["key"] == b"code.commit":
                    row["value"] = b"0123456789"
            file["provenance"][:] = rows

        self.change("run", commit)
        answer = self.call("results", "verify", "run")
        self.assertEqual(answer.code, 0, answer.err)
        self.assertIn("warning: code.commit was '0123456789', is ", answer.out)

    def test_refusals(self):
        self.call("run", *SLEEP, "experiment.fault=throw", "hydra.run.dir=failed")
        answer = self.call("results", "verify", "failed")
        self.assertEqual(answer.code, 2)
        self.assertIn("not_done", answer.err)
        self.assertEqual(self.call("results", "verify", "nowhere").code, 2)
        self.assertEqual(self.call("results", "verify", "failed", "--tolerance", "-1").code, 2)

    @unittest.skipUnless(HAS_TORCH, "needs LibTorch")
    def test_changed_inputs_are_refused(self):
        for split, count in (("train", 32), ("dev", 8)):
            rows = "".join(f"a{n % 2} film\t{n % 2}\n" for n in range(count))
            (self.folder / f"{split}.tsv").write_text("sentence\tlabel\n" + rows)
        vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##0", "##1", "film"]
        (self.folder / "tokenizer").mkdir()
        (self.folder / "tokenizer/vocab.txt").write_text("\n".join(vocabulary) + "\n")
        self.run_ok(*SMOKE[:1], "experiment.max_steps=4", "dataset=tsv", "dataset.train=train.tsv",
                    "dataset.dev=dev.tsv", "model.tokenizer=tokenizer", "hydra.run.dir=run")
        self.assertEqual(self.call("results", "verify", "run").code, 0)
        with (self.folder / "dev.tsv").open("a") as file:
            file.write("a film\t1\n")
        changed = self.call("results", "verify", "run")
        self.assertEqual(changed.code, 3)
        self.assertIn("dev.tsv", changed.err)
        self.assertIn("inputs_changed", changed.err)
        (self.folder / "train.tsv").unlink()
        self.assertIn("input_missing", self.call("results", "verify", "run").err)

    def test_rerun(self):
        first = self.run_ok(*SLEEP, "seed=3", "hydra.run.dir=run")
        again = self.call("results", "rerun", "run", "hydra.run.dir=again")
        self.assertEqual((again.code, again.hash), (0, first.hash), again.err)
        other = self.call("results", "rerun", "run/run.h5", "seed=4", "experiment.steps=7", "hydra.run.dir=other")
        self.assertEqual(other.code, 0, other.err)
        straight = self.run_ok(*SLEEP, "seed=4", "experiment.steps=7", "hydra.run.dir=straight")
        self.assertEqual(other.hash, straight.hash)
        self.assertEqual(len(contents(self.folder / "other")[0]), 7)
        with h5py.File(self.folder / "other/run.h5") as file:
            self.assertEqual([o.decode() for o in file["overrides"][:]["override"]] if file["overrides"].dtype.names
                             else [o.decode() for o in file["overrides"][:]],
                             [*SLEEP, "seed=3", "seed=4", "experiment.steps=7"])
        for wrong in (["experiment.stepz=7"], ["experiment.steps=x"], ["hydra.run.dir=run"]):
            self.assertEqual(self.call("results", "rerun", "run", *wrong).code, 2, wrong)
        fresh = self.call("results", "rerun", "run")
        self.assertEqual(status((self.folder / fresh.out.splitlines()[-1]).parent), "done")

    @unittest.skipUnless(HAS_TORCH, "needs LibTorch")
    def test_rerun_with_another_group(self):
        self.run_ok(*SMOKE, "hydra.run.dir=run")
        lora = self.call("results", "rerun", "run", "method=lora", "hydra.run.dir=lora")
        self.assertEqual(lora.code, 0, lora.err)
        self.assertEqual(lora.hash, self.run_ok(*SMOKE, "method=lora", "hydra.run.dir=straight").hash)

    def test_checkpoints_are_kept_as_asked(self):
        for keep in (1, 2, 3):
            self.run_ok(*SLEEP, "experiment.checkpoint_every=1", f"experiment.keep_checkpoints={keep}",
                        f"hydra.run.dir={keep}")
            self.assertEqual(len(list((self.folder / f"{keep}/checkpoints").iterdir())), keep)
        self.assertEqual(self.call("run", *SLEEP, "experiment.keep_checkpoints=0").code, 2)


if __name__ == "__main__":
    main()
