"""A sweep of JOBS jobs that do nothing, by frugal and by Hydra's basic launcher, in turns.
usage: sweep_vs_hydra.py [JOBS] [BUILD_FOLDER]"""
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from timing import ROOT, provenance, write

ROUNDS = 3
HYDRA_APP = '''
import time
import hydra

@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(config):
    time.sleep(config.experiment.ms / 1000)

main()
'''
# As many keys as frugal's job has: the same tree by Hydra's rules.
HYDRA_CONFIG = '''
seed: 0
data: {root: null}
user: {}
device: {type: cpu, index: 0, threads: 2, deterministic: strict, tf32: false}
experiment: {name: sleep, ms: 0, steps: 1, checkpoint_every: 0, array_elements: 0, fail_probability: 0, fault: none, fault_at: 0}
'''


def timed(command, folder):
    begin = time.perf_counter()
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    if process.returncode != 0:
        raise SystemExit(process.stderr)
    return seconds


def main():
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    build = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else ROOT / "build/release").resolve()
    result = {"provenance": provenance(build), "jobs": jobs, "frugal_s": [], "frugal_2_workers_s": [], "hydra_s": []}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "conf").mkdir()
        (folder / "conf/config.yaml").write_text(HYDRA_CONFIG)
        (folder / "app.py").write_text(HYDRA_APP)
        sweep = [str(build / "frugal"), "run", "-m", "experiment=sleep", "experiment.ms=0", f"seed=range({jobs})"]
        hydra = [sys.executable, "app.py", "-m", "experiment.ms=0", f"seed=range({jobs})"]
        for n in range(ROUNDS):
            result["frugal_s"].append(timed([*sweep, f"hydra.sweep.dir=f{n}"], folder))
            result["hydra_s"].append(timed([*hydra, f"hydra.sweep.dir=h{n}"], folder))
            result["frugal_2_workers_s"].append(
                timed([*sweep, f"hydra.sweep.dir=g{n}", "hydra.launcher.n_jobs=2"], folder))
            for made in (f"f{n}", f"g{n}"):
                if len(list((folder / made).glob("*/run.h5"))) != jobs:
                    raise SystemExit(f"{made}: not every job has a result file")
            if len(list((folder / f"h{n}").glob("*/.hydra/config.yaml"))) != jobs:
                raise SystemExit("Hydra did not run every job")
    hydra = statistics.median(result["hydra_s"])
    rows = ""
    for label, key in (("Hydra's basic launcher, one process", "hydra_s"), ("frugal, one worker", "frugal_s"),
                       ("frugal, two workers", "frugal_2_workers_s")):
        seconds = statistics.median(result[key])
        rows += (f"| {label} | {seconds:.2f} | {min(result[key]):.2f} - {max(result[key]):.2f} | "
                 f"{seconds / jobs * 1e3:.1f} | {hydra / seconds:.2f} |\n")
    write(f"sweep_{jobs}_jobs", result,
          f"# A sweep of {jobs} jobs that do nothing\n\n`python bench/sweep_vs_hydra.py {jobs}`: wall time of the whole "
          f"command, in turns, median of {ROUNDS}. A job of frugal is composed, checked against the options, journaled,\n"
          f"synced to disk, given a result file with provenance, and noted in a ledger; one of Hydra is composed, given "
          f"its `.hydra` folder\nand called in the same process.\n\n"
          f"| launcher | sweep, s | range, s | a job, ms | times as fast as Hydra |\n| --- | ---: | ---: | ---: | ---: |\n"
          f"{rows}")


if __name__ == "__main__":
    main()
