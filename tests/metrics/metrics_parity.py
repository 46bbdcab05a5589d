"""Metrics equal scikit-learn's and scipy's to 1e-9 on random inputs. usage: metrics_parity.py PROBE"""

import json
import subprocess
import sys
import warnings

import numpy as np
from scipy import stats
from sklearn import metrics

TOLERANCE = 1e-9
warnings.simplefilter("ignore")  # constant inputs are among the cases


def class_cases(rng):
    for _ in range(300):
        n, k = int(rng.integers(1, 200)), int(rng.integers(1, 6))
        target = rng.integers(0, k, n)
        noise = rng.integers(0, k, n)
        predicted = np.where(rng.random(n) < rng.random(), target, noise)
        yield target, predicted
    yield np.zeros(5, int), np.zeros(5, int)
    yield np.array([1, 1, 1, 0]), np.ones(4, int)
    yield np.array([-1, 3, 3]), np.array([3, -1, 3])


def score_cases(rng):
    for i in range(300):
        n = int(rng.integers(2, 300))
        x = rng.normal(size=n) * 10.0 ** rng.integers(-8, 8) + (10.0 ** rng.integers(0, 4) if i % 3 == 0 else 0)
        y = x * rng.normal() + rng.normal(size=n) * np.std(x)
        if i % 2 == 0:  # ties
            x, y = np.round(x / np.std(x), 1), np.round(y / np.std(y), 0)
        yield x, y
    yield np.array([1.0, 1.0, 1.0]), np.array([1.0, 2.0, 3.0])
    yield np.array([1e200, -1e200, 5.0]), np.array([1.0, 2.0, 3.0])
    yield np.array([0.0, 5.0]), np.array([2.0, 1.0])


def main():
    rng = np.random.default_rng(20240501)
    requests, want = [], []

    def add(metric, value, target, predicted=None, **extra):
        request = {"metric": metric, "target": target.tolist(), **extra}
        if predicted is not None:
            request["predicted"] = predicted.tolist()
        requests.append(request)
        want.append(float(value))

    for target, predicted in class_cases(rng):
        add("accuracy", metrics.accuracy_score(target, predicted), target, predicted)
        add("matthews", metrics.matthews_corrcoef(target, predicted), target, predicted)
        add("f1_macro", metrics.f1_score(target, predicted, average="macro", zero_division=0), target, predicted)
        f1 = metrics.f1_score(target, predicted, labels=[1], average="macro", zero_division=0)
        add("f1_binary", f1, target, predicted)
    for x, y in score_cases(rng):
        add("pearson", stats.pearsonr(x, y).statistic, x, y)
        add("spearman", stats.spearmanr(x, y).statistic, x, y)
        if np.max(np.abs(x)) > 1e150:  # scipy's own squares overflow there
            continue
        add("standard_error", stats.sem(x), x)
        q = float(rng.random())
        add("quantile", np.quantile(x, q), x, q=q)
    lines = "".join(json.dumps(r) + "\n" for r in requests)
    done = subprocess.run([sys.argv[1]], input=lines, capture_output=True, text=True, check=True)
    got = [np.nan if value is None else value for value in map(json.loads, done.stdout.splitlines())]
    assert len(got) == len(want), (len(got), len(want))
    failures, nans, worst = 0, 0, {}
    for request, ours, theirs in zip(requests, got, want):
        nans += np.isnan(theirs)
        error = 0.0 if np.isnan(ours) and np.isnan(theirs) else abs(ours - theirs) / max(1.0, abs(theirs))
        worst[request["metric"]] = max(worst.get(request["metric"], 0.0), error)
        if not error <= TOLERANCE:
            failures += 1
            print(f"{request['metric']}: ours {ours} reference {theirs} on {str(request)[:300]}")
    print(f"{len(want)} figures ({nans} of them NaN), {failures} differ; largest error by metric: {worst}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
