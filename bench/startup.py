"""How long the front end takes to answer: median of 50 calls each. usage: startup.py [BUILD_FOLDER]"""
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from timing import ROOT, provenance, write

REPEATS = 50


def main():
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/release").resolve()
    frugal = str(build / "frugal")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([frugal, "run", "experiment=sleep", "hydra.run.dir=run"], cwd=folder, check=True,
                       capture_output=True)
        for file, text in {"config": "defaults: [a: one, b: one, _self_]\nseed: 0\n", "a/one": "x: 1\n",
                           "b/one": "y: ${seed}\n", "b/two": "y: 2\n"}.items():
            path = pathlib.Path(folder) / "conf" / f"{file}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        calls = [("`frugal --help`", ["--help"], 0, 100),
                 ("`frugal config compose` of a config with two groups",
                  ["config", "compose", "--json", "--config-dir", "conf", "--config-name", "config", "--", "b=two"], 0, 100),
                 ("`frugal run --cfg job experiment=smoke method=lora`",
                  ["run", "--cfg", "job", "experiment=smoke", "method=lora"], 0, 100),
                 ("`frugal completion --query \"frugal run experiment=\"`",
                  ["completion", "--query", "frugal run experiment=", "--config-dir", str(ROOT / "configs"),
                   "--config-name", "config"], 0, 100),
                 ("`frugal results show FILE`", ["results", "show", "run/run.h5"], 0, 100),
                 ("`frugal run` with a wrong key", ["run", "experiment=smoke", "experiment.learning_rte=1"], 2, 200)]
        result = {"provenance": provenance(build), "repeats": REPEATS, "calls": []}
        for label, args, code, target in calls:
            samples = []
            for n in range(REPEATS + 3):
                begin = time.perf_counter()
                process = subprocess.run([frugal, *args], cwd=folder, capture_output=True, text=True)
                samples.append((time.perf_counter() - begin) * 1e3)
                if process.returncode != code:
                    raise SystemExit(f"{label}: exit {process.returncode}\n{process.stderr}")
            samples = samples[3:]  # the first ones load files from the disk
            shown = [arg.removeprefix(f"{ROOT}/") for arg in args]
            result["calls"].append({"call": label, "args": shown, "target_ms": target, "samples_ms": samples})
    rows = "".join(
        f"| {c['call']} | {statistics.median(c['samples_ms']):.1f} | "
        f"{statistics.quantiles(c['samples_ms'], n=10)[-1]:.1f} | {c['target_ms']} | "
        f"{'yes' if statistics.median(c['samples_ms']) < c['target_ms'] else 'NO'} |\n" for c in result["calls"])
    write("startup", result,
          f"# Answers of the front end\n\n`python bench/startup.py`: wall time of a call, start of the process included, "
          f"median and 90th percentile of {REPEATS}.\n\n"
          f"| call | median, ms | p90, ms | target, ms | met |\n| --- | ---: | ---: | ---: | --- |\n{rows}")


if __name__ == "__main__":
    main()
