"""Dependencies point one way: core <- {datasets, metrics, models} <- methods <- experiments <- cli.

usage: architecture_test.py SOURCE_DIR FRUGAL
Reads the #include lines of the tree, and what the front end links. First shows itself, on a made-up tree, that it finds
what it looks for.
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ALLOWED = {
    "core": {"core"},
    "datasets": {"core", "datasets"},
    "metrics": {"core", "metrics"},
    "models": {"core", "models"},
    "methods": {"core", "datasets", "metrics", "models", "methods"},
    "experiments": {"core", "datasets", "metrics", "models", "methods", "experiments"},
    "cli": {"core", "datasets", "metrics", "models", "methods", "experiments", "cli"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)
LIBTORCH = re.compile(r"^(torch|ATen|c10|caffe2)/")


def violations(root):
    found = []
    for folder, allowed in ALLOWED.items():
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in {".h", ".cpp", ".cu", ".cuh"}:
                continue
            name = path.relative_to(root)
            for header in INCLUDE.findall(path.read_text(encoding="utf-8")):
                top = header.split("/")[0]
                if top in ALLOWED and "/" in header and top not in allowed:
                    found.append(f"{name} includes {header}")
                if path.suffix in {".cu", ".cuh"} and LIBTORCH.match(header):
                    found.append(f"{name} includes LibTorch's {header}: nvcc takes a minute for it")
                parts, own = Path(header).parts, name.parts
                paper_of = lambda p: p[1] if p[0] == "methods" and len(p) > 2 and p[1] != "common" else None
                if own[0] == "methods" and paper_of(parts) and paper_of(own) and paper_of(parts) != paper_of(own):
                    found.append(f"{name} includes another paper's {header}")
                if own[:2] == ("methods", "common") and paper_of(parts):
                    found.append(f"{name} includes the paper {header}")
    return found


def shows_itself():
    bad = {
        "core/a.h": '#include "models/x.h"\n',
        "datasets/b.cpp": '#include "metrics/y.h"\n',
        "methods/meft/c.cpp": '#include "methods/other/z.h"\n',
        "methods/common/d.cpp": '#  include "methods/meft/z.h"\n',
        "models/e.cu": "#include <ATen/ATen.h>\n",
        "experiments/f.h": '#include "cli/options.h"\n',
    }
    good = {
        "core/run/g.cpp": '#include "core/error.h"\n#include <vector>\n// #include "models/x.h" is no include\n',
        "methods/meft/h.cpp": '#include "methods/common/peft.h"\n#include "methods/meft/i.h"\n#include "methods/method.h"\n',
        "methods/registry.cpp": '#include "methods/meft/meft.h"\n',
        "models/j.cpp": "#include <ATen/ATen.h>\n",
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {**bad, **good}.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        found = violations(Path(folder))
    assert len(found) == len(bad), f"expected one violation in each of {sorted(bad)}, found {found}"
    assert all(any(v.startswith(name) for v in found) for name in bad), found


def linked(program):
    out = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return [line.split()[0] for line in out.splitlines() if line.strip()]


def needed(program):
    out = subprocess.run(["readelf", "-d", program], capture_output=True, text=True, check=True).stdout
    return re.findall(r"NEEDED.*\[(.+)\]", out)


# LibTorch's CUDA library registers itself when it is loaded: nothing names its symbols, so a linker drops it unasked.
def wrong_workers(folder):
    wanted = {"frugal-worker-cpu": ["libtorch_cpu.so"], "frugal-worker-cuda": ["libtorch_cpu.so", "libtorch_cuda.so"]}
    for worker, libraries in wanted.items():
        if (folder / worker).exists():
            found = needed(folder / worker)
            yield from (f"{worker} does not link {name}" for name in libraries if name not in found)
    if (folder / "frugal-worker-cpu").exists() and "libtorch_cuda.so" in needed(folder / "frugal-worker-cpu"):
        yield "frugal-worker-cpu links libtorch_cuda.so"


def main():
    source, frugal = Path(sys.argv[1]), sys.argv[2]
    shows_itself()
    found = violations(source)
    libraries = linked(frugal)
    assert any(name.startswith("libhdf5") for name in libraries), f"ldd showed no libraries of {frugal}: {libraries}"
    found += [f"{frugal} links {name}" for name in libraries if re.match(r"lib(torch|c10|cud|nccl|av|sw|opencv|blas)", name)]
    # FFmpeg's libraries take 40 ms to load: a program of its own reads videos.
    found += wrong_workers(Path(frugal).parent)
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


sys.exit(main())
