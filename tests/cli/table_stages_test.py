"""`frugal table` with stages: chains of runs that hand models on, shared between rows, found again, resumed, and what is
said where one cannot be made. A tiny Llama on a few sentences, CPU. FRUGAL_BUILD names the build folder."""
import json
import math
import os
import pathlib
import random
import shutil
import signal
import sys

import h5py

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "experiments")]
from harness import CliTest, main, worker_of  # noqa: E402
from tiny_language import make_model, sentence  # noqa: E402

SPEC = """\
caption: two stages
experiment: language_modelling
overrides: [device.threads=1]
scales:
  small: [model=auto, model.path=base]
seeds: [0, 1]
stages:
  sft:
    overrides: [experiment=distillation, dataset=text, dataset.held_out=0.2, experiment.seq_len=32, experiment.batch_size=4,
                experiment.gradient_accumulation=1, experiment.tokens=1024, experiment.checkpoint_steps=1,
                experiment.learning_rate=1e-3]
    data: any text will do
  dpo:
    from: sft
    overrides: [experiment=preference, dataset=preferences, "dataset.files=[pairs.jsonl]",
                "dataset.eval_files=[pairs.jsonl]", experiment.batch_size=2, experiment.gradient_accumulation=1,
                experiment.max_length=64, experiment.max_prompt_length=32]
rows:
  - {name: base}
  - {name: half, from: sft, stages: {sft: [method=x_ecomla, method.r_kv=24, method.d_rope=4]}}
  - {name: half_dpo, from: dpo, stages: {sft: [method=x_ecomla, method.r_kv=24, method.d_rope=4]}}
  - {name: tiny, from: {small: sft, full: dpo}, stages: {sft: {always: [method=x_ecomla, method.d_rope=4],
                                                     small: [method.r_kv=8], full: [method.r_kv=16]}}}
  - {name: other, scale: full}
columns:
  - {name: share, metric: kv_share, unit: "%", factor: 100, overrides: &text [dataset=text, "dataset.files=[held.jsonl]"]}
  - {name: ppl, metric: token_perplexity, overrides: *text}
  - {name: ppl2, metric: token_perplexity, overrides: [dataset=text, "dataset.files=[text.jsonl]"]}
  - {name: average, average_of: [ppl, ppl2]}
  - {name: kl, stage: sft, digits: 4}
  - {name: stories, metric: acc, status: unsupported, reason: nobody can}
"""
FILES = "sft:dataset.files=[text.jsonl]"


class TableStages(CliTest):
    def setUp(self):
        super().setUp()
        make_model(self.folder / "base", False, max_position_embeddings=64, num_hidden_layers=2)
        rng = random.Random(5)

        def lines(name, make, count):
            (self.folder / name).write_text("".join(json.dumps(make()) + "\n" for _ in range(count)))

        lines("text.jsonl", lambda: {"text": sentence(rng, 20, 40)}, 60)
        lines("held.jsonl", lambda: {"text": sentence(rng, 5, 30)}, 10)
        lines("pairs.jsonl", lambda: {"prompt": sentence(rng, 3, 6), "chosen": sentence(rng, 2, 5),
                                      "rejected": sentence(rng, 2, 5)}, 6)
        (self.folder / "chain.yaml").write_text(SPEC)

    def table(self, *args, code=0):
        answer = self.call("table", "chain.yaml", "-o", "out", *args)
        self.assertEqual(answer.code, code, answer.err)
        return answer

    def cells(self, *args, code=0):
        made = json.loads(self.table("--format", "json", *args, code=code).out)
        return {row["name"]: row["cells"] for row in made["rows"]}, made

    def stamps(self):
        return {run: (run / "run.h5").stat().st_mtime_ns for run in (self.folder / "out/runs").iterdir()}

    def config(self, run):
        with h5py.File(run / "run.h5") as file:
            text = file["config"][()]
        return text.decode() if isinstance(text, bytes) else str(text)

    def test_chain(self):
        plan = self.table("--dry-run", FILES).out
        self.assertIn("half stage sft seed 0: to make", plan)
        self.assertIn("half_dpo stage dpo seed 1: to make", plan)
        self.assertIn("from half stage sft seed 1", plan)
        self.assertIn("22 runs: 22 to make, of which 0 cannot", plan)  # 4 sft (two shared), 2 dpo, 4 rows x 2 texts x 2
        self.assertFalse((self.folder / "out").exists())

        cells, made = self.cells(FILES)
        self.assertEqual(made["left_out"], ["other"])
        runs = self.stamps()
        self.assertEqual(len(runs), 22)
        self.assertEqual(cells["base"]["share"]["mean"], 100)
        self.assertAlmostEqual(cells["half"]["share"]["mean"], 100 * 28 / 48)  # 24 + 4 of 2 * 2 heads * 12
        self.assertAlmostEqual(cells["tiny"]["share"]["mean"], 100 * 12 / 48)
        for row in ("half", "half_dpo", "tiny"):
            self.assertEqual(len(cells[row]["kl"]["values"]), 2, cells[row])
            self.assertGreater(min(cells[row]["kl"]["values"]), 0)
            self.assertNotEqual(cells[row]["ppl"]["values"], cells["base"]["ppl"]["values"])
        self.assertEqual(cells["half"]["kl"]["values"], cells["half_dpo"]["kl"]["values"], "one stage, two rows")
        self.assertNotEqual(cells["half"]["ppl"]["values"], cells["half_dpo"]["ppl"]["values"])
        self.assertEqual(cells["base"]["kl"]["values"], [])
        self.assertEqual(cells["base"]["stories"]["status"], "unsupported")
        ppl, ppl2, average = (cells["half"][name] for name in ("ppl", "ppl2", "average"))
        for a, b, mean in zip(ppl["errors"], ppl2["errors"], average["errors"]):
            self.assertAlmostEqual(mean, math.sqrt(a * a + b * b) / 2)
        rows = {row["name"]: row for row in made["rows"]}
        self.assertEqual(len(rows["half_dpo"]["stages"]), 4)
        self.assertTrue(set(rows["half"]["stages"]) < set(rows["half_dpo"]["stages"]))
        with h5py.File(self.folder / "out/table.h5") as file:
            self.assertEqual(len(file["runs"]), 22)

        # A cell's figure is that of the stage's model, scored by hand.
        stage = self.folder / "out" / pathlib.Path(rows["half"]["stages"][0]).parent / "model"
        with h5py.File(self.folder / "out" / ppl["runs"][0]) as file:
            table = {row["name"].decode(): row["value"] for row in file["metrics"][:]}
        self.run_ok("experiment=language_modelling", "model=auto", f"model.path={stage}", "dataset=text",
                    "dataset.files=[held.jsonl]", "device.threads=1", "hydra.run.dir=by_hand")
        with h5py.File(self.folder / "by_hand/run.h5") as file:
            by_hand = {row["name"].decode(): row["value"] for row in file["metrics"][:]}
        self.assertEqual(table["token_perplexity"], by_hand["token_perplexity"])

        # Nothing is made twice: not again, not in another table with the same folder of runs, not where it was moved to.
        self.cells(FILES)
        self.assertEqual(self.stamps(), runs)
        self.assertIn("22 runs: 0 to make", self.table("--dry-run", FILES).out)
        again = self.call("table", "chain.yaml", "-o", "elsewhere", "--runs", "out/runs", "--row", "tiny", FILES)
        self.assertEqual(again.code, 0, again.err)
        self.assertEqual(self.stamps(), runs)
        shutil.move(self.folder / "out", self.folder / "moved")
        plan = self.call("table", "chain.yaml", "-o", "moved", "--dry-run", FILES)
        self.assertIn("22 runs: 0 to make", plan.out)
        shutil.move(self.folder / "moved", self.folder / "out")

        # A stage's model may go: what is done stays; what is to be made from it makes it again.
        shutil.rmtree(stage)
        self.assertIn("0 to make", self.table("--dry-run", FILES).out)
        shutil.rmtree(self.folder / "out" / pathlib.Path(ppl["runs"][0]).parent)
        self.assertIn("its model is gone; made again", self.table("--dry-run", FILES).out)
        remade, _ = self.cells(FILES, "--row", "half")
        self.assertEqual(remade["half"]["ppl"]["values"], ppl["values"])
        self.assertEqual(sum(runs.get(run) != stamp for run, stamp in self.stamps().items()), 2)

        # Another setting of the second stage is another run of it, and leaves the first alone.
        before = self.stamps()
        self.cells(FILES, "--row", "half_dpo", "dpo:experiment.beta=0.5")
        new = set(self.stamps()) - set(before)
        self.assertEqual(len(new), 2 + 4)

    def test_killed_stage_resumes(self):
        whole, _ = self.cells(FILES, "--row", "half")
        shutil.rmtree(self.folder / "out")
        process = self.start("table", "chain.yaml", "-o", "out", "--row", "half", FILES)
        runs = self.folder / "out/runs"
        self.wait_for(lambda: runs.is_dir() and any(runs.glob("*/checkpoints/step-*")), 60)
        worker = worker_of(process.pid)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
        self.assertIsNotNone(worker)
        self.assertEqual(process.returncode, 143)
        self.assertIn("goes on where it stopped", self.table("--row", "half", "--dry-run", FILES).out)
        resumed, _ = self.cells(FILES, "--row", "half")
        self.assertEqual(resumed["half"]["ppl"]["values"], whole["half"]["ppl"]["values"])
        logs = [h5py.File(run / "run.h5")["log"][()] for run in runs.iterdir()]
        self.assertTrue(any(b"resumed at step" in (log if isinstance(log, bytes) else str(log).encode())
                            for log in logs))

    def test_what_is_missing(self):
        plan = self.table("--dry-run").out
        self.assertIn("half: 4 runs needs-data [1]", plan)
        self.assertIn("[1] stage sft: dataset.files names no file; any text will do; then sft:dataset.files=[FILE,...]",
                      plan)
        self.assertIn("base: 4 runs to make", plan)
        cells, _ = self.cells()
        self.assertEqual(cells["base"]["ppl"]["status"], "small-scale")
        self.assertEqual(cells["half_dpo"]["average"]["status"], "needs-data")
        self.assertIn("sft:dataset.files", cells["half_dpo"]["ppl"]["reason"])
        self.assertEqual(len(self.stamps()), 4)
        cells, _ = self.cells("sft:model.path=nobody/nothing", FILES, "--row", "half")
        self.assertEqual(cells["half"]["ppl"]["status"], "needs-weights")
        self.assertIn("hf download nobody/nothing", cells["half"]["ppl"]["reason"])

    def test_a_failed_stage_fails_its_rows(self):
        cells, _ = self.cells(FILES, "sft:experiment.learning_rate=1e30", "sft:experiment.warmup_ratio=0",
                              "--row", "@(base|half_dpo)", code=5)
        self.assertEqual(cells["base"]["ppl"]["status"], "small-scale")
        self.assertEqual(cells["half_dpo"]["ppl"]["status"], "failed")
        self.assertRegex(cells["half_dpo"]["ppl"]["reason"], "stage sft: the loss is")
        self.assertEqual(len(self.stamps()), 4 + 2, "nothing is tried after it")

    def test_questions_are_compared_one_by_one(self):
        rng = random.Random(7)
        (self.folder / "qa/ARC-Easy").mkdir(parents=True)
        (self.folder / "qa/ARC-Easy/test.jsonl").write_text("".join(json.dumps(
            {"id": f"q{n}", "question": {"stem": sentence(rng, 3, 9), "choices": [
                {"text": sentence(rng, 1, 6), "label": label} for label in "ABCD"]}, "answerKey": "ABCD"[n % 4]}) + "\n"
            for n in range(40)))
        (self.folder / "chain.yaml").write_text(
            "caption: questions\nexperiment: multiple_choice\nbaselines: [base]\n"
            "overrides: [dataset=arc_easy, data.root=., model=auto, model.path=base]\n"
            "rows: [{name: base}, {name: quarter, overrides: [method=x_ecomla, method.r_kv=8, method.d_rope=4]}]\n"
            "columns: [{name: acc, factor: 100}, {name: acc_norm, factor: 100}, {name: both, average_of: [acc, acc_norm]}]\n")
        cells, _ = self.cells()
        for metric, column in (("acc", "correct"), ("acc_norm", "correct_norm")):
            right = {}
            for row in ("base", "quarter"):
                with h5py.File(self.folder / "out" / cells[row][metric]["runs"][0]) as file:
                    right[row] = [int(sample[column]) for sample in file["samples"][:]]
            expected = 100 * (sum(right["quarter"]) - sum(right["base"])) / 40
            self.assertNotEqual(right["quarter"], right["base"], "nothing to compare")
            versus = cells["quarter"][metric]["versus"]["base"]
            self.assertAlmostEqual(versus["difference"], expected)
            self.assertLess(versus["low"], versus["high"])
            p = sum(right["base"]) / 40
            self.assertAlmostEqual(cells["base"][metric]["errors"][0], 100 * math.sqrt(p * (1 - p) / 39))
        self.assertIn("both minus base's, 95 % interval", self.table().out)

    def test_mistakes(self):
        def refused(old, new, code, text):
            (self.folder / "chain.yaml").write_text(SPEC.replace(old, new))
            answer = self.table("--dry-run", FILES, code=2)
            self.assertIn(f"({code})", answer.err)
            self.assertIn(text, answer.err)

        refused("  sft:\n    overrides: [experiment=distillation, ",
                "  plain:\n    overrides: [experiment=language_modelling, dataset=text, \"dataset.files=[held.jsonl]\"]\n"
                "  sft:\n    from: plain\n    overrides: [experiment=distillation, ", "bad_stage", "chain.yaml:9")
        refused("experiment.tokens=1024,", "experiment.save_to=elsewhere,", "bad_stage", "save_to")
        (self.folder / "chain.yaml").write_text(SPEC)
        answer = self.table("--dry-run", "stf:dataset.files=[text.jsonl]", code=2)
        self.assertIn("(unknown_stage)", answer.err)
        self.assertIn("'sft'", answer.err)


if __name__ == "__main__":
    main()
