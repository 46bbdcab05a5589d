"""Tokenizers of the reference for tests: SmolLM2's real one, Llama-3-style, Qwen2-style and Llama-2-style ones trained here."""

import json
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors, trainers
from tokenizers.models import BPE

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3_SPECIALS = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>", "<|reserved_special_token_0|>"]
QWEN2_SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
SMOLLM_PRE = lambda: pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])  # noqa: E731


def training_text():
    """Text that every machine has: Python's own library and licence, some lines of other scripts, digits, white space, code."""
    library = Path(json.__file__).parent.parent
    texts = [p.read_text(encoding="utf-8", errors="replace") for p in sorted(library.glob("*.py"))[:10]]
    texts += ["Привет, мир! Как дела?\n" * 20, "日本語のテキストです。\n" * 20, "中文字符和汉字\n" * 20, "مرحبا بالعالم\n" * 20, "naïve café déjà vu\n" * 20, "don't we'll they've I'm he's you'd we're\n" * 20,
              "DON'T WE'LL THEY'VE\n" * 20, "1234567890 2024 3.14159 1,000,000\n" * 20, "\t\tindent\r\n\r\n   spaces   \n\n\n" * 20, "😀😃👍🏽👩‍👩‍👧‍👦\n" * 20]
    return [line for text in texts for line in text.splitlines(keepends=True)]


# Entries that no merge makes: only ignore_merges finds them, and they show which word is looked up whole.
UNREACHABLE = ["Ġunbelievable", "Qqqqz", "ĊĊĊ", "123", "Ġ($", "'LL", "ĠÐŁÑĢÐ¸Ð²ÐµÑĤ"]


def with_entries(tokenizer, words):
    data = json.loads(tokenizer.to_str())
    vocabulary = data["model"]["vocab"]
    for word in words:
        if word not in vocabulary:
            vocabulary[word] = len(vocabulary)
    return Tokenizer.from_str(json.dumps(data))


def byte_level(pre, normalizer=None, size=4000, specials=(), ignore_merges=False, entries=()):
    tokenizer = Tokenizer(BPE(ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(training_text(), trainer)
    tokenizer = with_entries(tokenizer, entries)
    tokenizer.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in specials])
    return tokenizer


def gpt2_style():
    tokenizer = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True), specials=["<|endoftext|>"])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def llama3_style(ignore_merges=True, entries=()):
    pre = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), behavior="isolated", invert=False), pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=False)])
    tokenizer = byte_level(pre, size=5000, specials=LLAMA3_SPECIALS, ignore_merges=ignore_merges, entries=entries)
    bos = LLAMA3_SPECIALS[0]
    template = processors.TemplateProcessing(single=f"{bos} $A", pair=f"{bos} $A {bos}:1 $B:1", special_tokens=[(bos, tokenizer.token_to_id(bos))])
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
    return tokenizer


def qwen2_style():
    pre = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN2), behavior="isolated", invert=False), pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)])
    tokenizer = byte_level(pre, normalizer=normalizers.NFC(), specials=QWEN2_SPECIALS)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def prefix_space_style():
    tokenizer = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=True), size=2000, specials=["<s>", "</s>", "<mask>"])
    tokenizer.add_tokens([AddedToken("<extra>", lstrip=True, normalized=False), AddedToken("wörd", single_word=True, normalized=True)])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", tokenizer.token_to_id("</s>")), ("<s>", tokenizer.token_to_id("<s>")))
    return tokenizer


def llama2_style(metaspace=None, byte_fallback=True, fuse_unk=True):
    """Llama 2's tokenizer.json (normalizer Prepend and Replace), or its newer form with Metaspace as pre-tokenizer."""
    specials = ["<unk>", "<s>", "</s>"] + ([f"<0x{b:02X}>" for b in range(256)] if byte_fallback else [])
    tokenizer = Tokenizer(BPE(unk_token="<unk>", fuse_unk=fuse_unk, byte_fallback=byte_fallback))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="always")
    trainer = trainers.BpeTrainer(vocab_size=3000, special_tokens=specials, limit_alphabet=150, show_progress=False)
    tokenizer.train_from_iterator(training_text(), trainer)
    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = [t for t in data["added_tokens"] if t["content"] in specials[:3]]
    for i, pair in enumerate([["\u2581", "\u2581"], ["\u2581\u2581", "\u2581\u2581"]]):  # Llama 2 has runs of spaces
        data["model"]["vocab"]["".join(pair)] = len(data["model"]["vocab"])
        data["model"]["merges"].append(pair)
    tokenizer = Tokenizer.from_str(json.dumps(data))
    if metaspace is None:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
        tokenizer.pre_tokenizer = None
        tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(content=" ", left=1)])
    else:
        tokenizer.pre_tokenizer = metaspace
        tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]) if byte_fallback else decoders.Metaspace(prepend_scheme=metaspace.prepend_scheme)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)])
    return tokenizer


def smollm2(path):
    """SmolLM2's tokenizer as its tokenizer.json has it, from the metadata of its GGUF file. (The loader of transformers 5.17
    takes it for Llama 3's, whose pre-tokenizer does not split digits.)"""
    from gguf import GGUFReader
    fields = GGUFReader(path).fields
    tokens, merges, types = (fields[f"tokenizer.ggml.{k}"].contents() for k in ("tokens", "merges", "token_type"))
    tokenizer = Tokenizer(BPE({t: i for i, t in enumerate(tokens)}, [tuple(m.split(" ")) for m in merges]))
    tokenizer.pre_tokenizer = SMOLLM_PRE()
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(tokens[i], special=True, normalized=False) for i, t in enumerate(types) if t == 3])
    return tokenizer
