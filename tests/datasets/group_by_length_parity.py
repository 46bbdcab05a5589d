"""group_by_length equals transformers' get_length_grouped_indices on the same permutation. usage: ... PROBE"""

import json
import random
import subprocess
import sys

import torch
from transformers.trainer_pt_utils import get_length_grouped_indices

rng = random.Random(5)
requests, want = [], []
for _ in range(300):
    n, batch = rng.randint(1, 700), rng.randint(1, 40)
    lengths = [rng.randint(1, rng.choice([3, 60, 512])) for _ in range(n)]
    order = rng.sample(range(n), n)
    torch.randperm = lambda *_args, order=order, **_kwargs: torch.tensor(order)
    want.append(get_length_grouped_indices(lengths, batch))
    requests.append({"order": order, "lengths": lengths, "batch": batch})
lines = "".join(json.dumps(r) + "\n" for r in requests)
done = subprocess.run([sys.argv[1]], input=lines, capture_output=True, text=True, check=True)
got = [json.loads(line) for line in done.stdout.splitlines()]
assert len(got) == len(want)
wrong = sum(a != b for a, b in zip(got, want))
print(f"{len(want)} orders, {wrong} differ")
sys.exit(1 if wrong else 0)
