"""What the end-to-end benchmarks share: where and what they ran, and how a result becomes a page."""
import argparse
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent


def provenance(build):
    def output(*command):
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout.strip()

    def version(package):
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            return None

    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "")
    return {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "commit": output("git", "rev-parse", "HEAD"),
            "dirty": bool(output("git", "status", "--porcelain", "--untracked-files=no")),
            "frugal": output(str(build / "frugal"), "version"),
            "cpu": cpu, "cores": os.cpu_count(), "load_at_start": os.getloadavg()[0],
            "system": f"{platform.system()} {platform.release()}", "python": platform.python_version(),
            "hydra-core": version("hydra-core"), "omegaconf": version("omegaconf")}


def options(usage, precision):
    """A parser of the options that every comparison with PyTorch has; `precision`: the default."""
    made = argparse.ArgumentParser(usage=usage)
    made.add_argument("--device", default="cpu")
    made.add_argument("--precision", default=precision, choices=["fp32", "bf16"])
    made.add_argument("--frugal", type=pathlib.Path, default=ROOT / "build/release/frugal")
    made.add_argument("--out", type=pathlib.Path)
    return made


def device_name(device, cpu="CPU"):
    import torch

    return torch.cuda.get_device_name() if device == "cuda" else cpu


def torch_provenance(arguments):
    """Of a comparison with transformers on PyTorch: the device and both versions, too."""
    import torch
    import transformers

    facts = provenance(arguments.frugal.parent)
    return facts | {"device": device_name(arguments.device, facts["cpu"]), "torch": torch.__version__,
                    "transformers": transformers.__version__}


def write(name, result, page, folder=None):
    """<folder>/<name>.json and <name>.md; the folder is results unless named"""
    folder = folder or ROOT / "results"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    facts = result["provenance"]
    foot = (f"\n{facts['date']}, {facts['cores']} cores of {facts['cpu']}, load {facts['load_at_start']:.1f} at the start; "
            f"{'commit ' + facts['commit'][:12] if facts['commit'] else facts['frugal']}"
            f"{' with changes' if facts['dirty'] else ''}, Python {facts['python']}"
            f"{', hydra-core ' + facts['hydra-core'] if facts['hydra-core'] else ''}. "
            f"Every sample is in [{name}.json]({name}.json).\n")
    (folder / f"{name}.md").write_text(page + foot)
    print(page + foot)
