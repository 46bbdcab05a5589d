"""A sweep of JOBS jobs that sleep for 50 ms, by frugal and by Hydra's basic launcher, in turns.
usage: sweep_vs_hydra.py [JOBS] [BUILD_FOLDER]"""
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from timing import ROOT, provenance, write

ROUNDS = 3
JOB_MS = 50
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
    result = {"provenance": provenance(build), "jobs": jobs, "job_ms": JOB_MS, "frugal_s": [], "frugal_2_workers_s": [], "hydra_s": []}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "conf").mkdir()
        (folder / "conf/config.yaml").write_text(HYDRA_CONFIG)
        (folder / "app.py").write_text(HYDRA_APP)
        sweep = [str(build / "frugal"), "run", "-m", "experiment=sleep", f"experiment.ms={JOB_MS}", f"seed=range({jobs})"]
        hydra = [sys.executable, "app.py", "-m", f"experiment.ms={JOB_MS}", f"seed=range({jobs})"]
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
    for label, key, workers in (("Hydra's basic launcher, one process", "hydra_s", 1),
                                ("frugal, one worker", "frugal_s", 1), ("frugal, two workers", "frugal_2_workers_s", 2)):
        seconds = statistics.median(result[key])
        overhead = seconds * workers / jobs * 1e3 - JOB_MS  # of one job, as its worker sees it
        rows += (f"| {label} | {seconds:.2f} | {min(result[key]):.2f} - {max(result[key]):.2f} | {overhead:.1f} | "
                 f"{hydra / seconds:.2f} |\n")
    write(f"sweep_{jobs}_jobs", result,
          f"# A sweep of {jobs} jobs that sleep for {JOB_MS} ms\n\n`python bench/sweep_vs_hydra.py {jobs}`: wall time of "
          f"the whole command, in turns, median of {ROUNDS}. A job of frugal is composed, checked against the options,\n"
          f"journaled, synced to disk, given a result file with provenance, and noted in a ledger; one of Hydra is "
          f"composed, given its `.hydra`\nfolder and called in the same process. Overhead: wall time x workers / jobs - "
          f"{JOB_MS} ms.\n\n"
          f"| launcher | sweep, s | range, s | overhead a job and worker, ms | times as fast as Hydra |\n"
          f"| --- | ---: | ---: | ---: | ---: |\n{rows}")


if __name__ == "__main__":
    main()
