"""SentencePiece models: ids and decoding equal the sentencepiece package, from tokenizer.model and from GGUF metadata.

usage: sentencepiece_parity.py PROBE
"""

import json
import sys
import tempfile
from pathlib import Path

import sentencepiece as spm
from bpe_parity import LONG, bpe_texts
from bpe_reference import training_text
from gguf import GGUFWriter, TokenType
from tokenizer_parity import Probe, Report, random_texts

# As Llama 2's was trained; T5-like with replacements of characters; and one with user-defined pieces.
LLAMA2 = {"model_type": "bpe", "vocab_size": 2000, "byte_fallback": True, "normalization_rule_name": "identity", "remove_extra_whitespaces": False,
          "split_digits": True, "allow_whitespace_only_pieces": True, "character_coverage": 0.99995}
SETTINGS = {
    "Llama-2": LLAMA2,
    "BPE without bytes": {"model_type": "bpe", "vocab_size": 1500, "normalization_rule_name": "nmt_nfkc"},
    "unigram": {"model_type": "unigram", "vocab_size": 1500, "normalization_rule_name": "nmt_nfkc"},
    "unigram, no prefix, folded case": {"model_type": "unigram", "vocab_size": 1200, "add_dummy_prefix": False, "normalization_rule_name": "nfkc_cf", "byte_fallback": True},
    "user-defined pieces": {**LLAMA2, "user_defined_symbols": ["<extra>", "\u2581\u2581x"]},
}


def train(path, settings):
    lines = iter(line.rstrip("\n") for line in training_text())
    with open(path, "wb") as model:
        spm.SentencePieceTrainer.train(sentence_iterator=lines, model_writer=model, minloglevel=2, num_threads=1, hard_vocab_limit=False, **settings)
    return spm.SentencePieceProcessor(model_file=str(path))


def write_gguf(path, processor):
    """The metadata that llama.cpp's converter makes of a tokenizer.model."""
    writer = GGUFWriter(path, "llama")
    pieces = range(processor.get_piece_size())
    types = [TokenType.UNKNOWN if processor.is_unknown(i) else TokenType.CONTROL if processor.is_control(i) else TokenType.BYTE if processor.is_byte(i) else TokenType.NORMAL for i in pieces]
    writer.add_tokenizer_model("llama")
    writer.add_token_list([processor.id_to_piece(i) for i in pieces])
    writer.add_token_scores([processor.get_score(i) for i in pieces])
    writer.add_token_types(types)
    writer.add_bos_token_id(processor.bos_id())
    writer.add_eos_token_id(processor.eos_id())
    writer.add_unk_token_id(processor.unk_id())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def check(report, name, probe, processor, texts):
    want = processor.encode(texts)
    answers = probe([{"text": t, "special": False, "decode": True} for t in texts])
    report.compare(name, texts, [a["ids"] for a in answers], want)
    known = [i for i, ids in enumerate(want) if processor.unk_id() not in ids]  # the package shows unknown pieces as ??
    report.compare(f"{name}, decode", [texts[i] for i in known], [answers[i]["decoded"] for i in known], processor.decode([want[i] for i in known]))
    framed = probe([{"text": t} for t in texts[:50]])
    report.compare(f"{name}, with BOS", texts[:50], [a["ids"] for a in framed], [[processor.bos_id(), *ids] for ids in want[:50]])


def main():
    report = Report()
    # The package does not look for special tokens in text, the tokenizers of models do.
    texts = [t for t in bpe_texts() + list(random_texts(800)) if not any(s in t for s in ("<s>", "</s>", "<unk>"))] + LONG
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for name, settings in SETTINGS.items():
            processor = train(folder / "tokenizer.model", settings)
            check(report, name, Probe(sys.argv[1], folder), processor, texts)
            if name == "Llama-2":
                write_gguf(folder / "m.gguf", processor)
                check(report, f"{name} in GGUF", Probe(sys.argv[1], folder / "m.gguf"), processor, texts)
                ids = Probe(sys.argv[1], folder)([{"text": "<s>a</s> b<unk>"}])[0]["ids"]
                report.compare("special tokens in text", ["<s>a</s> b<unk>"], [ids], [[1, 1, *processor.encode("a"), 2, *processor.encode(" b"), 0]])
                (folder / "tokenizer_config.json").write_text(json.dumps({"add_bos_token": False, "add_eos_token": True}))
                ids = Probe(sys.argv[1], folder)([{"text": "a"}])[0]["ids"]
                report.compare("tokenizer_config.json", ["a"], [ids], [[*processor.encode("a"), 2]])
                (folder / "tokenizer_config.json").unlink()
    if report.failures:
        sys.exit(f"{report.failures} differences")


if __name__ == "__main__":
    main()
