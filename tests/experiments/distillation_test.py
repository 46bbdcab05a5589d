"""experiment=distillation end to end on a tiny Llama: it learns, the identity has nothing to learn, killed and interrupted
runs end as unbroken ones, and what cannot work is said. FRUGAL_BUILD names the build folder."""
import json
import os
import pathlib
import random
import signal
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "cli")]
from harness import CliTest, contents, main, status, worker_of  # noqa: E402
from tiny_language import make_model, sentence  # noqa: E402


class Distillation(CliTest):
    def setUp(self):
        super().setUp()
        make_model(self.folder / "student", False, max_position_embeddings=64, initializer_range=0.1)
        make_model(self.folder / "teacher", False, seed=3, hidden_size=64, max_position_embeddings=64)
        rng = random.Random(5)
        text = "".join(json.dumps({"text": sentence(rng, 5, 30)}) + "\n" for _ in range(120))
        (self.folder / "text.jsonl").write_text(text)
        self.base = ["experiment=distillation", "model=auto", "model.path=student", "dataset=text",
                     f"dataset.files=[{self.folder / 'text.jsonl'}]", "dataset.held_out=0.1", "experiment.seq_len=32",
                     "experiment.batch_size=4", "experiment.gradient_accumulation=1", "experiment.learning_rate=5e-3",
                     "experiment.log_steps=4", "experiment.eval_steps=10"]
        self.taught = [*self.base, "model@experiment.teacher=auto", "experiment.teacher.path=teacher",
                       f"experiment.tokens={30 * 4 * 32}"]

    def refused(self, code, error, *overrides, also=()):
        answer = self.call("run", *overrides)
        self.assertEqual(answer.code, code, answer.err)
        for text in (f"({error})", *also):
            self.assertIn(text, answer.err)

    def test_learns_and_repeats(self):
        first = self.run_ok(*self.taught, "hydra.run.dir=a")
        samples, series, metrics = contents(self.folder / "a")
        losses = [value for _, value in series["train/loss"]]
        self.assertEqual(len(losses), 30)
        self.assertLess(sum(losses[-5:]), 0.92 * sum(losses[:5]))
        self.assertLess(metrics["kl"], 0.95 * metrics["start_kl"])
        self.assertEqual([step for step, _ in series["eval/kl"]], [0, 10, 20, 30])
        self.assertEqual(len(samples), metrics["held_out_sequences"])
        self.assertAlmostEqual(metrics["passes"], 30 * 4 / metrics["train_sequences"])
        self.assertEqual(metrics["kv_bytes_per_token"], 3 * 2 * 2 * 12 * 4)
        self.assertEqual(self.run_ok(*self.taught, "hydra.run.dir=b", "experiment.log_steps=7").out.count("content hash"), 1)
        self.assertEqual(contents(self.folder / "b")[1]["train/loss"], series["train/loss"], "reading is not training")
        self.assertEqual(first.hash, self.run_ok(*self.taught, "hydra.run.dir=c").hash)
        trained = self.run_ok("experiment=language_modelling", "model=auto", f"model.path={self.folder / 'a/model'}",
                              "dataset=text", f"dataset.files=[{self.folder / 'text.jsonl'}]", "hydra.run.dir=scored")
        self.assertIn("token_perplexity", trained.out)

    def test_a_repetition_verifies_it(self):
        short = [*self.base, "model@experiment.teacher=auto", "experiment.teacher.path=teacher", f"experiment.tokens={4 * 4 * 32}"]
        kept = self.folder / "kept"
        for name, save_to in (("beside", "null"), ("elsewhere", kept), ("nowhere", "none")):
            self.run_ok(*short, f"experiment.save_to={save_to}", f"hydra.run.dir={name}")
            before = [(file, file.stat().st_mtime_ns) for file in sorted(kept.glob("*"))]
            answer = self.call("results", "verify", name)
            self.assertEqual(answer.code, 0, answer.err)
            self.assertIn("the same, content hash", answer.out)
            self.assertEqual([(file, file.stat().st_mtime_ns) for file in sorted(kept.glob("*"))], before)

    def test_traces_a_step(self):
        short = [*self.base, "model@experiment.teacher=auto", "experiment.teacher.path=teacher", f"experiment.tokens={6 * 4 * 32}"]
        plain = self.run_ok(*short, "hydra.run.dir=plain")
        traced = self.run_ok(*short, "experiment.trace=true", "hydra.run.dir=traced")
        self.assertEqual(contents(self.folder / "traced")[1]["train/loss"], contents(self.folder / "plain")[1]["train/loss"])
        self.assertGreater(contents(self.folder / "traced")[2]["step_operators"], 100)
        events = json.loads((self.folder / "traced/trace.json").read_text())["traceEvents"]
        self.assertTrue(any("Backward" in event.get("name", "") for event in events), "the backward pass is in it")
        self.assertNotIn("step_operators", plain.out)

    def test_identity_has_nothing_to_learn(self):
        self.run_ok(*self.base, "hydra.run.dir=same", "experiment.tokens=512")
        _, series, metrics = contents(self.folder / "same")
        self.assertEqual(metrics["start_kl"], 0)
        self.assertEqual({value for _, value in series["train/kl"]}, {0.0})
        self.assertEqual({value for _, value in series["train/gradient_norm"]}, {0.0})
        self.assertEqual(metrics["agreement"], 1)

    def test_baselines_learn_and_are_read_again(self):
        text = f"[{self.folder / 'text.jsonl'}]"
        texts = ["dataset@method.calibration.dataset=text", f"method.calibration.dataset.files={text}",
                 "method.calibration.seq_len=32", "method.calibration.tokens=1024"]
        for name, numbers, keys in (
                ("mha2mla", 2 * 5 + 2 * 4, ["method=mha2mla", "method.rope_dim_for_mla=4", "method.low_rank=5",
                                            "method.partial_rope_version=2-norm"]),
                ("transmla", 8 + 6, ["method=transmla", "method.qk_mqa_dim=6", "method.kv_lora_rank=8",
                                     "experiment.learning_rate=1e-3"])):
            with self.subTest(name):
                folder = self.folder / name
                self.run_ok(*self.base, *keys, *texts, "experiment.tokens=5120", f"hydra.run.dir={folder}")
                _, series, metrics = contents(folder)
                self.assertGreater(metrics["start_kl"], 0)
                self.assertLess(metrics["kl"], 0.9 * metrics["start_kl"])
                self.assertEqual(metrics["kv_bytes_per_token"], 3 * numbers * 4)
                scored = self.run_ok("experiment=language_modelling", "model=auto", f"model.path={folder / 'model'}",
                                         "dataset=text", f"dataset.files={text}", f"hydra.run.dir={folder}_scored")
                self.assertEqual(contents(self.folder / f"{name}_scored")[2]["kv_bytes_per_token"], 3 * numbers * 4)
                self.assertIn("token_perplexity", scored.out)
        self.refused(2, "missing_value", *self.base, "method=transmla", also=("method.calibration.dataset",))

    def test_best_is_kept(self):
        wild = [*self.taught, "experiment.learning_rate=0.3", "experiment.schedule=constant", "experiment.keep=best",
                "experiment.eval_steps=3", "experiment.save_to=none"]
        self.run_ok(*wild, "hydra.run.dir=best")
        _, series, metrics = contents(self.folder / "best")
        curve = [value for _, value in series["eval/kl"]]
        self.assertLess(min(curve), curve[-1], "the last is the best here: the test shows nothing")
        self.assertEqual(metrics["kl"], min(curve))
        self.assertEqual(metrics["best_kl"], min(curve))
        self.assertFalse((self.folder / "best/model").exists())

    def test_interrupted_runs_end_as_unbroken_ones(self):
        run = [*self.taught, "experiment.checkpoint_steps=4", "experiment.keep=best"]
        whole = self.run_ok(*run, "hydra.run.dir=whole").hash
        for name, how in (("killed", signal.SIGKILL), ("asked", signal.SIGTERM)):
            with self.subTest(name):
                folder = self.folder / name
                process = self.start("run", *run, f"hydra.run.dir={folder}")
                checkpoints = folder / "checkpoints"
                self.wait_for(lambda: checkpoints.is_dir() and any(checkpoints.glob("step-*")), 60)
                worker = worker_of(process.pid)
                if worker is not None:
                    os.kill(worker, how)
                process.communicate(timeout=120)
                if process.returncode != 0:
                    self.assertIn(self.call("recover", folder).code, (0,))
                    self.assertEqual(status(folder), "interrupted")
                self.assertEqual(self.run_ok(*run, f"hydra.run.dir={folder}").hash, whole)

    def test_bad_inputs(self):
        make_model(self.folder / "other", False, vocabulary=300)
        self.refused(2, "vocabulary_differs", *self.base, "model@experiment.teacher=auto", "experiment.teacher.path=other",
                     also=("337", "300"))
        self.refused(2, "file_not_found", *self.base, "dataset.files=[none.jsonl]", also=("none.jsonl",))
        self.refused(2, "bad_value", *self.base, "experiment.seq_len=65", also=("experiment.seq_len", "64"))
        self.refused(3, "too_few_sequences", *self.base, "experiment.batch_size=1000", also=("experiment.batch_size",))
        self.refused(2, "missing_value", *self.base, "dataset.files=[]", also=("dataset.files",))
        self.refused(2, "method_does_not_fit", *self.base, "method=lora", also=("language models",))
        self.refused(2, "bad_value", *self.base, "experiment.teacher=none", also=("experiment.teacher",))
        self.refused(2, "layers_differ", *self.taught, "experiment.objective=layers", also=("48", "64"))
        self.refused(5, "loss_not_finite", *self.taught, "experiment.learning_rate=1e30", "experiment.warmup_ratio=0")
        one = self.folder / "one.jsonl"
        one.write_text('{"text": "a"}\n')
        self.refused(3, "no_documents", *self.base, f"dataset.files=[{one}]", also=("eval_files",))


if __name__ == "__main__":
    main()
