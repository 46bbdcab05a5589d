"""What the tests of `frugal forward` share: calling it, tiny random checkpoints, comparing."""

import json
import subprocess
from pathlib import Path

import h5py
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from transformers.utils import logging

logging.disable_progress_bar()

TOLERANCE = {"fp32": 1e-5, "fp64": 1e-9}
ODD_SIZES = dict(
    vocab_size=101, hidden_size=33, num_hidden_layers=3, num_attention_heads=3, intermediate_size=71,
    max_position_embeddings=19, type_vocab_size=3,
)  # fmt: skip


class Checks:
    """Counts and prints what failed."""

    def __init__(self):
        self.done, self.failed, self.worst = 0, 0, {}

    def that(self, name, condition, detail=""):
        self.done += 1
        if not condition:
            self.failed += 1
            print(f"FAILED {name}: {detail}")

    def equal(self, name, ours, theirs, tolerance, group="fp32"):
        """max|a-b| <= tolerance max(1, max|b|)."""
        ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
        if ours.shape != theirs.shape:
            return self.that(name, False, f"shapes {ours.shape} and {theirs.shape}")
        error = np.abs(ours - theirs).max() / max(1.0, np.abs(theirs).max())
        self.worst[group] = max(self.worst.get(group, 0.0), float(error))
        self.that(name, error <= tolerance, f"largest difference {error:.3g}, allowed {tolerance}")

    def exit_code(self):
        print(f"{self.done} checks, {self.failed} failed; largest differences {self.worst}")
        return 1 if self.failed else 0


def write_inputs(path, arrays):
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values


def read_outputs(path):
    with h5py.File(path) as file:
        return {name: data[()] for name, data in file.items()}


def call(frugal, *args):
    """Exit code, stdout, stderr."""
    done = subprocess.run([frugal, *map(str, args)], capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


def forward(frugal, folder, arrays, *args):
    """The outputs of `frugal forward` by name; files go to `folder`."""
    source, target = Path(folder) / "in.h5", Path(folder) / "out.h5"
    write_inputs(source, arrays)
    status, out, err = call(frugal, "forward", "--input", source, "--output", target, *args)
    if status != 0:
        raise SystemExit(f"frugal forward {' '.join(map(str, args))}: exit {status}\n{err}")
    assert out.strip() == str(target), out
    return read_outputs(target)


def randomise(model, seed):
    """Weights so large that activations are of order one and every term counts."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.named_parameters():
            noise = torch.randn(value.shape, generator=generator, dtype=torch.float64).to(value.dtype)
            if "norm.weight" in name.lower():
                value.copy_(1 + 0.3 * noise)
            elif value.dim() == 1:
                value.copy_(0.3 * noise)
            else:
                value.copy_(noise * (1.0 if "embed" in name else 1.5 / value.shape[1] ** 0.5))
    return model.eval()


def padded_batch(config, rows=3, columns=11, seed=0):
    rng = np.random.default_rng(seed)
    mask = np.ones((rows, columns), np.int64)
    for row in range(1, rows):
        mask[row, columns - 3 * row :] = 0
    return {
        "input_ids": rng.integers(0, config.vocab_size, (rows, columns)),
        "attention_mask": mask,
        "token_type_ids": rng.integers(0, config.type_vocab_size, (rows, columns)),
    }


def edit_checkpoint(folder, tensors=None, config=None):
    """Rewrites model.safetensors and config.json through functions of their dicts."""
    folder = Path(folder)
    if tensors:
        loaded = load_file(folder / "model.safetensors")
        save_file({k: v.contiguous() for k, v in tensors(loaded).items()}, folder / "model.safetensors", {"format": "pt"})
    if config:
        values = json.loads((folder / "config.json").read_text())
        config(values)
        (folder / "config.json").write_text(json.dumps(values))
