"""`frugal inspect` and `frugal tokenize` end to end: output, exit codes, and bad files within 50 MB and 1 s.

usage: inspect_and_tokenize.py FRUGAL MODEL_DIR
"""

import json
import os
import re
import resource
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import bad_gguf
import bad_tokenizers as bad_files
import measured

FRUGAL, MODEL = sys.argv[1], Path(sys.argv[2])
FAILURES = []
PEAK = [0.0, 0.0]
MEMORY_MIB, SECONDS = 50, 1.0
SANITIZED = os.environ.get("FRUGAL_SANITIZED", "") != ""  # a sanitizer's own memory is not the program's


def call(*args, stdin=b""):
    return measured.call(FRUGAL, *args, stdin=stdin)


def check(name, condition, detail=""):
    if not condition:
        FAILURES.append(name)
        print(f"FAILED {name}: {detail}")


def expect_error(name, exit_code, code, *args, stdin=b""):
    status, out, err, memory, seconds = call(*args, stdin=stdin)
    codes = (code,) if isinstance(code, str) else code
    check(name, status == exit_code and any(f"({c})" in err for c in codes), f"exit {status}, stderr {err[:300]}")
    check(f"{name}, stdout empty", out == "", out[:100])
    check(f"{name}, a short message", len(err) < 2000 and "\x1b" not in err, err[:300])
    PEAK[0], PEAK[1] = max(PEAK[0], memory), max(PEAK[1], seconds)
    if not SANITIZED:
        check(f"{name}, memory and time", memory < MEMORY_MIB and seconds < SECONDS, f"{memory:.0f} MiB, {seconds:.2f} s")
    return err


# What an error about a GGUF file names beside the file.
PLACE = re.compile(r"byte \d+|key '[^']+'")


def expect_placed_error(name, exit_code, code, path, *args):
    err = expect_error(name, exit_code, code, *args)
    check(f"{name}, names the file and the place", str(path) in err and PLACE.search(err), err[:300])


def bad_safetensors():
    def file(header, data=b""):
        return struct.pack("<Q", len(header)) + header + data

    entry = b'"%s":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'
    yield "length 0", b"\0" * 8, "safetensors_header_length"
    yield "length 2^63", struct.pack("<Q", 1 << 63) + b"{}", "safetensors_header_length"
    yield "length over the file", struct.pack("<Q", 999) + b"{}", "safetensors_truncated"
    yield "bad utf-8", file(b'{"\xff":1}'), "safetensors_header"
    yield "duplicates", file(b"{" + entry % b"a" + b"," + entry % b"a" + b"}", b"x" * 8), "safetensors_duplicate"
    yield "overlap", file(b"{" + entry % b"a" + b"," + entry % b"b" + b"}", b"x" * 8), "safetensors_layout"
    yield "shape overflow", file(b'{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}'), "safetensors_shape"
    yield "unknown dtype", file(b'{"a":{"dtype":"F31","shape":[],"data_offsets":[0,4]}}', b"x" * 4), "safetensors_dtype"
    yield "truncated", file(b"{" + entry % b"a" + b"}", b"x" * 7), "safetensors_offsets"
    yield "trailing", file(b"{" + entry % b"a" + b"}", b"x" * 9), "safetensors_layout"
    yield "negative offset", file(b'{"a":{"dtype":"U8","shape":[],"data_offsets":[-1,0]}}'), "safetensors_header"
    yield "fractional offset", file(b'{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1.5]}}'), "safetensors_header"
    yield "nested 10^6", file(b'{"a":' + b"[" * 1_000_000), "safetensors_header"
    yield "nested objects", file(b'{"a":' * 1_000_000), "safetensors_header"
    many = ",".join(f'"t{i}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}' for i in range(99_999))
    yield "10^5 tensors and a trailing byte", file(("{" + many + "}").encode(), b"x"), "safetensors_layout"
    yield "16 MiB of one string", file(b'{"' + b"a" * (16 << 20)), "safetensors_header_length"
    yield "15 MiB of one string", file(b'{"' + b"a" * (15 << 20)), "safetensors_header"
    yield "4 MiB of one string, then a bad byte", file(b'{"' + b"a" * (4 << 20) + b'\xff"}'), "safetensors_header"
    yield "3 MiB of one string, then a bad byte", file(b'{"' + b"a" * (3 << 20) + b'\xff"}'), "safetensors_header"
    yield "metadata flood", file(b'{"__metadata__":{' + b",".join(b'"%d":""' % i for i in range(200_000)) + b"}}", b"x"), "safetensors_limit"


def bad_tokenizers():
    good = json.loads((MODEL / "tokenizer.json").read_text())
    good["model"]["vocab"] = {t: i for i, t in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##b"])}
    good["added_tokens"] = []
    good["post_processor"] = None

    def changed(**values):
        return json.dumps({**good, **values}).encode()

    def model(**values):
        return changed(model={**good["model"], **values})

    yield "whole", json.dumps(good).encode(), None
    yield "empty", b"", "tokenizer_json"
    yield "null", b"null", "tokenizer_json"
    yield "list", b"[]", "tokenizer_json"
    yield "cut", json.dumps(good).encode()[:-20], "tokenizer_json"
    yield "bad utf-8", json.dumps(good).encode().replace(b'"a"', b'"\xff"'), "tokenizer_json"
    yield "nested", b'{"a":' * 100_000, "tokenizer_json"
    yield "nested lists", b'{"model":' + b"[" * 1_000_000, "tokenizer_json"
    yield "no model", b"{}", "tokenizer_json"
    yield "model twice", b'{"model":{},"model":{}}', "tokenizer_json"
    yield "vocabulary twice", b'{"model":{"vocab":{},"vocab":{}}}', "tokenizer_json"
    yield "byte-level bpe", model(type="BPE"), "tokenizer_unsupported"
    yield "unigram", model(type="Unigram", vocab=[["a", 0.5]]), "tokenizer_unsupported"
    yield "type is a number", model(type=3), "tokenizer_json"
    yield "other normalizer", changed(normalizer={"type": "NFKC"}), "tokenizer_unsupported"
    yield "other pre-tokenizer", changed(pre_tokenizer={"type": "Whitespace"}), "tokenizer_unsupported"
    yield "no pre-tokenizer", changed(pre_tokenizer=None), "tokenizer_unsupported"
    yield "other post-processor", changed(post_processor={"type": "Magic"}), "tokenizer_unsupported"
    yield "other decoder", changed(decoder={"type": "ByteLevel"}), "tokenizer_unsupported"
    yield "normalizer without its switch", changed(normalizer={"type": "BertNormalizer"}), "tokenizer_json"
    yield "vocabulary is a list", model(vocab=["a"]), "tokenizer_json"
    yield "vocabulary holds objects", model(vocab={"a": {}}), "tokenizer_json"
    yield "no vocabulary", model(vocab={}), "tokenizer_vocab"
    yield "no unknown token", model(unk_token="<none>"), "tokenizer_vocab"
    yield "negative id", model(vocab={"[UNK]": -1}), "tokenizer_json"
    yield "fractional id", model(vocab={"[UNK]": 0.5}), "tokenizer_json"
    yield "id 2^31", model(vocab={"[UNK]": 1 << 31}), "tokenizer_json"
    yield "id 2^64", model(vocab={"[UNK]": 1 << 64}), "tokenizer_json"
    yield "id twice", model(vocab={"[UNK]": 0, "a": 0}), "tokenizer_vocab"
    yield "entry twice", json.dumps(good).encode().replace(b'"a": 5', b'"a": 5, "a": 9'), "tokenizer_vocab"
    yield "long entry", model(vocab={"[UNK]": 0, "a" * 5000: 1}), "tokenizer_vocab"
    yield "negative word limit", model(max_input_chars_per_word=-1), "tokenizer_json"
    yield "added token without content", changed(added_tokens=[{"id": 0}]), "tokenizer_json"
    token = {"id": 7, "content": "x", "single_word": False, "lstrip": False, "rstrip": False, "normalized": True, "special": False}
    yield "added tokens for one text", changed(added_tokens=[token, {**token, "id": 8, "content": "X"}]), "tokenizer_json"
    yield "added token that vanishes", changed(added_tokens=[{**token, "content": "\u0301"}]), "tokenizer_json"
    template = {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}], "pair": [], "special_tokens": {}}
    yield "pair without sequences", changed(post_processor=template), "tokenizer_json"
    special = {"SpecialToken": {"id": "[CLS]", "type_id": 0}}
    yield "undeclared special token", changed(post_processor={**template, "single": [special]}), "tokenizer_json"
    yield "sequence C", changed(post_processor={**template, "single": [{"Sequence": {"id": "C", "type_id": 0}}]}), "tokenizer_json"
    yield "30 MiB of one string", b'{"' + b"a" * (30 << 20), "tokenizer_json"
    yield "value flood", b'{"x":[' + b"0," * 1_000_000 + b"0]}", "tokenizer_json"


def test_inspect(folder):
    for name, content, code in bad_safetensors():
        path = folder / "bad.safetensors"
        path.write_bytes(content)
        expect_error(f"safetensors: {name}", 3, code, "inspect", path)
    count = 0
    for name, content, code in bad_tokenizers():
        path = folder / "tokenizer.json"
        path.write_bytes(content)
        count += 1
        if code is None:
            check(name, call("inspect", path)[0] == 0, call("inspect", path)[2])
        else:
            expect_error(f"tokenizer: {name}", 3, code, "inspect", path)
    (folder / "tokenizer.json").unlink()
    (folder / "x.bin").write_bytes(b"GGUF")
    expect_error("unknown type", 2, "file_type_unknown", "inspect", folder / "x.bin")
    expect_error("missing file", 2, "file_not_found", "inspect", folder / "none.safetensors")
    expect_error("no file", 2, "bad_call", "inspect")
    expect_error("unknown option", 2, "bad_option", "inspect", "x", "--jsn")
    status, out, _, _, _ = call("inspect", "--help")
    check("help", status == 0 and "safetensors" in out)


def test_inspect_gguf(folder):
    path = folder / "model.gguf"
    count = 0
    for name, content, code in bad_gguf.bad_files():
        path.write_bytes(content)
        count += 1
        expect_placed_error(f"gguf: {name}", 3, code, path, "inspect", path)
    path.write_bytes(bad_gguf.good())
    status, out, err, _, _ = call("inspect", path, "--json")
    check("gguf", status == 0, err)
    found = json.loads(out)
    values = {k: v.get("value", v.get("first")) for k, v in found["metadata"].items()}
    want = {"u8": 255, "i8": -1, "u16": 65535, "i16": -2, "u32": 1 << 31, "i32": -3, "f32": 0.5, "yes": True, "i64": -4, "f64": 0.25, "texts": ["a", "", "caf\u00e9"],
            "numbers": [1, -2, 3], "flags": [1, 0], "floats": [1.5], "none": [], "general.architecture": "llama"}
    check("gguf metadata", {k: values[k] for k in want} == want and found["metadata"]["texts"]["count"] == 3, values)
    check("gguf tensors", [(t["name"], t["dtype"], t["shape"], t["bytes"]) for t in found["tensors"]] ==
          [("a", "F32", [3, 2], 24), ("q8", "Q8_0", [2, 32], 68), ("q4_k", "Q4_K", [256], 144), ("half", "F16", [5, 1, 1, 1], 10)], found["tensors"])
    out = call("inspect", path)[1]
    check("gguf table", "4 tensors, 246 bytes" in out and "Q4_K" in out and "[3 x string]" in out, out)
    path.write_bytes(bad_gguf.gguf([bad_gguf.entry("general.alignment", bad_gguf.U32, 64)], [bad_gguf.tensor("a", [2], 0, 64), bad_gguf.tensor("b", [1], 1)], bytes(72), version=2, alignment=64))
    found = json.loads(call("inspect", path, "--json")[1])
    check("gguf version 2", (found["version"], found["alignment"], [t["offset"] % 64 for t in found["tensors"]]) == (2, 64, [0, 0]), found)
    print(f"{count} bad GGUF files")


def test_bad_tokenizers(folder):
    count = 0
    path = folder / "tokenizer.json"
    for name, content, code in bad_files.bad_bpe():
        path.write_bytes(content)
        expect_error(f"BPE: {name}", 3, code, "inspect", path)
        count += 1
    for name, content in bad_files.good_bpe():
        path.write_bytes(content)
        check(f"BPE: {name}", call("tokenize", "--model", folder, stdin=b"ab a\n")[0] == 0, call("inspect", path)[2])
    path.unlink()
    path = folder / "vocab.json"
    path.write_text('{"a": 0, "b": 1, "ab": 2}')
    expect_error("vocab.json without merges.txt", 2, "tokenizer_not_found", "inspect", path)
    for merges, code in (("#version: 0.2\na b c\n", "tokenizer_merges"), ("a\n", "tokenizer_merges"), ("a c\n", "tokenizer_merges"), ("b a\n", "tokenizer_merges"), ("a \xff\n", "tokenizer_merges")):
        (folder / "merges.txt").write_text(merges)
        expect_error(f"merges.txt {merges!r}", 3, code, "inspect", path)
    (folder / "merges.txt").write_text("#version: 0.2\r\na b\r\n\r\n")
    check("vocab.json", call("tokenize", "--model", folder, stdin=b"ab ba\n")[:2] == (0, "2 1 0\n"), call("tokenize", "--model", folder, stdin=b"ab ba\n"))
    for vocabulary, code in (("[]", "tokenizer_json"), ('{"a": -1}', "tokenizer_json"), ('{"a": {}}', "tokenizer_json"), ('{"a": 0, "b": 0}', "tokenizer_vocab")):
        path.write_text(vocabulary)
        expect_error(f"vocab.json {vocabulary}", 3, code, "inspect", path)
    path.unlink()
    path = folder / "t.gguf"
    for name, content, code in bad_files.bad_gguf_tokenizers():
        path.write_bytes(content)
        expect_placed_error(f"GGUF tokenizer: {name}", 3, code, path, "tokenize", "--model", path)
        count += 1
    for name, content in bad_files.good_gguf_tokenizers():
        path.write_bytes(content)
        check(f"GGUF tokenizer: {name}", call("tokenize", "--model", path, stdin=b"ab a\n")[0] == 0, call("tokenize", "--model", path)[2])
    path = folder / "tokenizer.model"
    for name, content in bad_files.bad_sentencepiece():
        path.write_bytes(content)
        expect_error(f"SentencePiece: {name}", 3, "tokenizer_sentencepiece", "inspect", path)
        count += 1
    path.write_bytes(bad_files.sentencepiece())
    status, out, err, _, _ = call("tokenize", "--model", folder, stdin=b"a a\n")
    check("SentencePiece", (status, out) == (0, "1 5 5\n"), (out, err))
    out = call("inspect", path, "--json")[1]
    check("SentencePiece inspect", json.loads(out)["special_tokens"].get("bos") == {"id": 1, "token": "<s>"}, out)
    path.unlink()
    print(f"{count} bad tokenizer files")


def test_decode(folder):
    path = folder / "tokenizer.json"
    path.write_bytes(dict(bad_files.good_bpe())["whole"])
    check("decode", call("tokenize", "--model", path, "--decode", stdin=b"11 5 7\n\n")[:2] == (0, "<s>abc a\n\n"))
    check("decode json", call("tokenize", "--model", path, "--decode", "--json", "--no-special", stdin=b"[11, 5, 7]\n[]\n")[:2] == (0, '"abc a"\n""\n'))
    for line in (b"1 x", b"1,2", b"1.5", b"99999999999", b"[1]"):
        expect_error(f"ids {line}", 3, "tokenize_line", "tokenize", "--model", path, "--decode", stdin=line)
    for line in (b"[1 2]", b"[1,", b"1", b'["1"]', b"[[1]]", b"[1.5]", b"[" * 100_000):
        expect_error(f"json ids {line[:9]}", 3, "tokenize_line", "tokenize", "--model", path, "--decode", "--json", stdin=line)
    expect_error("id outside the vocabulary", 2, "token_id_out_of_range", "tokenize", "--model", path, "--decode", stdin=b"99")
    path.unlink()


def test_real_weights():
    from safetensors import safe_open

    status, out, err, _, seconds = call("inspect", MODEL / "model.safetensors", "--json")
    check("real weights", status == 0, err)
    found = json.loads(out)
    with safe_open(str(MODEL / "model.safetensors"), framework="numpy") as reference:
        check("metadata", found["files"][0]["metadata"] == reference.metadata())
        want = {name: list(reference.get_slice(name).get_shape()) for name in reference.keys()}
    check("shapes", {t["name"]: t["shape"] for t in found["tensors"]} == want)
    check("table", f"{len(want)} tensors" in call("inspect", MODEL / "model.safetensors")[1])
    found = json.loads(call("inspect", MODEL / "tokenizer.json", "--json")[1])
    check("tokenizer", found["vocabulary_size"] == 30522 and found["special_tokens"]["mask"] == {"id": 103, "token": "[MASK]"}, found)
    check("vocab.txt", "30522" in call("inspect", MODEL / "vocab.txt")[1])


def test_tokenize(folder):
    text = "Hello, World!\n\n[MASK] caf\u00e9\n"
    want = "101 7592 1010 2088 999 102\n101 102\n101 103 7668 102\n"
    status, out, err, _, _ = call("tokenize", "--model", MODEL, stdin=text.encode())
    check("lines", status == 0 and out == want, (out, err))
    (folder / "in.txt").write_text(text)
    check("file", call("tokenize", "--model", MODEL, "--file", folder / "in.txt")[1] == want)
    check("no special", call("tokenize", "--model", MODEL, "--no-special", stdin=b"a b")[1] == "1037 1038\n")
    lines = [json.dumps(t) for t in ["Hello, World!", "", "two\nlines", "caf\u00e9"]]
    out = call("tokenize", "--model", MODEL / "tokenizer.json", "--json", stdin="\n".join(lines).encode())[1]
    check("json", [json.loads(line) for line in out.splitlines()] == [[101, 7592, 1010, 2088, 999, 102], [101, 102], [101, 2048, 3210, 102], [101, 7668, 102]], out)
    check("nothing in, nothing out", call("tokenize", "--model", MODEL)[:2] == (0, ""))
    check("help", call("tokenize", "--help")[0] == 0)
    for name, line in [("number", b"3"), ("list", b'["a"]'), ("cut", b'"a'), ("surrogate", b'"\\ud800"'), ("bad utf-8", b'"\xff"'), ("deep", b"[" * 100_000)]:
        expect_error(f"json line: {name}", 3, "tokenize_line", "tokenize", "--model", MODEL / "vocab.txt", "--json", stdin=line)
    status, out, err, _, _ = call("tokenize", "--model", MODEL, stdin=b"ok\ncaf\xe9\n")
    check("bad utf-8 names its line", status == 3 and "standard input:2" in err, err)
    expect_error("no model", 2, "option_missing", "tokenize")
    expect_error("missing model", 2, "tokenizer_not_found", "tokenize", "--model", folder / "none")
    expect_error("folder without a tokenizer", 2, "tokenizer_not_found", "tokenize", "--model", folder)
    expect_error("missing file", 2, "file_not_found", "tokenize", "--model", MODEL, "--file", folder / "none")
    expect_error("stray word", 2, "bad_call", "tokenize", "--model", MODEL, "stray")
    expect_error("unknown option", 2, "bad_option", "tokenize", "--nonsense")


def test_tokenize_by_config(folder):
    text, want = b"Hello, World!\n", "101 7592 1010 2088 999 102\n"
    by_path = ["model=auto", f"model.path={MODEL}"]
    for overrides in (by_path, ["model=tiny_bert", f"model.tokenizer={MODEL}"]):
        status, out, err, _, _ = call("tokenize", *overrides, stdin=text)
        check(f"{overrides}", status == 0 and out == want, (out, err))
    status, out, err, _, _ = call("tokenize", "--json", *by_path, "--no-special", stdin=b'"a b"')
    check("options beside overrides", out == "[1037, 1038]\n", (out, err))
    expect_error("model twice", 2, "bad_call", "tokenize", "--model", MODEL, *by_path)
    expect_error("a model without files", 2, "tokenizer_not_found", "tokenize", "model=tiny_bert")
    expect_error("model=auto without a path", 2, "missing_value", "tokenize", "model=auto")
    expect_error("unknown key", 2, "unknown_key", "tokenize", *by_path, "+model.tokeniser=x")
    expect_error("unknown model", 2, "config_not_found", "tokenize", "model=nonsense")
    expect_error("no such folder", 2, "model_not_found", "tokenize", "model=auto", f"model.path={folder}/none")


def main():
    if not (MODEL / "tokenizer.json").exists():
        print(f"skipped: no model in {MODEL}")
        sys.exit(77)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as folder:
        test_inspect(Path(folder))
        test_inspect_gguf(Path(folder))
        test_bad_tokenizers(Path(folder))
        test_decode(Path(folder))
        test_tokenize(Path(folder))
        test_tokenize_by_config(Path(folder))
    test_real_weights()
    print(f"{len(FAILURES)} failures; bad files took at most {PEAK[0]:.0f} MiB and {PEAK[1]:.2f} s")
    sys.exit(1 if FAILURES else 0)


if __name__ == "__main__":
    main()
