"""Ids, type ids, masks, truncation and decoding equal Python's tokenizers and transformers, id for id.

usage: tokenizer_parity.py PROBE MODEL_DIR DATA_ROOT
The model folder is a real BERT tokenizer (tokenizer.json, vocab.txt); exit 77 (skip) when it is not there.
The GLUE part is left out, with a message, when DATA_ROOT has no glue folder.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
import tokenizers  # noqa: E402
from tokenizers import AddedToken, Tokenizer, normalizers, pre_tokenizers, processors  # noqa: E402
from tokenizers.models import WordPiece  # noqa: E402

ADVERSARIAL = [
    "", " ", "\t\n\r ", "\u00a0\u2003\u3000\u2028\u2029\u0085", "Hello, World!", "don't can't we're I've she'll",
    "😀😃 emoji 👩‍👩‍👧‍👦 family 🇩🇪 flags 👍🏽", "中文字符 mixed with English漢字かなカナ", "日本語のテキスト。全角ＡＢＣ１２３！",
    "한국어 텍스트 가각힣", "e\u0301 combining \u0323\u0307q cafe\u0301 na\u00efve \u1e69 s\u0323\u0307", "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞",
    "zero\u200bwidth\u200cjoin\u200der\u2060x\ufeffy\u00adsoft", "ctrl\x00\x01\x02\x07\x08\x0b\x0c\x1b\x7f\x80\x9fend",
    "nul\x00inside", "repl\ufffdacement", "a" * 99, "a" * 100, "a" * 101, "x" * 5000, "é" * 100, "é" * 101, "中" * 200,
    "supercalifragilisticexpialidocious antidisestablishmentarianism", "İstanbul IĞDIR ı İİ", "ΣΊΣΥΦΟΣ ὈΔΥΣΣΕΎΣ ς σ Σ",
    "Straße STRASSE ẞ ß", "ﬁ ﬂ ﬀ ﬃ ﬄ ﬅ ﬆ ligatures Ǆ ǅ ǆ ĳ", "עברית עם נִקּוּד", "العَرَبِيَّة نص ‮RTL‬ ﷺ ﷽", "हिन्दी में टेक्स्ट क़", "ภาษาไทย ไม่มีเว้นวรรค",
    "Ω Å K ℡ ™ ℃ ½ ² ①", "‘curly’ “quotes” — – … ‰ § ¶ † ‡ • ※ ¿¡", "$100 + 5% = €105 <tag> ^caret` ~tilde | pipe",
    "http://example.com/a?b=c&d=e#f user@mail.org C:\\path\\file.txt", "3.14159 1,000,000 1e-10 0x1F 10^6", "__init__ snake_case camelCase kebab-case",
    "[CLS]", "[SEP] in [MASK] text [PAD][UNK]", "[mask] [MASK ] [ MASK] [[MASK]]", "[MASK][MASK]a[MASK]b", "x[CLS]y", "[CLS", "##ing ## #", "[unused1] [UNK]",
    "\U0001d518\U0001d52b\U0001d526\U0001d520\U0001d52c\U0001d521\U0001d522 math", "\U00020000\U0002a6d6\U0002f800 rare han", "\U000e0001\U000e0041 tags \ue000 private \U000f0000",
    "\u0378\u05ff unassigned", "\u1885\u1886 \ua9bd \U000111c9 \u1734 \u166d", "\u0958 \u0344 \u212b \uf900", "A\u0345\u0301 \u03b1\u0345", "ʼn ŉ ǰ ΐ", "\u1e9e \u1fb3 \u1ff7",
    "mixed 中a文b字 c中", "   leading and trailing   ", "tab\tsep\tvalues", "line\nbreaks\r\nhere", "a\u0300\u0301\u0302\u0303" * 30, "...!!!???,,,;;;:::", "(a)[b]{c}<d>",
    "The quick brown fox jumps over the lazy dog.", "Unaffordable, unbelievable & re-tokenized.", "\ud7ff\ue000 \uffff \U0010ffff", "\U00011938 \U00010d50 \U00016ea0 \ua7cb",
]


def random_texts(count, seed=20240229):
    """Texts mixed from whole Unicode blocks, with words that the vocabulary knows in between."""
    rng = random.Random(seed)
    blocks = [(0x20, 0x7E), (0, 0x1F), (0x80, 0x24F), (0x300, 0x36F), (0x370, 0x52F), (0x590, 0x6FF), (0x900, 0xDFF), (0xE00, 0xFFF), (0x1E00, 0x1FFF),
              (0x2000, 0x2BFF), (0x3000, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xF900, 0xFFFD), (0x10000, 0x1FFFF), (0x20000, 0x2FFFF), (0xE0000, 0x10FFFF)]
    words = ["the", "Cat", "[MASK]", " ", "unbelievable", "##s", "[SEP]", "2024", ".", "\u0301"]
    for _ in range(count):
        parts = []
        for _ in range(rng.randint(0, 40)):
            if rng.random() < 0.3:
                parts.append(rng.choice(words))
            else:
                low, high = rng.choice(blocks)
                parts.append(chr(rng.randint(low, high)))
        yield "".join(parts).encode("utf-8", "replace").decode("utf-8")


def all_code_points():
    for start in range(0, 0x110000, 16):
        points = [c for c in range(start, start + 16) if not 0xD800 <= c < 0xE000]
        if points:
            yield " ".join("a" + chr(c) + "b" + chr(c) for c in points)
            yield "".join(chr(c) + " " for c in points)


def glue_texts(root):
    """Every sentence of every file; the header lines and odd columns as well: text is text."""
    for path in sorted((root / "glue").glob("*/*")):
        for line in path.read_text(encoding="utf-8").split("\n"):
            yield from line.split("\t")


class Probe:
    """Answers of the C++ tokenizer for a list of requests."""

    def __init__(self, program, folder):
        self.command = [program, str(folder)]

    def __call__(self, requests):
        lines = "".join(json.dumps(r) + "\n" for r in requests)
        done = subprocess.run(self.command, input=lines.encode(), capture_output=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{self.command}: {done.stderr.decode()}")
        answers = [json.loads(line) for line in done.stdout.decode().rstrip("\n").split("\n") if line]
        assert len(answers) == len(requests), (len(answers), len(requests))
        return answers


class Report:
    def __init__(self):
        self.failures = 0

    def compare(self, name, inputs, got, want):
        wrong = [i for i in range(len(want)) if got[i] != want[i]]
        print(f"{name}: {len(want)} texts, {len(wrong)} differ")
        for i in wrong[:5]:
            print(f"  {ascii(inputs[i])[:200]}\n    ours   {str(got[i])[:300]}\n    python {str(want[i])[:300]}")
        self.failures += len(wrong)


def as_answer(encoding):
    return {"ids": encoding.ids, "type_ids": encoding.type_ids, "mask": encoding.attention_mask}


def check_ids(report, name, probe, reference, texts):
    texts = list(texts)
    want = [as_answer(e) for e in reference.encode_batch(texts)]
    report.compare(name, texts, probe([{"text": t} for t in texts]), want)


def check_pairs(report, name, probe, reference, texts):
    rng = random.Random(7)
    requests, want = [], []
    for strategy in ["longest_first", "only_first", "only_second"]:
        for _ in range(400):
            request = {"text": rng.choice(texts), "pair": rng.choice(texts), "max_length": rng.randint(3, 60), "truncation": strategy, "special": rng.random() < 0.8}
            if rng.random() < 0.3:
                del request["pair"]
            added = reference.num_special_tokens_to_add("pair" in request) if request["special"] else 0
            try:
                reference.enable_truncation(request["max_length"], strategy=strategy)
                encoding = reference.encode(request["text"], request.get("pair"), add_special_tokens=request["special"])
                want.append(as_answer(encoding))
            except BaseException as error:  # a Rust panic is no Exception
                if isinstance(error, KeyboardInterrupt):
                    raise
                want.append({"error": "pair_missing" if "not provided" in str(error) else "truncation_impossible"})
            assert request["max_length"] >= added
            requests.append(request)
    reference.no_truncation()
    report.compare(name, requests, probe(requests), want)


def check_decode(report, name, probe, reference, texts):
    answers = probe([{"text": t, "decode": True} for t in texts])
    want = [[reference.decode(a["ids"], skip_special_tokens=False), reference.decode(a["ids"], skip_special_tokens=True)] for a in answers]
    report.compare(name, texts, [[a["decoded"], a["decoded_plain"]] for a in answers], want)


def check_bad_utf8(report, probe, reference):
    rng = random.Random(3)
    cases = [b"\xff", b"a\xc0\xafb", b"\xe2\x82", b"\xed\xa0\x80 surrogate", b"\xf4\x90\x80\x80", b"caf\xe9 au lait", b"\xe2\x82\xe2\x82\xac", b"\xf0\x9f\x98", b"ok \x80\x80 [MASK]\xff"]
    cases += [bytes(rng.choice([0x41, 0x20, 0x80, 0xBF, 0xC2, 0xE2, 0x82, 0xAC, 0xF0, 0x9F, 0x98, 0xED, 0xA0, 0xFF]) for _ in range(rng.randint(1, 12))) for _ in range(2000)]
    want = [as_answer(reference.encode(c.decode("utf-8", "replace"))) for c in cases]
    report.compare("bytes that are no UTF-8", cases, probe([{"bytes": list(c)} for c in cases]), want)


def variants(vocabulary):
    """Tokenizers with every switch and kind of added token, as (name, tokenizer)."""
    for lowercase in (True, False):
        for strip in (None, True, False):
            for clean, chinese in ((True, True), (False, True), (True, False), (False, False)):
                reference = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
                reference.normalizer = normalizers.BertNormalizer(clean_text=clean, handle_chinese_chars=chinese, strip_accents=strip, lowercase=lowercase)
                reference.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
                reference.post_processor = processors.BertProcessing(("[SEP]", vocabulary["[SEP]"]), ("[CLS]", vocabulary["[CLS]"]))
                yield f"lowercase={lowercase} strip={strip} clean={clean} chinese={chinese}", reference


def with_added_tokens(vocabulary):
    reference = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=20, continuing_subword_prefix="##"))
    reference.normalizer = normalizers.BertNormalizer()
    reference.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    reference.add_special_tokens(["[CLS]", "[SEP]", AddedToken("[MASK]", lstrip=True, special=True)])
    reference.add_tokens([
        AddedToken("New York", normalized=True), AddedToken("École", normalized=True), AddedToken("word", single_word=True, normalized=False),
        AddedToken("<r>", rstrip=True, normalized=False), AddedToken("<b>", lstrip=True, rstrip=True, normalized=False), AddedToken("<x>", normalized=False),
        AddedToken("<x>y", normalized=False), AddedToken("é", single_word=True, normalized=False), AddedToken("中国", normalized=True)])
    return reference


def character_tokenizer():
    """One entry for each code point of the first two planes, so that no difference hides behind [UNK]."""
    points = [chr(c) for c in range(0x20000) if not 0xD800 <= c < 0xE000]
    tokens = ["[UNK]", "[CLS]", "[SEP]"] + points + ["##" + c for c in points]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    reference = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    reference.normalizer = normalizers.BertNormalizer()
    reference.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return reference


ADDED_TEXTS = ["I love new york and NEW YORK, New  York", "l'ecole École ÉCOLE", "word words sword word. (word) _word word_ wordé éword word\u0301", "a <r>  b <r>", "a  <b>  c  <b>  <b>", "<x>y <x> y <x><x>y",
               "é aé éa é", "  [MASK]  x[MASK]", "<r> <b> <r>\u3000[MASK]", "中国 在中国里", "\u00a0[MASK]", "word\u200dword word", "<r>   ", "   <b>", "<r>[MASK]"]


def main():
    program, model = sys.argv[1], Path(sys.argv[2])
    data = Path(os.environ.get("FRUGAL_DATA_ROOT", sys.argv[3]))
    if not (model / "tokenizer.json").exists():
        print(f"skipped: no tokenizer in {model}")
        sys.exit(77)
    from transformers import BertTokenizer
    print("tokenizers", tokenizers.__version__)
    report = Report()
    reference = Tokenizer.from_file(str(model / "tokenizer.json"))
    reference.no_truncation()
    reference.no_padding()
    probe = Probe(program, model)
    mixed = ADVERSARIAL + list(random_texts(5000))
    check_ids(report, "adversarial and random", probe, reference, mixed)
    check_ids(report, "every code point", probe, reference, all_code_points())
    check_bad_utf8(report, probe, reference)
    check_pairs(report, "pairs and truncation", probe, reference, ADVERSARIAL)
    check_decode(report, "decode", probe, reference, mixed[:2000])
    if (data / "glue").exists():
        texts = list(glue_texts(data))
        check_ids(report, "GLUE, tokenizers", probe, reference, texts)
        fast = BertTokenizer.from_pretrained(str(model))
        want = [{"ids": i, "type_ids": t, "mask": m} for i, t, m in zip(*(fast(texts)[k] for k in ("input_ids", "token_type_ids", "attention_mask")))]
        report.compare("GLUE, transformers", texts, probe([{"text": t} for t in texts]), want)
    else:
        print(f"no glue folder in {data}: the GLUE part is left out")

    vocabulary = reference.get_vocab()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for name, variant in variants(vocabulary):
            variant.save(str(folder / "tokenizer.json"))
            check_ids(report, name, Probe(program, folder), variant, mixed[:1500])
        variant = character_tokenizer()
        variant.save(str(folder / "tokenizer.json"))
        check_ids(report, "every code point, an entry each", Probe(program, folder), variant, all_code_points())
        variant = with_added_tokens(vocabulary)
        variant.save(str(folder / "tokenizer.json"))
        check_ids(report, "added tokens", Probe(program, folder), variant, ADDED_TEXTS + mixed[:500])
        check_decode(report, "added tokens, decode", Probe(program, folder), variant, ADDED_TEXTS)
    for settings in ({}, {"do_lower_case": False}, {"strip_accents": True, "do_lower_case": False}, {"tokenize_chinese_chars": False, "strip_accents": False}):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            (folder / "vocab.txt").write_text((model / "vocab.txt").read_text(encoding="utf-8"), encoding="utf-8")
            (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer", **settings}))
            slow = BertTokenizer.from_pretrained(str(folder))
            want = [{"ids": i, "type_ids": t, "mask": m} for i, t, m in zip(*(slow(mixed[:2000])[k] for k in ("input_ids", "token_type_ids", "attention_mask")))]
            report.compare(f"vocab.txt {settings}", mixed, Probe(program, folder)([{"text": t} for t in mixed[:2000]]), want)
    if report.failures:
        sys.exit(f"{report.failures} differences")


if __name__ == "__main__":
    main()
