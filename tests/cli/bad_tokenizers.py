"""Tokenizer files that a stranger might send: BPE in tokenizer.json, in GGUF metadata, SentencePiece models. Also fuzz seeds."""

import json
import struct

import bad_gguf as g

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
VOCABULARY = {t: i for i, t in enumerate(["<unk>", "a", "b", "c", "ab", "abc", "Ġ", "Ġa", "▁", "▁a", "<0x41>"])}
MERGES = [["a", "b"], ["ab", "c"], ["Ġ", "a"], ["▁", "a"]]
TOKEN = {"id": 11, "content": "<s>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
TEMPLATE = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}], "special_tokens": {"<s>": {"id": "<s>", "ids": [11], "tokens": ["<s>"]}}}
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
MODEL = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False, "vocab": VOCABULARY, "merges": MERGES}
GOOD = {"version": "1.0", "added_tokens": [TOKEN], "normalizer": None, "pre_tokenizer": BYTE_LEVEL, "post_processor": TEMPLATE, "decoder": {"type": "ByteLevel"}, "model": MODEL}
METASPACE = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}


def changed(**values):
    return json.dumps({**GOOD, **values}).encode()


def model(**values):
    return changed(model={**MODEL, **values})


def split(regex=LLAMA3, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": behavior, "invert": invert}


def sequence(key, *steps):
    return {"type": "Sequence", key: list(steps)}


def good_bpe():
    yield "whole", changed()
    yield "merges as text", model(merges=[" ".join(m) for m in MERGES])
    yield "Llama 3", changed(pre_tokenizer=sequence("pretokenizers", split(), {**BYTE_LEVEL, "use_regex": False}), post_processor=sequence("processors", BYTE_LEVEL, TEMPLATE), model={**MODEL, "ignore_merges": True})
    yield "digits", changed(normalizer={"type": "NFC"}, pre_tokenizer=sequence("pretokenizers", {"type": "Digits", "individual_digits": True}, {**BYTE_LEVEL, "add_prefix_space": True}))
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    back = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
    fallback = {**MODEL, "byte_fallback": True, "fuse_unk": True, "unk_token": "<unk>"}
    yield "Llama 2", changed(normalizer=sequence("normalizers", {"type": "Prepend", "prepend": "▁"}, replace), pre_tokenizer=None, model=fallback,
                             decoder=sequence("decoders", back, {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}))
    yield "Metaspace", changed(pre_tokenizer=METASPACE, decoder=METASPACE, model={**fallback, "fuse_unk": False})
    yield "no merges", model(merges=[])
    yield "RoBERTa", changed(post_processor={"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 11], "trim_offsets": True, "add_prefix_space": False})


def bad_bpe():
    for name, merges in [("missing", None), ("an object", {"a": "b"}), ("a number", 3), ("numbers", [1]), ("one token", ["a"]), ("three tokens", ["a b c"]), ("an empty text", [""]), ("pair of one", [["a"]]),
                         ("pair of three", [["a", "b", "c"]]), ("pair of numbers", [[1, 2]]), ("nested pairs", [[["a", "b"], ["c"]]]), ("null", [None])]:
        yield f"merges: {name}", model(merges=merges), "tokenizer_json"
    for name, merges in [("unknown left", ["x a"]), ("unknown right", ["a x"]), ("unknown result", ["b a"]), ("empty token", ["a "]), ("empty tokens", [" "])]:
        yield f"merges: {name}", model(merges=merges), "tokenizer_merges"
    yield "merges twice", changed().replace(b'"merges": ', b'"merges": [], "merges": '), "tokenizer_json"
    yield "dropout", model(dropout=0.1), "tokenizer_unsupported"
    yield "prefix", model(continuing_subword_prefix="##"), "tokenizer_unsupported"
    yield "suffix", model(end_of_word_suffix="</w>"), "tokenizer_unsupported"
    yield "switch that is text", model(fuse_unk="yes"), "tokenizer_json"
    yield "unknown token that is not there", model(unk_token="[UNK]"), "tokenizer_vocab"
    yield "id twice", model(vocab={"a": 0, "b": 0}, merges=[]), "tokenizer_vocab"
    yield "id 2^24", model(vocab={"a": 1 << 24}, merges=[]), "tokenizer_json"
    yield "long entry", model(vocab={"a" * 5000: 0}, merges=[]), "tokenizer_vocab"
    yield "surrogate in the vocabulary", changed().replace(b'"<unk>"', b'"\\ud800"'), "tokenizer_json"
    yield "other pre-tokenizer", changed(pre_tokenizer={"type": "Whitespace"}), "tokenizer_unsupported"
    yield "other pre-tokenizer in a sequence", changed(pre_tokenizer=sequence("pretokenizers", {"type": "Punctuation"}, BYTE_LEVEL)), "tokenizer_unsupported"
    yield "steps after ByteLevel", changed(pre_tokenizer=sequence("pretokenizers", BYTE_LEVEL, {"type": "Digits", "individual_digits": True})), "tokenizer_unsupported"
    yield "sequence in a sequence", changed(pre_tokenizer=sequence("pretokenizers", sequence("pretokenizers", BYTE_LEVEL))), "tokenizer_json"
    yield "sequence without a list", changed(pre_tokenizer={"type": "Sequence"}), "tokenizer_json"
    yield "sequence of numbers", changed(pre_tokenizer=sequence("pretokenizers", 1)), "tokenizer_json"
    yield "other expression", changed(pre_tokenizer=split(LLAMA3 + "|x")), "tokenizer_unsupported"
    yield "expression that explodes", changed(pre_tokenizer=split("(a+)+$")), "tokenizer_unsupported"
    yield "long expression", changed(pre_tokenizer=split("(" * 1_000_000)), "tokenizer_unsupported"
    yield "split at a text", changed(pre_tokenizer={**split(), "pattern": {"String": " "}}), "tokenizer_unsupported"
    yield "split that removes", changed(pre_tokenizer=split(behavior="Removed")), "tokenizer_unsupported"
    yield "split without a behavior", changed(pre_tokenizer={"type": "Split", "pattern": {"Regex": LLAMA3}}), "tokenizer_json"
    yield "Metaspace of two characters", changed(pre_tokenizer={**METASPACE, "replacement": "ab"}), "tokenizer_json"
    yield "Metaspace of nothing", changed(pre_tokenizer={**METASPACE, "replacement": ""}), "tokenizer_json"
    yield "Metaspace, other scheme", changed(pre_tokenizer={**METASPACE, "prepend_scheme": "last"}), "tokenizer_json"
    yield "other normalizer", changed(normalizer={"type": "NFKD"}), "tokenizer_unsupported"
    yield "replacement of nothing", changed(normalizer={"type": "Replace", "pattern": {"String": ""}, "content": "x"}), "tokenizer_json"
    yield "replacement of an expression", changed(normalizer={"type": "Replace", "pattern": {"Regex": "a+"}, "content": "x"}), "tokenizer_unsupported"
    yield "replacement that fills the memory", changed(normalizer={"type": "Replace", "pattern": {"String": "a"}, "content": "x" * 1_000_000}), "tokenizer_json"
    yield "prefix that fills the memory", changed(normalizer={"type": "Prepend", "prepend": "x" * 1_000_000}), "tokenizer_json"
    yield "other decoder", changed(decoder={"type": "CTC"}), "tokenizer_unsupported"
    yield "strips 2^40", changed(decoder={"type": "Strip", "content": " ", "start": 1 << 40, "stop": 0}), "tokenizer_json"
    yield "two templates", changed(post_processor=sequence("processors", TEMPLATE, TEMPLATE)), "tokenizer_unsupported"
    yield "other post-processor", changed(post_processor={"type": "Magic"}), "tokenizer_unsupported"
    yield "unigram", model(type="Unigram"), "tokenizer_unsupported"
    yield "3 10^5 merges, the last one bad", json.dumps({"model": {**MODEL, "merges": ["a b"] * 300_000 + ["x y"]}, "pre_tokenizer": BYTE_LEVEL}).encode(), "tokenizer_merges"


def gguf_tokenizer(model="gpt2", pre="smollm", tokens=("<s>", "a", "b", "ab", "Ġ", "Ġa"), types=(3, 1, 1, 1, 1, 1), merges=("a b", "Ġ a"), scores=None, arrays=(), **ids):
    entries = []
    for key, value in (("model", model), ("pre", pre)):
        if value is not None:
            entries.append(g.entry(f"tokenizer.ggml.{key}", g.STRING, value))
    for key, kind, values in (("tokens", g.STRING, tokens), ("token_type", g.I32, types), ("merges", g.STRING, merges), ("scores", g.F32, scores), *arrays):
        if values is not None:
            entries.append(g.entry(f"tokenizer.ggml.{key}", g.ARRAY, (kind, list(values))))
    for key, value in ids.items():
        entries.append(g.entry(f"tokenizer.ggml.{key}", g.BOOL if isinstance(value, bool) else g.U32, value))
    return g.gguf(entries)


SPM = {"model": "llama", "pre": None, "tokens": ("<unk>", "<s>", "<0x41>", "▁", "a", "▁a"), "types": (2, 3, 6, 1, 1, 1), "merges": None, "scores": (0, 0, 0, -1, -2, -3), "unknown_token_id": 0}


def good_gguf_tokenizers():
    yield "gpt2", gguf_tokenizer(bos_token_id=0, eos_token_id=0, add_bos_token=True)
    for pre in ("gpt-2", "llama-bpe", "qwen2"):
        yield pre, gguf_tokenizer(pre=pre)
    yield "llama", gguf_tokenizer(**SPM, bos_token_id=1)


def bad_gguf_tokenizers():
    yield "no tokenizer", g.gguf(), "tokenizer_gguf"
    yield "other model", gguf_tokenizer(model="bert"), "tokenizer_unsupported"
    yield "other pre-tokenizer", gguf_tokenizer(pre="magic"), "tokenizer_unsupported"
    yield "no pre-tokenizer", gguf_tokenizer(pre=None), "tokenizer_gguf"
    yield "no tokens", gguf_tokenizer(tokens=None), "tokenizer_gguf"
    yield "an empty vocabulary", gguf_tokenizer(tokens=(), types=()), "tokenizer_gguf"
    yield "no merges", gguf_tokenizer(merges=None), "tokenizer_gguf"
    yield "types of other tokens", gguf_tokenizer(types=(1, 1)), "tokenizer_gguf"
    yield "token twice", gguf_tokenizer(tokens=("a", "a", "b", "ab", "Ġ", "Ġa")), "tokenizer_vocab"
    yield "long token", gguf_tokenizer(tokens=("<s>", "a", "b", "ab", "Ġ", "Ġa", "x" * 5000), types=(1,) * 7), "tokenizer_vocab"
    yield "merge of one token", gguf_tokenizer(merges=("a",)), "tokenizer_gguf"
    yield "merge of unknown tokens", gguf_tokenizer(merges=("x y",)), "tokenizer_merges"
    yield "id past the end", gguf_tokenizer(bos_token_id=6), "tokenizer_gguf"
    yield "BOS without an id", gguf_tokenizer(add_bos_token=True), "tokenizer_gguf"
    yield "tokens are numbers", g.gguf([g.entry("tokenizer.ggml.model", g.STRING, "gpt2"), g.entry("tokenizer.ggml.tokens", g.ARRAY, (g.U8, [1]))]), "gguf_metadata"
    yield "no scores", gguf_tokenizer(**{**SPM, "scores": None}), "tokenizer_gguf"
    yield "scores of other tokens", gguf_tokenizer(**{**SPM, "scores": (1.0,)}), "tokenizer_gguf"
    yield "long piece", gguf_tokenizer(**{**SPM, "tokens": SPM["tokens"][:-1] + ("x" * 300,)}), "tokenizer_vocab"
    for number in (-1, 7, 99, 1 << 30):
        yield f"token type {number}", gguf_tokenizer(types=(3, 1, number, 1, 1, 1)), "tokenizer_gguf"
    for key, kind, values in (("tokens", g.I32, range(6)), ("token_type", g.STRING, ["1"] * 6), ("token_type", g.F32, [1.0] * 6), ("token_type", g.BOOL, [1] * 6), ("merges", g.I32, [0, 1]),
                              ("merges", g.BOOL, [1])):
        yield f"{key} of type {kind}", gguf_tokenizer(**{"types" if key == "token_type" else key: None}, arrays=((key, kind, list(values)),)), "gguf_metadata"
    for kind, values in ((g.STRING, ["0"] * 6), (g.BOOL, [1] * 6)):
        yield f"scores of type {kind}", gguf_tokenizer(**{**SPM, "scores": None}, arrays=(("scores", kind, values),)), "gguf_metadata"
    for key in ("model", "pre"):
        yield f"{key} is an array", gguf_tokenizer(**{key: None}, arrays=((key, g.STRING, ["gpt2"]),)), "gguf_metadata"
    for count in (0, 5, 7):
        yield f"{count} types for 6 tokens", gguf_tokenizer(types=(1,) * count), "tokenizer_gguf"
        yield f"{count} scores for 6 tokens", gguf_tokenizer(**{**SPM, "scores": (0,) * count}), "tokenizer_gguf"
    for key in ("bos_token_id", "eos_token_id", "unknown_token_id", "padding_token_id"):
        for number in (6, (1 << 32) - 1):
            yield f"{key} {number} of 6", gguf_tokenizer(**{key: number}), "tokenizer_gguf"
        yield f"{key} is a flag", gguf_tokenizer(**{key: True}), "gguf_metadata"
    for key in ("add_bos_token", "add_eos_token"):
        yield f"{key} is a number", gguf_tokenizer(bos_token_id=0, eos_token_id=0, **{key: 1}), "gguf_metadata"
    for merge in ("", " ", "a ", " b", "a b ", "a  b"):
        yield f"merge {merge!r}", gguf_tokenizer(merges=("a b", merge)), ("tokenizer_gguf", "tokenizer_merges")
    yield "merge into an unknown token", gguf_tokenizer(merges=("b a",)), "tokenizer_merges"
    yield "token that is no UTF-8", gguf_tokenizer(tokens=("<s>", b"\xff", "b", "ab", "c", "d")), "gguf_metadata"
    yield "cut", gguf_tokenizer()[:-60], ("gguf_limit", "gguf_truncated")


def field(number, content):
    """A protobuf field: bytes, an integer, or a float."""
    if isinstance(content, float):
        return bytes([number << 3 | 5]) + struct.pack("<f", content)
    if isinstance(content, int):
        return bytes([number << 3]) + varint(content)
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def piece(text, score=0.0, kind=1):
    return field(1, field(1, text.encode() if isinstance(text, str) else text) + field(2, score) + field(3, kind))


def charsmap(units, replacements=b"x\0"):
    blob = b"".join(struct.pack("<I", u) for u in units)
    return struct.pack("<I", len(blob)) + blob + replacements


def sentencepiece(pieces=None, charsmap=b"", trainer=field(3, 2), extra=b""):
    pieces = [piece("<unk>", 0.0, 2), piece("<s>", 0.0, 3), piece("</s>", 0.0, 3), piece("▁", -1.0), piece("a", -2.0), piece("▁a", -3.0)] if pieces is None else pieces
    normalizer = field(1, b"identity") + (field(2, charsmap) if charsmap else b"") + field(4, 0)
    return b"".join(pieces) + field(2, trainer) + field(3, normalizer) + extra


def bad_sentencepiece():
    unk = piece("<unk>", 0.0, 2)
    yield "empty", b""
    yield "text", b"this is no model"
    yield "zip", b"PK\x03\x04" + bytes(100)
    yield "cut", sentencepiece()[:-3]
    yield "field of 2^60 bytes", b"\x0a" + varint(1 << 60)
    yield "number without an end", b"\x08" + b"\xff" * 20
    yield "group", b"\x0b\x0c"
    yield "no pieces", sentencepiece(pieces=[])
    yield "no unknown piece", sentencepiece(pieces=[piece("a")])
    yield "piece twice", sentencepiece(pieces=[unk, piece("a"), piece("a")])
    yield "empty piece", sentencepiece(pieces=[unk, piece("")])
    yield "long piece", sentencepiece(pieces=[unk, piece("a" * 5000)])
    yield "piece that is no UTF-8", sentencepiece(pieces=[unk, piece(b"\xff")])
    yield "piece with a NUL", sentencepiece(pieces=[unk, piece("a\0b")])
    yield "two unknown pieces", sentencepiece(pieces=[unk, piece("<unk2>", 0.0, 2)])
    yield "trie past the end", sentencepiece(charsmap=struct.pack("<I", 1 << 30) + b"x\0")
    yield "trie of three bytes", sentencepiece(charsmap=struct.pack("<I", 3) + b"abcx\0")
    yield "no trie", sentencepiece(charsmap=b"\0\0")
    yield "trie that leads out", sentencepiece(charsmap=charsmap([0xFFFFF << 10] + [0] * 255))
    yield "small trie", sentencepiece(charsmap=charsmap([0] * 10))
    yield "replacement past the end", sentencepiece(charsmap=charsmap([1 << 31 | 1000] + [0] * 255))
    yield "replacements without an end", sentencepiece(charsmap=charsmap([0] * 256, b"xy"))
    yield "no replacements", sentencepiece(charsmap=charsmap([0] * 256, b""))
