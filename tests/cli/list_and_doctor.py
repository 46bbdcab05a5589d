"""frugal list and frugal doctor as a user calls them. usage: list_and_doctor.py FRUGAL SOURCE_DIR"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

FRUGAL, SOURCE = sys.argv[1], Path(sys.argv[2])
STATES = {"ok", "warning", "missing"}


def call(*args, cwd=None, **environment):
    env = {**os.environ, **environment}
    return subprocess.run([FRUGAL, *args], capture_output=True, text=True, env=env, cwd=cwd, timeout=200)


def check_list():
    everything = json.loads(call("list", "--json").stdout)
    for kind, group in [("methods", "method"), ("models", "model"), ("datasets", "dataset"), ("experiments", "experiment")]:
        names = {e["name"] for e in everything if e["kind"] == kind}
        files = {p.stem for p in (SOURCE / "configs" / group).glob("*.yaml")}
        assert names == files and files, (kind, names ^ files)
        lines = call("list", kind).stdout.splitlines()
        assert [line.split()[0] for line in lines] == sorted(files), lines
        assert all(len(line.split(None, 1)) == 2 for line in lines), lines
    metrics = {e["name"] for e in everything if e["kind"] == "metrics"}
    assert {"accuracy", "matthews", "pearson"} <= metrics, metrics
    assert "  lora " in call("list").stdout
    keys = {e["key"]: e for e in json.loads(call("list", "--keys", "--json").stdout)}
    assert keys["experiment.relative_spread"]["default"] == 0.005, keys.get("experiment.relative_spread")
    assert "method.rank=8  int" in call("list", "--keys").stdout
    wrong = call("list", "metods")
    assert wrong.returncode == 2 and "did you mean 'methods'" in wrong.stderr, wrong
    assert call("list", "--help").stdout.startswith("usage: frugal list")


def findings(result):
    rows = json.loads(result.stdout)
    for row in rows:
        assert row["status"] in STATES and row["detail"], row
        assert row["status"] == "ok" or row["fix"] or row["name"] == "cuda-worker", f"nothing to do about {row}"
    return {row["name"]: row for row in rows}


def check_doctor(folder):
    (folder / "data" / "glue" / "CoLA").mkdir(parents=True)
    (folder / "data" / "glue" / "CoLA" / "dev.tsv").write_text("gj04\t1\t\tHe left.\ngj04\t0\t*\tLeft he.\n")
    (folder / "hub" / "models--a--b").mkdir(parents=True)
    (folder / "bin").mkdir()
    for program in ["sbatch", "squeue", "scancel", "sacct"]:
        (folder / "bin" / program).write_text("#!/bin/sh\n")
        (folder / "bin" / program).chmod(0o755)
    full = call("doctor", "--json", cwd=folder, FRUGAL_DATA_ROOT=str(folder / "data"), HF_HUB_CACHE=str(folder / "hub"),
                PATH=str(folder / "bin"))
    assert full.returncode == 0, full.stderr
    found = findings(full)
    expected = {"cpu", "memory", "disk", "hdf5", "worker", "libtorch", "cuda-worker", "mpi-worker", "gpu", "data", "models", "hf-cache",
                "video", "slurm", "ffmpeg"}
    if Path(FRUGAL).with_name("frugal-worker-cpu").exists():  # only LibTorch's worker can tell which BLAS it took
        expected.add("blas")
    assert expected == set(found), sorted(found)
    assert (found["libtorch"]["status"] == "ok") == ("blas" in expected), found["libtorch"]
    assert found["worker"]["status"] == "ok", found["worker"]
    assert found["slurm"]["status"] == "ok" and found["ffmpeg"]["status"] == "missing", found
    assert found["data"]["status"] == "warning" and "glue cola" in found["data"]["detail"], found["data"]
    assert "prepare_glue.py" in found["data"]["fix"], found["data"]
    assert found["hf-cache"]["status"] == "ok" and found["hf-cache"]["detail"].startswith("1 models"), found
    if found["libtorch"]["status"] == "ok":
        assert found["blas"]["status"] == "ok" and "libtorch_cpu" in found["blas"]["detail"], found["blas"]

    bare = call("doctor", "--require", "data,slurm,worker", cwd=folder, FRUGAL_DATA_ROOT="", PATH="")
    assert bare.returncode == 1, bare
    assert "missing here: data, slurm" in bare.stderr, bare.stderr
    assert "FRUGAL_DATA_ROOT" in bare.stdout and "-> " in bare.stdout, bare.stdout
    unknown = call("doctor", "--require", "dat", cwd=folder)
    assert unknown.returncode == 2 and "did you mean 'data'" in unknown.stderr, unknown.stderr


def check_read_only(folder):
    """A folder that cannot be written is found, but not by root, who may write anywhere."""
    if os.geteuid() == 0:
        return
    folder.chmod(0o555)
    found = findings(call("doctor", "--json", cwd=folder))
    folder.chmod(0o755)
    assert found["disk"]["status"] == "missing", found["disk"]


check_list()
with tempfile.TemporaryDirectory() as scratch:
    check_doctor(Path(scratch))
with tempfile.TemporaryDirectory() as scratch:
    check_read_only(Path(scratch))
