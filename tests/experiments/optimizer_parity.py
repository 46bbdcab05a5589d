"""AdamW, clipping and schedules equal PyTorch's and transformers', step for step. usage: optimizer_parity.py PROBE"""

import json
import math
import subprocess
import sys

import numpy as np
import torch
from transformers import (
    get_constant_schedule_with_warmup,
    get_cosine_schedule_with_warmup,
    get_linear_schedule_with_warmup,
)

TYPES = {"fp32": (np.float32, torch.float32), "fp64": (np.float64, torch.float64)}
# fp32: a few roundings a step, summed over 40 steps.
TOLERANCE = {"fp32": 2e-6, "fp64": 1e-13}
SHAPES = {
    "bert.encoder.layer.0.output.dense.weight": 37,
    "bert.encoder.layer.0.output.dense.bias": 5,
    "bert.encoder.layer.0.output.LayerNorm.weight": 7,
    "bert.encoder.layer.0.output.LayerNorm.bias": 7,
    "bert.encoder.layer.0.attention.self.query.lora_A.weight": 16,
    "classifier.weight": 11,
    "classifier.bias": 3,
}


def decays(name):
    """transformers' Trainer: no decay on biases and inside norms."""
    return "bias" not in name and "LayerNorm" not in name


def torch_adamw(values, steps, o, dtype):
    parameters = {n: torch.nn.Parameter(torch.tensor(v, dtype=dtype)) for n, v in values.items()}
    groups = [
        {"params": [p for n, p in parameters.items() if decays(n)], "weight_decay": o["weight_decay"]},
        {"params": [p for n, p in parameters.items() if not decays(n)], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1.0, betas=(o["beta1"], o["beta2"]), eps=o["eps"])
    after = []
    for step in steps:
        for group in optimizer.param_groups:
            group["lr"] = step["rate"]
        for n, p in parameters.items():
            p.grad = torch.tensor(step["gradients"][n], dtype=dtype)
        optimizer.step()
        after.append({n: p.detach().double().numpy().copy() for n, p in parameters.items()})
    return after


def hf_adamw(values, steps, o, dtype):
    """transformers 4.29's AdamW (correct_bias=True): eps outside of the bias correction, decay after the update."""
    parameters = {n: np.array(v, dtype) for n, v in values.items()}
    m = {n: np.zeros_like(p) for n, p in parameters.items()}
    v = {n: np.zeros_like(p) for n, p in parameters.items()}
    after = []
    for t, step in enumerate(steps, start=1):
        for n, p in parameters.items():
            g = np.array(step["gradients"][n], dtype)
            m[n] = m[n] * dtype(o["beta1"]) + dtype(1 - o["beta1"]) * g
            v[n] = v[n] * dtype(o["beta2"]) + dtype(1 - o["beta2"]) * g * g
            denominator = np.sqrt(v[n]) + dtype(o["eps"])
            size = step["rate"] * math.sqrt(1 - o["beta2"] ** t) / (1 - o["beta1"] ** t)
            p -= dtype(size) * (m[n] / denominator)
            if decays(n) and o["weight_decay"] > 0:
                p -= dtype(step["rate"] * o["weight_decay"]) * p
        after.append({n: p.astype(np.float64) for n, p in parameters.items()})
    return after


class Requests:
    def __init__(self):
        self.lines, self.expected = [], []

    def add(self, request, expected, tolerance):
        self.lines.append(json.dumps(request))
        self.expected.append((request, expected, tolerance))


def optimizer_cases(requests, rng):
    for kind, (np_type, torch_type) in TYPES.items():
        for o in (
            {"beta1": 0.9, "beta2": 0.98, "eps": 1e-6, "weight_decay": 0.1},
            {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0},
            {"beta1": 0.5, "beta2": 0.7, "eps": 1e-2, "weight_decay": 0.5},
        ):
            number = lambda size, scale: rng.normal(0, scale, size).astype(np_type).astype(float).tolist()  # noqa: E731
            values = {n: number(s, 1) for n, s in SHAPES.items()}
            steps = [
                {
                    "rate": float(rng.choice([0.0, 1e-3, 3e-2])),
                    # Over eight orders of magnitude, where the place of eps matters.
                    "gradients": {n: number(s, 10.0 ** rng.integers(-7, 2)) for n, s in SHAPES.items()},
                }
                for _ in range(40)
            ]
            for form, reference, dtype in (("torch", torch_adamw, torch_type), ("hf", hf_adamw, np_type)):
                request = {"what": "adamw", "form": form, "type": kind, **o, "parameters": values, "steps": steps}
                requests.add(request, reference(values, steps, o, dtype), TOLERANCE[kind])


def clip_cases(requests, rng):
    for kind, (np_type, torch_type) in TYPES.items():
        for scale in (1e-4, 0.1, 30.0):
            for max_norm in (1.0, 0.25, 1e6):
                gradients = {n: rng.normal(0, scale, s).astype(np_type).astype(float).tolist() for n, s in SHAPES.items()}
                parameters = [torch.nn.Parameter(torch.zeros(s, dtype=torch_type)) for s in SHAPES.values()]
                for p, g in zip(parameters, gradients.values()):
                    p.grad = torch.tensor(g, dtype=torch_type)
                norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
                expected = {
                    "norm": float(norm),
                    "gradients": {n: p.grad.double().numpy() for n, p in zip(SHAPES, parameters)},
                }
                request = {"what": "clip", "type": kind, "max_norm": max_norm, "gradients": gradients}
                requests.add(request, expected, TOLERANCE[kind])
                requests.add({**request, "max_norm": 0}, {"norm": float(norm), "gradients": gradients}, TOLERANCE[kind])


def schedule_cases(requests):
    def optimizer():
        return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)

    for total in (1, 2, 7, 100):
        for warmup in {0, 1, total // 3, total}:
            makers = {
                "constant": lambda w=warmup: get_constant_schedule_with_warmup(optimizer(), w),
                "linear": lambda w=warmup, t=total: get_linear_schedule_with_warmup(optimizer(), w, t),
                "cosine": lambda w=warmup, t=total: get_cosine_schedule_with_warmup(optimizer(), w, t),
            }
            for kind, make in makers.items():
                factor = make().lr_lambdas[0]
                request = {"what": "schedule", "kind": kind, "warmup": warmup, "total": total, "steps": total + 3}
                requests.add(request, [factor(step) for step in range(total + 3)], 1e-15)
    for total in (1, 10, 99, 100, 1234):
        for ratio in (0.0, 0.06, 0.1, 0.5, 1.0):
            requests.add({"what": "warmup_steps", "ratio": ratio, "total": total}, math.ceil(ratio * total), 0)


def error(ours, theirs):
    """Largest difference relative to max(1, largest value), over anything nested."""
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        return max(error(ours[k], theirs[k]) for k in theirs)
    if isinstance(theirs, list) and theirs and isinstance(theirs[0], dict):
        assert len(ours) == len(theirs)
        return max(error(a, b) for a, b in zip(ours, theirs))
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    return float(np.abs(ours - theirs).max() / max(1.0, np.abs(theirs).max()))


def main():
    rng = np.random.default_rng(7)
    requests = Requests()
    optimizer_cases(requests, rng)
    clip_cases(requests, rng)
    schedule_cases(requests)
    done = subprocess.run([sys.argv[1]], input="\n".join(requests.lines), capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(requests.expected), (len(answers), len(requests.expected))
    failures, worst = 0, {}
    for ours, (request, theirs, tolerance) in zip(answers, requests.expected):
        found = error(ours, theirs)
        name = " ".join(str(request[k]) for k in ("what", "form", "kind", "type") if k in request)
        worst[name] = max(worst.get(name, 0.0), found)
        if not found <= tolerance:
            failures += 1
            print(f"{name}: differs by {found:.3g}, allowed {tolerance}: {str(request)[:200]}")
    print(f"{len(answers)} cases, {failures} differ; largest differences: {worst}")
    # The two forms of AdamW differ, so the test can tell them apart.
    by_form = {r["form"]: t for r, t, _ in requests.expected if r["what"] == "adamw" and r["type"] == "fp64"}
    assert error(by_form["hf"], by_form["torch"]) > 1e-6
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
