"""What Python's safetensors writes we read, what we write it reads, byte for byte the same; and we refuse what it refuses.

usage: safetensors_parity.py PROBE
"""

import ctypes
import json
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from safetensors import SafetensorError, TensorSpec, deserialize, serialize

PROBE = sys.argv[1]
BITS = {"bool": 8, "uint8": 8, "int8": 8, "int16": 16, "uint16": 16, "float16": 16, "bfloat16": 16, "int32": 32, "uint32": 32,
        "float32": 32, "float64": 64, "int64": 64, "uint64": 64, "float8_e4m3fn": 8, "float8_e5m2": 8, "float8_e8m0fnu": 8, "complex64": 64}


def probe(source, target):
    return subprocess.run([PROBE, str(source), str(target)], capture_output=True)


def random_file(rng):
    tensors, alive = {}, []
    for i in range(rng.randint(0, 12)):
        dtype = rng.choice(list(BITS))
        shape = [rng.randint(0, 5) for _ in range(rng.randint(0, 4))]
        size = BITS[dtype] // 8
        for dimension in shape:
            size *= dimension
        name = rng.choice(["layer.{}.weight", "\u00e9 {}", '"{}"', "t{}", "a\\{}", "tab\t{}"]).format(i)
        data = ctypes.create_string_buffer(rng.randbytes(size), max(size, 1))
        alive.append(data)
        tensors[name] = TensorSpec(dtype=dtype, shape=shape, data_ptr=ctypes.addressof(data), data_len=size)
    metadata = {"format": "pt"} if rng.random() < 0.5 else None  # one key: the reference orders several at random
    return serialize(tensors, metadata)


def check_round_trip(folder, rng, count):
    for i in range(count):
        content = random_file(rng)
        source, target = folder / "in.safetensors", folder / "out.safetensors"
        source.write_bytes(content)
        done = probe(source, target)
        assert done.returncode == 0, done.stderr.decode()
        names = dict(deserialize(content))
        assert len(done.stdout.decode().splitlines()) == len(names)
        written = target.read_bytes()
        assert written == content, (i, written[:300], content[:300])
    print(f"{count} files: read, written again, the same bytes")


def mutate(content, rng):
    length = struct.unpack("<Q", content[:8])[0]
    data = bytearray(content)
    for _ in range(rng.randint(1, 3)):
        kind = rng.randrange(5)
        if kind == 0 and data:
            del data[rng.randrange(len(data)):]
        elif kind == 1 and data:
            data[rng.randrange(min(len(data), 8 + length))] = rng.randrange(256)
        elif kind == 2:
            data += rng.randbytes(rng.randint(1, 9))
        elif data:  # a digit of the header: sizes and offsets that still parse
            digits = [i for i in range(8, min(len(data), 8 + length)) if 48 <= data[i] < 58]
            if digits:
                data[rng.choice(digits)] = rng.choice(b"0123456789")
    return bytes(data)


def check_mutations(folder, rng, count):
    """Whatever the reference refuses we refuse. We refuse more, but only for reasons that our header states."""
    stricter = {}
    refused = accepted = 0
    for _ in range(count):
        content = mutate(random_file(rng), rng)
        source = folder / "in.safetensors"
        source.write_bytes(content)
        done = probe(source, folder / "out.safetensors")
        assert done.returncode in (0, 3), (done.returncode, done.stderr)
        try:
            deserialize(content)
            reference = True
        except SafetensorError:
            reference = False
        if not reference:
            assert done.returncode == 3, f"the reference refuses this file: {content!r}"
            refused += 1
        elif done.returncode == 3:
            code = done.stderr.decode().rsplit("(", 1)[1].split(")")[0]
            stricter[code] = stricter.get(code, 0) + 1
            # Unknown keys of an entry, a key twice (serde keeps the last), a header that does not start with "{".
            assert code in ("safetensors_header", "safetensors_duplicate"), (code, content)
        else:
            accepted += 1
    print(f"{count} damaged files: {refused} refused by both, {accepted} accepted by both, only by us {json.dumps(stricter)}")
    assert refused > count // 4 and accepted > 0


def main():
    rng = random.Random(17)
    with tempfile.TemporaryDirectory() as folder:
        check_round_trip(Path(folder), rng, 300)
        check_mutations(Path(folder), rng, 1500)


if __name__ == "__main__":
    main()
