#!/usr/bin/env python3
"""Makes a training corpus from free text that lies on this machine: one JSON object {"text", "source", "id"} a line.

    python scripts/text_corpus.py corpus.jsonl --data DATA_ROOT
    python scripts/text_corpus.py corpus.jsonl --data DATA_ROOT --root unpacked --sources linux_doc,python_doc,gcide

Sources are the training splits in the data root (never a validation or test split) and what Debian's packages install:
`apt-get install linux-doc python3-doc perl-doc manpages-dev dict-gcide debian-handbook wordnet-base`, or, without
rights, `apt-get download` and `dpkg-deb -x FILE.deb unpacked` with `--root unpacked`. Documents that share 13 words in a
row with a validation or test text of the data root are left out, as are repeated ones. Same files, same corpus: the
order follows from --seed, and the SHA-256 is printed. With --frugal the corpus is counted in tokens of --model.
"""

import argparse
import collections
import csv
import gzip
import hashlib
import html.parser
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SHINGLE = 13  # words
SHORTEST, LONGEST = 200, 40_000  # characters of a document; longer ones are cut between paragraphs
LICENCES = {
    "wikitext": "CC-BY-SA-3.0", "glue": "see each task", "qa": "CC-BY-SA-4.0 (ARC), Apache-2.0 (OpenBookQA)",
    "linux_doc": "GPL-2.0", "python_doc": "PSF-2.0", "python_code": "PSF-2.0", "perl_doc": "Artistic-1.0 or GPL-1.0+",
    "man_pages": "see each page", "gcide": "GPL-3.0+", "handbook": "GPL-2.0+ or CC-BY-SA-3.0", "wordnet": "WordNet",
}  # fmt: skip


def read(path):
    data = path.read_bytes()
    return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8", errors="replace")


class HtmlText(html.parser.HTMLParser):
    """The text of a page's body, a line a block."""

    SKIP = {"script", "style", "nav", "head", "footer"}
    BLOCKS = {"p", "div", "li", "h1", "h2", "h3", "h4", "pre", "tr", "br", "dt", "dd", "section"}

    def __init__(self):
        super().__init__()
        self.parts, self.skipped = [], 0

    def handle_starttag(self, tag, attrs):
        self.skipped += tag in self.SKIP
        if tag in self.BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag):
        self.skipped -= tag in self.SKIP and self.skipped > 0
        if tag in self.BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data):
        if not self.skipped:
            self.parts.append(data)


def from_html(path):
    parser = HtmlText()
    parser.feed(read(path))
    return "".join(parser.parts)


def from_roff(path):
    """A manual page without its macros and font changes."""
    lines = []
    for line in read(path).split("\n"):
        heading = re.match(r"\.\s*S[HS]\s+(.*)", line)
        if heading:
            lines.append("\n" + heading.group(1).strip('"'))
        elif re.match(r"[.']\s*(B|I|BR|BI|IR|IB|RB|RI|TP|Nm|Ar|Fl)\b", line):
            lines.append(" ".join(line.split()[1:]).replace('"', ""))
        elif line[:3] in (".PP", ".P", ".LP"):
            lines.append("")
        elif line[:1] not in (".", "'"):
            lines.append(line)
    text = "\n".join(lines)
    text = re.sub(r"\\f[BIRP1-4]|\\f\(..|\\[&%|^]|\\s[-+]?\d", "", text)
    for old, new in (("\\-", "-"), ("\\(aq", "'"), ("\\(em", "-"), ("\\(bu", "*"), ("\\e", "\\"), ("\\ ", " ")):
        text = text.replace(old, new)
    return "" if ".so " in text[:20] else text


def from_pod(path):
    text = re.sub(r"(?m)^=(head\d|item|over|back|cut|pod|encoding|for|begin|end)\s*", "", read(path))
    return re.sub(r"[BCFILSX]<+ ?([^<>]*?) ?>+", r"\1", text)


def gcide(path):
    """Entries in groups, as a dictionary's pages."""
    entries = re.split(r"\n(?=\S)", re.sub(r" *\[(1913 Webster|PJC|WordNet 1\.5)\]", "", read(path)))
    for i in range(0, len(entries), 40):
        yield f"{i}", "\n\n".join(entry.strip() for entry in entries[i : i + 40])


def wordnet(path):
    glosses = [line.split("|", 1) for line in read(path).split("\n") if "|" in line and not line.startswith("  ")]
    texts = [f"{head.split()[4].replace('_', ' ')}: {gloss.strip()}" for head, gloss in glosses]
    for i in range(0, len(texts), 60):
        yield f"{path.name}:{i}", "\n".join(texts[i : i + 60])


def lines_of_glue(path):
    rows = read(path).rstrip("\n").split("\n")
    if path.parent.name == "CoLA":
        return [row.split("\t")[3] for row in rows]
    cells = [row.split("\t") for row in rows]
    names = {"SST-2": ["sentence"], "MRPC": ["#1 String", "#2 String"]}.get(path.parent.name, ["sentence1", "sentence2"])
    where = [cells[0].index(name) for name in names if name in cells[0]]
    return [" ".join(row[i] for i in where) for row in cells[1:] if len(row) > max(where)]


def grouped(name, lines, size=30):
    for i in range(0, len(lines), size):
        yield f"{name}:{i}", "\n".join(lines[i : i + size])


def questions(path):
    for line in read(path).splitlines():
        row = json.loads(line)
        choices = row["question"]["choices"]
        answer = next((c["text"] for c in choices if c["label"] == row["answerKey"]), "")
        yield f"Question: {row['question']['stem']}\nAnswer: {answer}\n"


def data_documents(data):
    """(source, id, text) of training splits."""
    for path in sorted(data.glob("wikitext-*/*train*")):
        pages = re.split(r"\n(?= = [^=\n]+ = \n)", read(path))
        yield from (("wikitext", f"{path.parent.name}:{i}", page) for i, page in enumerate(pages))
    for path in sorted([*data.glob("glue/*/train.tsv"), *data.glob("glue/MRPC/msr_paraphrase_train.txt")]):
        yield from (("glue", id, text) for id, text in grouped(path.parent.name, lines_of_glue(path)))
    for path in sorted(data.glob("qa/*/train.jsonl")):
        yield from (("qa", id, text) for id, text in grouped(path.parent.name, list(questions(path))))


def debian_documents(root):
    share = root / "usr/share"
    files = [
        ("linux_doc", share.glob("doc/linux-doc*/Documentation/**/*.rst*"), read),
        ("python_doc", share.glob("doc/python3*/html/**/*.html"), from_html),
        ("perl_doc", share.glob("perl/*/pod/*.pod"), from_pod),
        ("man_pages", share.glob("man/man[1-8]/*"), from_roff),
        ("handbook", share.glob("doc/debian-handbook/html/en-US/*.html"), from_html),
        ("python_code", root.glob("usr/lib/python3*/**/*.py"), read),
    ]
    for source, paths, convert in files:
        for path in sorted(paths):
            if path.is_file() and "translations" not in path.parts and "genindex" not in path.name:
                yield source, str(path.relative_to(root)), convert(path)
    for path in sorted(share.glob("dictd/gcide.dict.dz")):
        yield from (("gcide", id, text) for id, text in gcide(path))
    for path in sorted(share.glob("wordnet/data.*")):
        yield from (("wordnet", id, text) for id, text in wordnet(path))


def words_of(text):
    return re.findall(r"\w+", text.lower())


def shingles(words):
    return {hash_of(" ".join(words[i : i + SHINGLE])) for i in range(len(words) - SHINGLE + 1)}


def hash_of(text):
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


def evaluation_texts(data):
    """Every validation and test text of the data root, whatever its layout."""
    for path in sorted(data.rglob("*")):
        if path.is_file() and path.suffix in (".tsv", ".txt", ".jsonl", ".csv", ".json", ".raw", ".tokens"):
            if "train" in path.name or path.name.startswith("README"):
                continue
            if path.suffix == ".csv":
                with open(path, newline="", encoding="utf-8") as file:
                    yield from (" ".join(row) for row in csv.reader(file))
            elif path.suffix == ".jsonl":
                for line in read(path).splitlines():
                    yield from strings(json.loads(line))
            else:
                yield from read(path).splitlines()


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings(item)


def clean(text):
    text = re.sub(r"[^\S\n]+$", "", text.replace("\r\n", "\n").replace("\x00", ""), flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def cut(text):
    """Pieces of at most LONGEST characters where paragraphs allow it."""
    piece = ""
    for paragraph in text.split("\n\n"):
        if piece and len(piece) + len(paragraph) > LONGEST:
            yield piece
            piece = ""
        piece += ("\n\n" if piece else "") + paragraph
    yield piece


def collect(arguments):
    wanted = set(arguments.sources.split(",")) if arguments.sources else set(LICENCES)
    forbidden = set()
    if arguments.data:
        for text in evaluation_texts(arguments.data):
            forbidden |= shingles(words_of(text))
    seen, documents, dropped = set(), [], collections.Counter()
    candidates = [*(data_documents(arguments.data) if arguments.data else ()), *debian_documents(arguments.root)]
    for source, name, whole in candidates:
        if source not in wanted:
            continue
        for part, text in enumerate(cut(clean(whole))):
            digest = hash_of(text)
            if len(text) < SHORTEST:
                dropped["too short"] += 1
            elif digest in seen:
                dropped["repeated"] += 1
            elif not forbidden.isdisjoint(shingles(words_of(text))):
                dropped["in an evaluation set"] += 1
            else:
                seen.add(digest)
                documents.append({"text": text, "source": source, "id": f"{name}#{part}"})
    documents.sort(key=lambda d: hash_of(f"{arguments.seed}:{d['source']}:{d['id']}"))
    return documents, dropped


def count_tokens(arguments, documents):
    """Tokens by source, without special tokens."""
    counts = collections.Counter()
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        file.write("".join(json.dumps(d["text"]) + "\n" for d in documents))
        file.flush()
        command = [arguments.frugal, "tokenize", f"model={arguments.model}", "--json", "--no-special", "--file", file.name]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for document, line in zip(documents, process.stdout):
                counts[document["source"]] += line.count(",") + (line.strip() != "[]")
        if process.returncode != 0:
            sys.exit(f"{' '.join(command)} failed")
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, help="data root (docs/datasets.md)")
    parser.add_argument("--root", type=Path, default=Path("/"), help="where Debian's packages are installed or unpacked")
    parser.add_argument("--sources", help=f"some of {','.join(LICENCES)}; default: all there are")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--frugal", type=Path, help="the program, to count tokens with")
    parser.add_argument("--model", default="smollm2_135m")
    arguments = parser.parse_args()
    unknown = set((arguments.sources or "").split(",")) - set(LICENCES) - {""}
    if unknown:
        parser.error(f"no source {', '.join(sorted(unknown))}; there are {', '.join(LICENCES)}")
    documents, dropped = collect(arguments)
    if not documents:
        sys.exit("no text found: see --help for the packages and the data root")
    temporary = arguments.out.with_name(arguments.out.name + ".tmp")
    digest = hashlib.sha256()
    with open(temporary, "wb") as file:
        for document in documents:
            line = (json.dumps(document, ensure_ascii=False, sort_keys=True) + "\n").encode()
            digest.update(line)
            file.write(line)
    os.replace(temporary, arguments.out)
    tokens = count_tokens(arguments, documents) if arguments.frugal else {}
    print(f"{'source':12} {'documents':>9} {'bytes':>11} {'tokens':>11}  licence")
    for source in sorted({d["source"] for d in documents}):
        mine = [d for d in documents if d["source"] == source]
        size = sum(len(d["text"].encode()) for d in mine)
        print(f"{source:12} {len(mine):9} {size:11} {tokens.get(source, '-'):>11}  {LICENCES[source]}")
    print(f"{'all':12} {len(documents):9} {sum(len(d['text'].encode()) for d in documents):11} "
          f"{sum(tokens.values()) if tokens else '-':>11}")
    print("left out: " + (", ".join(f"{n} {why}" for why, n in sorted(dropped.items())) or "nothing"))
    print(f"sha256 {digest.hexdigest()}  {arguments.out}")


if __name__ == "__main__":
    main()
