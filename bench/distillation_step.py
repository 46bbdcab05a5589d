"""A training step of distillation: frugal with the fused loss, frugal with logits stored whole, and PyTorch with transformers
(autocast, fused AdamW, F.kl_div on fp32 logits, as the official code of X-EcoMLA computes it), on the same device, random
weights of one shape, student and teacher of that shape. Tokens a second and peak memory of tensors.
usage: distillation_step.py [--device cpu|cuda] [--shape smollm2|llama1b|tiny] [--batch 4,12] [--length 2048] [--steps 40]
                            [--precision fp32|bf16] [--rounds 2] [--method "method=x_ecomla method.r_kv=128"]
                            [--frugal PROGRAM] [--out FOLDER]
--method adds a row in which frugal's student is converted by it; the other rows train the shape as it is."""
import json
import pathlib
import random
import statistics
import subprocess
import tempfile
import time

import h5py
import tokenizers
import torch
import transformers
from torch.nn import functional as F

from timing import options, torch_provenance, write

# Sizes of the real models; random weights cost what real ones cost.
SHAPES = {"smollm2": dict(vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30,
                          num_attention_heads=9, num_key_value_heads=3, max_position_embeddings=8192, rope_theta=1e5,
                          tie_word_embeddings=True),
          # Llama-3.2-1B
          "llama1b": dict(vocab_size=128256, hidden_size=2048, intermediate_size=8192, num_hidden_layers=16,
                          num_attention_heads=32, num_key_value_heads=8, head_dim=64, max_position_embeddings=8192,
                          rope_theta=5e5, tie_word_embeddings=True),
          "tiny": dict(vocab_size=2048, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
                       num_key_value_heads=2, max_position_embeddings=8192, tie_word_embeddings=True)}
INTERVAL = 10  # steps between two readings of the clock


def write_inputs(folder, sequences, length):
    """A tokenizer of bytes and words of a few of them: which ids a step sees costs nothing."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=258, special_tokens=["<s>", "</s>"],
                                             initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(["a"], trainer)
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"bos_token": "<s>", "eos_token": "</s>"}))
    rng = random.Random(0)
    text = lambda n: json.dumps({"text": "".join(rng.choices("abcdefgh ", k=n))}) + "\n"  # noqa: E731
    (folder / "train.jsonl").write_text(text(sequences * length + length))
    (folder / "held_out.jsonl").write_text(text(length))


def by_frugal(arguments, folder, batch, fused, method=()):
    with tempfile.TemporaryDirectory() as name:
        run = pathlib.Path(name) / "run"
        keys = [f"+model.config.{key}={str(value).lower()}" for key, value in SHAPES[arguments.shape].items()]
        done = subprocess.run(
            [arguments.frugal, "run", "experiment=distillation", "model=auto", "model.path=null", "model.architecture=llama",
             *keys, *method, f"model.tokenizer={folder}", "dataset=text", f"dataset.files=[{folder / 'train.jsonl'}]",
             f"dataset.eval_files=[{folder / 'held_out.jsonl'}]", f"device={arguments.device}",
             f"experiment.seq_len={arguments.length}", f"experiment.batch_size={batch}",
             "experiment.gradient_accumulation=1", f"experiment.tokens={arguments.steps * batch * arguments.length}",
             f"experiment.precision={arguments.precision}", f"experiment.fused_loss={str(fused).lower()}",
             "experiment.eval_steps=1000000", f"experiment.log_steps={INTERVAL}", "experiment.checkpoint_minutes=null",
             "experiment.save_to=none", f"hydra.run.dir={run}"], capture_output=True, text=True)  # fmt: skip
        if done.returncode != 0:
            if "out_of_memory" in done.stderr or "out of memory" in done.stderr:
                return None
            raise SystemExit(done.stderr)
        with h5py.File(run / "run.h5") as file:
            metrics = {row["name"].decode(): float(row["value"]) for row in file["metrics"][:]}
        return {"tokens_per_second": metrics["tokens_per_second"], "peak_mib": metrics["peak_memory"]}


def by_pytorch(arguments, batch):
    cuda = arguments.device == "cuda"
    config = transformers.LlamaConfig(**SHAPES[arguments.shape], attn_implementation="sdpa")
    torch.manual_seed(0)
    narrow = torch.bfloat16 if arguments.precision == "bf16" else torch.float32
    student = transformers.LlamaForCausalLM(config).to(arguments.device).train()
    teacher = transformers.LlamaForCausalLM(config).to(arguments.device, narrow).eval()
    optimizer = torch.optim.AdamW(student.parameters(), lr=8e-5, betas=(0.9, 0.98), weight_decay=0, fused=True)
    ids = torch.randint(258, (batch, arguments.length), device=arguments.device)
    speeds, begin = [], None
    try:
        for step in range(arguments.steps):
            optimizer.zero_grad(set_to_none=False)
            with torch.no_grad():
                theirs = teacher(ids).logits.float()
            with torch.autocast(arguments.device, dtype=torch.bfloat16, enabled=narrow != torch.float32):
                ours = student(ids).logits.float()
                loss = F.kl_div(ours.log_softmax(-1), theirs.softmax(-1), reduction="batchmean")
            loss.backward()
            torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
            optimizer.step()
            if (step + 1) % INTERVAL == 0:
                loss.item()
                now = time.perf_counter()
                if begin is not None:
                    speeds.append(INTERVAL * batch * arguments.length / (now - begin))
                begin = now
        return {"tokens_per_second": statistics.median(speeds),
                "peak_mib": torch.cuda.max_memory_allocated() / 2**20 if cuda else None}
    except torch.OutOfMemoryError:
        return None
    finally:
        del student, teacher, optimizer
        if cuda:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()


def main():
    parser = options(__doc__, "bf16")
    parser.add_argument("--shape", default="smollm2", choices=SHAPES)
    parser.add_argument("--batch", default="4,12")
    parser.add_argument("--length", type=int, default=2048)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--method", default="")
    arguments = parser.parse_args()
    facts = torch_provenance(arguments)
    page = (f"# A step of distillation: {arguments.shape}, {arguments.length} tokens a sequence, {arguments.precision}, "
            f"{facts['device']}\n\n| sequences | who | tokens/s | peak of tensors, MiB |\n| --- | --- | --- | --- |\n")
    cells = []
    for batch in map(int, arguments.batch.split(",")):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            write_inputs(folder, 4 * batch, arguments.length)
            rivals = {"frugal, fused": lambda: by_frugal(arguments, folder, batch, True),
                      "frugal, whole logits": lambda: by_frugal(arguments, folder, batch, False),
                      "PyTorch, transformers": lambda: by_pytorch(arguments, batch)}
            if arguments.method:
                method = arguments.method.split()
                rivals[f"frugal, fused, {arguments.method}"] = lambda: by_frugal(arguments, folder, batch, True, method)
            samples = {who: [] for who in rivals}
            for _ in range(arguments.rounds):
                for who, measure in rivals.items():
                    samples[who].append(measure())
        for who, found in samples.items():
            cells.append({"batch": batch, "who": who, "samples": found})
            if None in found:
                page += f"| {batch} | {who} | out of memory | |\n"
                continue
            speed = statistics.median(s["tokens_per_second"] for s in found)
            peak = "" if found[0]["peak_mib"] is None else f"{max(s['peak_mib'] for s in found):.0f}"
            page += f"| {batch} | {who} | {speed:.0f} | {peak} |\n"
    page += "\n`" + " ".join(["python bench/distillation_step.py", f"--device {arguments.device}", f"--shape {arguments.shape}",
                             f"--batch {arguments.batch}", f"--length {arguments.length}",
                             *([f"--method '{arguments.method}'"] if arguments.method else [])]) + "`\n"
    write(f"distillation_step_{arguments.device}_{arguments.shape}", {"provenance": facts, "cells": cells}, page, arguments.out)


if __name__ == "__main__":
    main()
