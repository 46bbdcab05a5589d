"""GGUF files that a stranger might send: damaged, hostile, or of a kind that we do not read. Also seeds of the fuzz target."""

import struct

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
FORMATS = {U8: "<B", I8: "<b", U16: "<H", I16: "<h", U32: "<I", I32: "<i", F32: "<f", BOOL: "<B", U64: "<Q", I64: "<q", F64: "<d"}


def text(value):
    value = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(value)) + value


def value(kind, content):
    """The bytes of a value, its type first. An array's content is (element type, list)."""
    if kind == STRING:
        return struct.pack("<I", kind) + text(content)
    if kind == ARRAY:
        element, items = content
        body = b"".join(text(i) if element == STRING else struct.pack(FORMATS[element], i) for i in items)
        return struct.pack("<IIQ", kind, element, len(items)) + body
    return struct.pack("<I", kind) + struct.pack(FORMATS[kind], content)


def entry(key, kind, content):
    return text(key) + value(kind, content)


def tensor(name, dims, kind=0, offset=0, rank=None):
    return text(name) + struct.pack("<I", len(dims) if rank is None else rank) + b"".join(struct.pack("<Q", d) for d in dims) + struct.pack("<IQ", kind, offset)


def gguf(entries=(), tensors=(), data=b"", version=3, alignment=32, counts=None, magic=b"GGUF"):
    count = (len(tensors), len(entries)) if counts is None else counts
    head = magic + struct.pack("<IQQ", version, *count) + b"".join(entries) + b"".join(tensors)
    return head + bytes(-len(head) % alignment) + data


def good():
    """One file with every kind of value and several types of tensors."""
    entries = [entry("general.architecture", STRING, "llama"), entry("u8", U8, 255), entry("i8", I8, -1), entry("u16", U16, 65535), entry("i16", I16, -2),
               entry("u32", U32, 1 << 31), entry("i32", I32, -3), entry("f32", F32, 0.5), entry("yes", BOOL, 1), entry("u64", U64, 1 << 63), entry("i64", I64, -4),
               entry("f64", F64, 0.25), entry("texts", ARRAY, (STRING, ["a", "", "caf\u00e9"])), entry("numbers", ARRAY, (I16, [1, -2, 3])),
               entry("flags", ARRAY, (BOOL, [1, 0])), entry("floats", ARRAY, (F32, [1.5])), entry("none", ARRAY, (U8, []))]
    tensors = [tensor("a", [2, 3], 0, 0), tensor("q8", [32, 2], 8, 32), tensor("q4_k", [256], 12, 128), tensor("half", [1, 1, 1, 5], 1, 288)]
    return gguf(entries, tensors, bytes(range(256)) + bytes(288 + 10 - 256))


def kind_of(value):
    """The type that a value is written as; (type, value) says it."""
    return value[0] if isinstance(value, tuple) else {int: U32, float: F32, str: STRING}[type(value)]


def model(architecture="llama", extra=(), divisors=(1.0, 1.0), epsilon=(F32, 1e-5), bos=1, **changes):
    """A llama checkpoint of one layer, as far as names and sizes go; changes: metadata values by short name, None to leave
    one out; extra: (name, dims, type) of one more tensor."""
    sizes = {"block_count": 1, "context_length": 16, "embedding_length": 8, "feed_forward_length": 8, "attention.head_count": 2, "attention.head_count_kv": 1, "vocab_size": 4}
    entries = [entry("general.architecture", STRING, architecture), entry("llama.attention.layer_norm_rms_epsilon", *epsilon), entry("tokenizer.ggml.bos_token_id", U32 if bos >= 0 else I32, bos)]
    entries += [entry(f"llama.{k}", kind_of(v), v[1] if isinstance(v, tuple) else v) for k, v in {**sizes, **changes}.items() if v is not None]
    tensors, data = [], b""
    for name, dims, kind in [("token_embd", [8, 4], 0), ("blk.0.attn_q", [8, 8], 0), ("blk.0.attn_k", [8, 4], 0), ("blk.0.attn_norm", [8], 0), *extra]:
        tensors.append(tensor(f"{name}.weight", dims, kind, len(data)))
        data += bytes(4 * dims[0] * (dims[1] if len(dims) > 1 else 1))
        data += bytes(-len(data) % 32)
    tensors.append(tensor("rope_freqs.weight", [len(divisors)], 0, len(data)))
    return gguf(entries, tensors, data + struct.pack(f"<{len(divisors)}f", *divisors))


def bad_models():
    """(name, content, code) of consistent files that are no checkpoint of theirs."""
    yield "whole", model(), None
    yield "no architecture", good().replace(b"general.architecture", b"general.architectur_"), "gguf_architecture"
    yield "other architecture", model("gptneox"), "gguf_architecture"
    for key in ("block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count"):
        yield f"no {key}", model(**{key: None}), "gguf_metadata"
        yield f"{key} is 0", model(**{key: 0}), "gguf_metadata"
        yield f"{key} is text", model(**{key: "8"}), "gguf_metadata"
    yield "no vocabulary", model(vocab_size=None), "gguf_metadata"
    yield "heads that do not divide", model(**{"attention.head_count_kv": 3}), "gguf_metadata"
    yield "more heads than dimensions", model(**{"attention.head_count": 16}), "gguf_metadata"
    yield "2^31 heads", model(**{"attention.head_count": 1 << 31, "attention.head_count_kv": 1 << 31, "attention.key_length": 4}), "gguf_rope_freqs|gguf_names"
    yield "odd heads", model(**{"attention.key_length": 3}), "gguf_metadata"
    yield "partial rotary embedding", model(**{"rope.dimension_count": 2}), "gguf_metadata"
    yield "experts", model(expert_count=8), "gguf_metadata"
    yield "rotary divisors of another size", model(divisors=(1.0, 1.0, 1.0)), "gguf_rope_freqs"
    yield "rotary divisors of another rule", model(divisors=(2.0, 1.0)), "gguf_rope_freqs"
    yield "rotary divisors with NaN", model(divisors=(1.0, float("nan"))), "gguf_rope_freqs"
    nan, infinity = float("nan"), float("inf")
    for epsilon in ((F32, nan), (F32, infinity), (F32, 0.0), (F32, -1e-5), (F64, 1e300), (STRING, "1e-5"), (BOOL, 1)):
        yield f"epsilon {epsilon[1]!r}", model(epsilon=epsilon), "gguf_metadata"
    for base in (nan, infinity, 0.0, -1.0, "10000", (ARRAY, (F32, [10000.0]))):
        yield f"base of rotation {base!r}", model(**{"rope.freq_base": base}), "gguf_metadata"
    for key in ("block_count", "embedding_length", "attention.head_count_kv", "attention.key_length", "vocab_size", "rope.dimension_count", "attention.sliding_window"):
        for number in ((U32, (1 << 32) - 1), (I32, -1), (U64, 1 << 63), (F32, 1.0), (BOOL, 1), (ARRAY, (U32, [1, 1]))):
            yield f"{key} is {number}", model(**{key: number}), "gguf_metadata"
    for bos in (4, (1 << 32) - 1, -1):
        yield f"first token {bos} of 4", model(bos=bos), "gguf_metadata"
    for scaling in ({"type": "longrope"}, {"type": 1}, {"type": "linear"}, {"type": "linear", "factor": 0.0}, {"type": "yarn", "factor": nan},
                    {"type": "yarn", "factor": 2.0, "original_context_length": 0}):
        changed = model(**{f"rope.scaling.{k}": v for k, v in scaling.items()})
        yield f"scaling of rotation {scaling}", changed.replace(b"rope_freqs.weight", b"blk.0.attn_k.bias"), "gguf_metadata"
    yield "other tensor", model(extra=[("blk.0.ssm_in", [8], 0)]), "gguf_names"
    yield "tensor without a layer", model(extra=[("blk.attn_q", [8, 8], 0)]), "gguf_names"
    for layer in ("1", "00", "-0", "+0", "18446744073709551616", ""):
        yield f"layer '{layer}'", model(extra=[(f"blk.{layer}.attn_v", [8, 4], 0)]), "gguf_names"
    yield "type that cannot be converted", model(extra=[("output", [32, 4], 20)]), "gguf_type_unsupported"


def checkpoint(change=None):
    """A whole llama of one layer, two heads of 16 and 8 tokens, all weights 0. change(tensors) edits {name: (dims, type, bytes)}."""
    wide = {"attn_q": 32, "attn_k": 16, "attn_v": 16, "attn_output": 32, "ffn_gate": 32, "ffn_up": 32, "ffn_down": 32}
    shapes = {"token_embd": [32, 8], "output_norm": [32], "blk.0.attn_norm": [32], "blk.0.ffn_norm": [32], **{f"blk.0.{k}": [32, v] for k, v in wide.items()}}
    tensors = {f"{name}.weight": (dims, 0, bytes(4 * dims[0] * (dims[1] if len(dims) > 1 else 1))) for name, dims in shapes.items()}
    if change:
        change(tensors)
    sizes = {"block_count": 1, "context_length": 16, "embedding_length": 32, "feed_forward_length": 32, "attention.head_count": 2, "attention.head_count_kv": 1, "vocab_size": 8}
    entries = [entry("general.architecture", STRING, "llama"), entry("llama.attention.layer_norm_rms_epsilon", F32, 1e-5)]
    entries += [entry(f"llama.{k}", U32, v) for k, v in sizes.items()]
    table, data = [], b""
    for name, (dims, kind, content) in tensors.items():
        table.append(tensor(name, dims, kind, len(data)))
        data += content + bytes(-len(content) % 32)
    return gguf(entries, table, data)


def bad_checkpoints():
    """(name, content, code, part of the message) of files whose metadata is right and whose tensors are not those of the model."""
    up, name = "blk.0.ffn_up.weight", "model.layers.0.mlp.up_proj.weight"

    def put(dims, kind=0, content=None, key=up):
        count = 1
        for d in dims:
            count *= d
        return checkpoint(lambda tensors: tensors.__setitem__(key, (dims, kind, bytes(4 * count) if content is None else content)))

    f32, f16, block = struct.Struct("<f").pack, struct.Struct("<e").pack, bytes(34)
    yield "whole", checkpoint(), None, ""
    for missing, theirs in ((up, name), ("token_embd.weight", "model.embed_tokens.weight"), ("output_norm.weight", "model.norm.weight"),
                            ("blk.0.attn_norm.weight", "model.layers.0.input_layernorm.weight"), ("blk.0.attn_q.weight", "model.layers.0.self_attn.q_proj.weight")):
        yield f"without {missing}", checkpoint(lambda tensors, missing=missing: tensors.pop(missing)), "missing_tensor", theirs
    for dims, shown in (([33, 32], "[32, 33]"), ([32, 31], "[31, 32]"), ([32], "[32]"), ([32, 32, 1], "[1, 32, 32]"), ([1024], "[1024]")):
        yield f"{up} of {dims}", put(dims), "wrong_shape", (name, shown)
    yield "norm of 31", put([31], key="output_norm.weight"), "wrong_shape", ("model.norm.weight", "[31]")
    yield "embedding of 9 tokens", put([32, 9], key="token_embd.weight"), "wrong_shape", ("model.embed_tokens.weight", "[9, 32]")
    yield "queries of 16 rows", put([32, 16], key="blk.0.attn_q.weight"), "wrong_shape", ("self_attn.q_proj.weight", "[16, 32]")
    for number in ("nan", "inf", "-inf"):
        yield f"{number} in F32", put([32, 32], 0, bytes(4 * 1023) + f32(float(number))), "not_finite", (name, "[31, 31]")
        yield f"{number} in F16", put([32, 32], 1, bytes(2 * 33) + f16(float(number)) + bytes(2 * 990)), "not_finite", (name, "[1, 1]")
        # The scale of row 3's one block: every weight of the row.
        yield f"{number} as a scale of Q8_0", put([32, 32], 8, block * 3 + f16(float(number)) + bytes([1]) * 32 + block * 28), "not_finite", (name, "[3, 0]")
        yield f"{number} as a scale of Q4_0", put([32, 32], 2, bytes(18 * 5) + f16(float(number)) + bytes(16) + bytes(18 * 26)), "not_finite", (name, "[5, 0]")
    for kind, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        yield f"integers of {8 * width} bits as weights", put([32, 32], kind, bytes(1024 * width)), "gguf_type_unsupported", up
    yield "type without a conversion", put([32, 32], 20, bytes(18 * 32)), "gguf_type_unsupported", up


def bad_files():
    """(name, content, code of the error) for every file that must be refused."""
    one = tensor("a", [2])
    data = bytes(8)
    arch = entry("general.architecture", STRING, "llama")
    whole = good()

    yield "empty", b"", "gguf_magic"
    yield "three bytes", b"GGU", "gguf_magic"
    yield "other magic", gguf(magic=b"GGML"), "gguf_magic"
    yield "magic only", b"GGUF", "gguf_truncated"
    yield "version 0", gguf(version=0), "gguf_version"
    yield "version 1", gguf(version=1), "gguf_version"
    yield "version 4", gguf(version=4), "gguf_version"
    yield "version 2^32-1", gguf(version=(1 << 32) - 1), "gguf_version"
    yield "big-endian", b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "gguf_version"
    for name, counts in [("2^60 tensors", (1 << 60, 0)), ("2^60 entries", (0, 1 << 60)), ("2^64-1 tensors", ((1 << 64) - 1, 0)), ("2^64-1 entries", (0, (1 << 64) - 1)),
                         ("10^5 tensors announced", (100_000, 0)), ("10^4 entries announced", (0, 10_000)), ("one tensor more", (1, 0)), ("one entry more", (0, 1))]:
        yield name, gguf(counts=counts), "gguf_limit"
    yield "100001 tensors", gguf(tensors=[tensor("t%d" % i, [1]) for i in range(100_001)]), "gguf_limit"
    yield "10001 entries", gguf([entry("k%d" % i, U8, 0) for i in range(10_001)]), "gguf_limit"

    yield "empty key", gguf([entry("", U8, 1)]), "gguf_metadata"
    yield "key of 2^40 bytes", gguf([struct.pack("<Q", 1 << 40) + b"x" * 30]), "gguf_limit"
    yield "key of 2^64-1 bytes", gguf([struct.pack("<Q", (1 << 64) - 1) + b"x" * 30]), "gguf_limit"
    yield "key of 1025 bytes", gguf([entry("k" * 1025, U8, 1)]), "gguf_limit"
    yield "key past the end", gguf([struct.pack("<Q", 1000) + b"x" * 30]), "gguf_truncated"
    yield "key that is no UTF-8", gguf([entry(b"a\xff", U8, 1)]), "gguf_metadata"
    yield "value type 13", gguf([text("k") + struct.pack("<II", 13, 0)]), "gguf_metadata"
    yield "value type 2^32-1", gguf([text("k") + struct.pack("<II", (1 << 32) - 1, 0)]), "gguf_metadata"
    yield "text of 2^40 bytes", gguf([text("k") + struct.pack("<IQ", STRING, 1 << 40)]), "gguf_limit"
    yield "text past the end", gguf([text("k") + struct.pack("<IQ", STRING, 4096)]), "gguf_truncated"
    yield "text that is no UTF-8", gguf([entry("k", STRING, b"ok \xc0\xaf")]), "gguf_metadata"
    yield "text with a surrogate", gguf([entry("k", STRING, b"\xed\xa0\x80")]), "gguf_metadata"
    yield "bool of 2", gguf([entry("k", BOOL, 2)]), "gguf_metadata"
    yield "array of bools with a 255", gguf([entry("k", ARRAY, (BOOL, [0, 1, 255]))]), "gguf_metadata"
    yield "array of 2^60", gguf([text("k") + struct.pack("<IIQ", ARRAY, U8, 1 << 60)]), "gguf_limit"
    yield "array of 2^61 u64", gguf([text("k") + struct.pack("<IIQ", ARRAY, U64, 1 << 61)]), "gguf_limit"
    yield "array of 2^23 + 1", gguf([text("k") + struct.pack("<IIQ", ARRAY, U8, (8 << 20) + 1)]), "gguf_limit"
    yield "array past the end", gguf([text("k") + struct.pack("<IIQ", ARRAY, U32, 100)]), "gguf_limit"
    yield "array of texts past the end", gguf([text("k") + struct.pack("<IIQ", ARRAY, STRING, 3) + text("a") + text("b" * 8)], alignment=1), "gguf_truncated"
    yield "array whose third text is 2^40 long", gguf([text("k") + struct.pack("<IIQ", ARRAY, STRING, 3) + text("a") + text("b") + struct.pack("<Q", 1 << 40)]), "gguf_limit"
    yield "array of unknown type", gguf([text("k") + struct.pack("<IIQ", ARRAY, 99, 1)]), "gguf_metadata"
    yield "array of arrays", gguf([text("k") + struct.pack("<IIQ", ARRAY, ARRAY, 1) + struct.pack("<IQ", U8, 1) + b"x"]), "gguf_metadata"
    yield "arrays 10^5 deep", gguf([text("k") + struct.pack("<I", ARRAY) + struct.pack("<IQ", ARRAY, 1) * 100_000]), "gguf_metadata"
    yield "key twice", gguf([entry("k", U8, 1), entry("k", U8, 1)]), "gguf_duplicate"
    yield "key twice, other types", gguf([entry("k", U8, 1), entry("j", U8, 1), entry("k", STRING, "x")]), "gguf_duplicate"

    for alignment in (0, 1, 3, 4, 48, 1 << 17, 1 << 30, (1 << 32) - 1):
        yield f"alignment {alignment}", gguf([entry("general.alignment", U32, alignment)], [one], data), "gguf_alignment"
    yield "alignment as text", gguf([entry("general.alignment", STRING, "32")], [one], data), "gguf_alignment"
    yield "alignment as u64", gguf([entry("general.alignment", U64, 32)], [one], data), "gguf_alignment"
    yield "alignment as an array", gguf([entry("general.alignment", ARRAY, (U32, [32]))], [one], data), "gguf_alignment"
    yield "data shorter than the alignment", gguf([entry("general.alignment", U32, 65536)], [one], data), "gguf_truncated"

    yield "rank 0", gguf(tensors=[tensor("a", [])], data=data), "gguf_tensor"
    yield "rank 5", gguf(tensors=[tensor("a", [1] * 5)], data=data), "gguf_tensor"
    yield "rank 2^32-1", gguf(tensors=[tensor("a", [2], rank=(1 << 32) - 1)], data=data), "gguf_tensor"
    yield "dimension 0", gguf(tensors=[tensor("a", [0])], data=data), "gguf_tensor"
    yield "dimensions 2 and 0", gguf(tensors=[tensor("a", [2, 0])], data=data), "gguf_tensor"
    yield "dimension 2^63", gguf(tensors=[tensor("a", [1 << 63])], data=data), "gguf_tensor"
    yield "dimension 2^64-1", gguf(tensors=[tensor("a", [(1 << 64) - 1])], data=data), "gguf_tensor"
    yield "product 2^64", gguf(tensors=[tensor("a", [1 << 32, 1 << 32])], data=data), "gguf_tensor"
    yield "product 2^66, wraps to 4", gguf(tensors=[tensor("a", [(1 << 62) + 1, 4])], data=data), "gguf_tensor"
    yield "product 2^60", gguf(tensors=[tensor("a", [1 << 60], 24)], data=data), "gguf_tensor"
    yield "product 2^59", gguf(tensors=[tensor("a", [1 << 59])], data=data), "gguf_truncated"
    for kind in (4, 5, 31, 36, 38, 42, 1000, (1 << 32) - 1):
        yield f"tensor type {kind}", gguf(tensors=[tensor("a", [32], kind)], data=bytes(256)), "gguf_tensor"
    yield "half a block", gguf(tensors=[tensor("a", [48], 8)], data=bytes(256)), "gguf_tensor"
    yield "rows of half blocks", gguf(tensors=[tensor("a", [16, 2], 2)], data=bytes(256)), "gguf_tensor"
    yield "K blocks in a row of 576", gguf(tensors=[tensor("a", [576, 4], 12)], data=bytes(4096)), "gguf_tensor"
    yield "tensor twice", gguf(tensors=[one, tensor("a", [2], 0, 32)], data=bytes(64)), "gguf_duplicate"
    yield "tensor's name of 2^40 bytes", gguf(tensors=[struct.pack("<Q", 1 << 40) + bytes(60)]), "gguf_limit"
    yield "tensor's name that is no UTF-8", gguf(tensors=[tensor(b"\x80", [2])], data=data), "gguf_metadata"
    yield "offset off the alignment", gguf(tensors=[tensor("a", [2], 0, 4)], data=bytes(64)), "gguf_layout"
    yield "offset past the end", gguf(tensors=[tensor("a", [2], 0, 64)], data=data), "gguf_truncated"
    yield "offset 2^63", gguf(tensors=[tensor("a", [2], 0, 1 << 63)], data=data), "gguf_truncated"
    yield "offset 2^64-32", gguf(tensors=[tensor("a", [2], 0, (1 << 64) - 32)], data=data), "gguf_truncated"
    yield "one byte short", gguf(tensors=[one], data=data[:-1]), "gguf_truncated"
    yield "no data at all", gguf(tensors=[one], alignment=1), "gguf_truncated"
    yield "tensors at one place", gguf(tensors=[one, tensor("b", [2])], data=bytes(64)), "gguf_layout"
    yield "tensors that overlap", gguf(tensors=[tensor("b", [8], 0, 32), tensor("a", [9], 0, 0)], data=bytes(64)), "gguf_layout"
    yield "10^5 tensors, the last one overlaps", gguf(tensors=[tensor("t%d" % i, [1], 0, 32 * i) for i in range(99_999)] + [tensor("z", [1])], data=bytes(32 * 99_999)), "gguf_layout"
    yield "16 MiB of texts, then a bad one", gguf([entry("k", ARRAY, (STRING, ["x" * 100] * 150_000)), entry("l", BOOL, 7)]), "gguf_metadata"
    yield "architecture is a number", gguf([entry("general.architecture", U8, 1), entry("general.architecture ", U8, 1)], [tensor("a", [2], 99)], data), "gguf_tensor"
    for cut in sorted({*range(0, 24, 4), *range(25, 400, 19), *range(401, len(whole), 73), len(whole) - 1}):
        yield f"cut after {cut} bytes", whole[:cut], ("gguf_magic" if cut < 4 else ("gguf_truncated", "gguf_limit"))
    assert arch in whole
