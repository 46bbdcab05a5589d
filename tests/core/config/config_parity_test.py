"""Compares `frugal config` and `frugal completion` with Hydra 1.3, OmegaConf 2.3 and PyYAML, errors by kind.

usage: config_parity_test.py FRUGAL [--seed N] [--count N]    exit code 1 when an answer differs
"""
import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import config_cases as cases
import hydra_reference as reference


class Comparison:
    def __init__(self, frugal):
        self.frugal = frugal
        self.counts = {}
        self.differences = []

    def ask(self, *args):
        done = subprocess.run([self.frugal, *args], capture_output=True, check=False)
        out = done.stdout.decode("utf-8", "replace")
        if args[0] == "completion":
            return {"candidates": out.splitlines()}
        try:
            return json.loads(out)
        except json.JSONDecodeError:
            return {"crash": done.returncode, "stderr": done.stderr.decode("utf-8", "replace")[:300]}

    def compare(self, section, case, expected, *args):
        found = self.ask(*args)
        error = found.get("error")
        if "detail" in expected:
            if expected["error"] is None:  # Hydra fails by accident there: any error of ours will do
                same = isinstance(error, dict) or "AssertionError" in expected["detail"]
            else:
                same = isinstance(error, dict) and error["kind"] == expected["error"]
        else:
            try:
                expected = json.loads(json.dumps(expected))
            except TypeError:  # a value that JSON cannot hold
                return
            choices = expected.pop("choices", None), found.pop("choices", None)
            same = reference.same(expected, found) and choices[0] == choices[1]
        self.counts[section] = self.counts.get(section, 0) + 1
        if not same:
            self.differences.append(f"{section}: {case}\n  expected {str(expected)[:400]}\n  found    {str(found)[:400]}")


def write_tree(directory, files):
    for name, text in files.items():
        path = pathlib.Path(directory, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("EXTRA", f"{directory}/extra"), encoding="utf-8")


def compare_trees(comparison, seed, count):
    rnd = random.Random(seed)
    for number in range(count):
        with tempfile.TemporaryDirectory() as directory:
            write_tree(directory, cases.tree(rnd))
            for _ in range(4):
                overrides = [o.replace("EXTRA", f"{directory}/extra") for o in cases.tree_overrides(rnd)]
                verb, resolve = rnd.choice(["compose", "compose", "compose", "sweep"]), rnd.random() < 0.4
                with reference.HydraRoot(directory) as root:
                    if verb == "compose":
                        expected = reference.answer(root.compose, "config", overrides, resolve)
                    else:
                        expected = reference.answer(root.sweep, "config", overrides)
                flags = ["--resolve"] if resolve and verb == "compose" else []
                comparison.compare(verb, f"tree {seed}/{number} {flags} {overrides}", expected,
                                   "config", verb, "--json", *flags, "--config-dir", directory, "--config-name", "config", "--", *overrides)


def compare_fixed_tree(comparison):
    with tempfile.TemporaryDirectory() as directory:
        write_tree(directory, cases.COMPLETION_TREE)
        for query in cases.QUERIES:
            with reference.HydraRoot(directory) as root:
                expected = reference.answer(root.complete, "config", query)
            comparison.compare("completion", repr(query), expected, "completion", "--query", query, "--config-dir", directory, "--config-name", "config")
        for overrides in cases.SWEEPS:
            for size in (None, 2):
                with reference.HydraRoot(directory) as root:
                    expected = reference.answer(root.sweep, "config", overrides, size)
                flags = ["--max-batch-size", str(size)] if size else []
                comparison.compare("sweep", f"{flags} {overrides}", expected, "config", "sweep", "--json", *flags, "--config-dir", directory, "--", *overrides)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("frugal")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=150, help="generated cases a section")
    args = parser.parse_args()
    os.environ.update(EV="envval", EVI="12")
    comparison = Comparison(args.frugal)
    for text in cases.overrides(args.seed, args.count):
        comparison.compare("parse", text, reference.answer(reference.parse, text), "config", "parse", "--json", "--", text)
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory, "case.yaml")
        for text in cases.documents(args.seed, args.count):
            path.write_bytes(text.encode())
            comparison.compare("load", repr(text), reference.answer(reference.load, str(path)), "config", "load", "--json", str(path))
        for config, key in cases.selections(args.seed, args.count):
            path.write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")
            comparison.compare("get", f"{key} of v={config['v']!r} w={config['w']!r}", reference.answer(reference.get, str(path), key),
                               "config", "get", "--json", "--file", str(path), "--", key)
    compare_fixed_tree(comparison)
    compare_trees(comparison, args.seed, args.count // 3)
    print("cases:", ", ".join(f"{section} {count}" for section, count in comparison.counts.items()))
    print(f"{sum(comparison.counts.values())} cases, {len(comparison.differences)} differences")
    for difference in comparison.differences[:20]:
        print(difference)
    return 1 if comparison.differences else 0


if __name__ == "__main__":
    sys.exit(main())
