"""Makes the seed corpora of the fuzz targets for data files. usage: fuzz_corpus.py FOLDER FRUGAL

    cmake --preset fuzz && cmake --build --preset fuzz --target fuzzers
    python tests/fuzz_corpus.py build/fuzz/corpus build/release/frugal
    build/fuzz/fuzz/safetensors_fuzz -max_total_time=60 build/fuzz/corpus/safetensors

FRUGAL makes the run whose journal, and whose records one by one, are the journal's seeds.
"""

import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "cli"))
import bad_gguf  # noqa: E402
import bad_tokenizers  # noqa: E402
import bad_videos  # noqa: E402

MOST_SEED_BYTES = 4096


def safetensors_file(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def safetensors_files():
    yield safetensors_file({})
    yield safetensors_file({"a": entry("F32", [2], 0, 8)}, b"12345678")
    yield safetensors_file({"a": entry("U8", [], 0, 1), "b": entry("F4", [2, 3], 1, 4), "__metadata__": {"format": "pt"}}, b"1234")
    yield safetensors_file({"\u00e9": entry("BF16", [0, 7], 0, 0)})
    yield safetensors_file(b'{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"a":{}}', b"12345678")
    yield struct.pack("<Q", 1 << 63)


def gguf_files():
    yield bad_gguf.good()
    yield from (content for _, content, _ in bad_gguf.bad_models())
    yield from (content for _, content, _, _ in bad_gguf.bad_checkpoints() if len(content) <= MOST_SEED_BYTES)
    yield from (content for _, content, _ in bad_gguf.bad_files() if len(content) <= MOST_SEED_BYTES)


def tokenizer_files():
    vocabulary = {t: i for i, t in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "##b", "caf", "##e"])}
    token = {"id": 4, "content": "[MASK]", "single_word": False, "lstrip": True, "rstrip": False, "normalized": False, "special": True}
    cls, sep = ({"SpecialToken": {"id": t, "type_id": 0}} for t in ("[CLS]", "[SEP]"))
    first, second = ({"Sequence": {"id": s, "type_id": i}} for i, s in enumerate("AB"))
    template = {"type": "TemplateProcessing", "single": [cls, first, sep], "pair": [cls, first, sep, second, sep],
                "special_tokens": {t: {"id": t, "ids": [i], "tokens": [t]} for t, i in (("[CLS]", 2), ("[SEP]", 3))}}
    good = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [token],
            "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True},
            "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": template, "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": vocabulary}}
    yield json.dumps(good).encode()
    yield json.dumps({**good, "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}, "normalizer": None, "decoder": None}).encode()
    yield json.dumps({**good, "added_tokens": [{**token, "content": "a b", "normalized": True, "single_word": True, "rstrip": True}]}).encode()
    yield from (content for _, content in bad_tokenizers.good_bpe())
    yield from (content for _, content, _ in bad_tokenizers.bad_bpe() if len(content) <= MOST_SEED_BYTES)


def gguf_tokenizer_files():
    yield from (content for _, content in bad_tokenizers.good_gguf_tokenizers())
    yield from (content for _, content, _ in bad_tokenizers.bad_gguf_tokenizers() if len(content) <= MOST_SEED_BYTES)


def sentencepiece_files():
    yield bad_tokenizers.sentencepiece()
    yield bad_tokenizers.sentencepiece(trainer=bad_tokenizers.field(3, 1))
    yield bad_tokenizers.sentencepiece(charsmap=bad_tokenizers.charsmap([0] * 256))
    yield from (content for _, content in bad_tokenizers.bad_sentencepiece() if len(content) <= MOST_SEED_BYTES)


def video_containers():
    yield from (content for content in bad_videos.HOSTILE.values() if len(content) <= MOST_SEED_BYTES)


def journal_files(frugal):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([frugal, "run", "experiment=sleep", "experiment.ms=1", "experiment.steps=3", "experiment.checkpoint_every=2",
                        "experiment.array_elements=4", f"hydra.run.dir={folder}"], check=True, capture_output=True)
        journal = (Path(folder) / "run.journal").read_bytes()
    yield journal
    at, short = 0, b""
    while at < len(journal):  # frames of magic, CRC32C, length, payload
        length = struct.unpack_from("<I", journal, at + 8)[0]
        payload = journal[at + 12:at + 12 + length]
        assert len(payload) == length, "the journal's frames are laid out otherwise"
        yield payload
        if length < 256:
            short += bytes([length]) + payload  # as the target cuts its input into records
        at += 12 + length
    yield short


def main():
    for name, files in (("safetensors", safetensors_files()), ("gguf", gguf_files()), ("tokenizer_json", tokenizer_files()),
                        ("tokenizer_gguf", gguf_tokenizer_files()), ("sentencepiece", sentencepiece_files()), ("video_container", video_containers()),
                        ("journal", journal_files(sys.argv[2]))):
        folder = Path(sys.argv[1]) / name
        folder.mkdir(parents=True, exist_ok=True)
        for i, content in enumerate(files):
            (folder / f"seed{i}").write_bytes(content)


if __name__ == "__main__":
    main()
