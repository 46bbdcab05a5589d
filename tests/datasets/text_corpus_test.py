"""scripts/text_corpus.py on a made-up data root and package root: training splits only, nothing of a test set, no repetition,
the same file every time. usage: text_corpus_test.py SCRIPT"""
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile

SCRIPT = sys.argv[1]


def prose(seed, sentences=4):
    """Words of which no run of more than three repeats elsewhere."""
    return " ".join(f"sentence {seed} {i} of " + " ".join(f"w{seed}x{i}y{j}" for j in range(12)) + "." for i in range(sentences))


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), mtime=0) if path.suffix == ".gz" else text.encode())


def make_roots(root):
    data, debian = root / "data", root / "debian"
    secret = "in the test set stands this very long sentence of more than thirteen words that nobody may ever train on"
    write(data / "qa/ARC-Easy/test.jsonl", json.dumps({"question": {"stem": secret, "choices": []}}) + "\n")
    row = {"question": {"stem": prose(1), "choices": [{"label": "A", "text": "wall"}, {"label": "B", "text": "no"}]},
           "answerKey": "A"}
    write(data / "qa/ARC-Easy/train.jsonl", json.dumps(row) + "\n")
    write(data / "glue/SST-2/train.tsv", "sentence\tlabel\n" + "".join(f"{prose(n, 1)}\t1\n" for n in range(20, 40)))
    write(data / "glue/SST-2/dev.tsv", "sentence\tlabel\nnever this one\t1\n")
    write(data / "wikitext-2/valid.txt", " = Held out = \n" + prose(60) + "\n")
    doc = debian / "usr/share/doc"
    write(doc / "linux-doc-6.1/Documentation/a.rst.gz", prose(2))
    write(doc / "linux-doc-6.1/Documentation/copy.rst.gz", prose(2))
    write(doc / "linux-doc-6.1/Documentation/leak.rst.gz", prose(3) + "\n\nNote: IN the test set, stands this very long "
          "sentence of more than thirteen words that nobody may ever train on. " + prose(4))
    write(doc / "linux-doc-6.1/Documentation/valid.rst.gz", prose(60))
    write(doc / "linux-doc-6.1/Documentation/translations/it.rst.gz", prose(5))
    write(doc / "python3.11/html/x.html", f"<html><head><title>no</title></head><body><p>{prose(6)}</p><script>no</script>")
    write(debian / "usr/share/man/man2/x.2.gz", f'.TH X 2\n.SH NAME\nx \\- does\n.B bold "word"\n{prose(7)}\n')
    write(debian / "usr/share/man/man2/short.2.gz", ".SH NAME\nshort\n")
    return data, debian


def main():
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        data, debian = make_roots(root)
        call = lambda out, *more: subprocess.run(  # noqa: E731
            [sys.executable, SCRIPT, str(root / out), "--data", str(data), "--root", str(debian), *more],
            capture_output=True, text=True)
        done = call("a.jsonl")
        assert done.returncode == 0, done.stderr
        rows = [json.loads(line) for line in (root / "a.jsonl").read_text().splitlines()]
        texts = "\n".join(row["text"] for row in rows)
        assert {row["source"] for row in rows} == {"qa", "glue", "linux_doc", "python_doc", "man_pages"}, rows
        assert len({row["id"] for row in rows}) == len(rows)
        assert "thirteen words" not in texts and "sentence 60" not in texts and "never this one" not in texts
        assert "sentence 5 0" not in texts, "a translation"
        assert texts.count("sentence 2 0") == 1, "a repeated document"
        assert "<p>" not in texts and "bold word" in texts and "x - does" in texts and "Answer: wall" in texts
        assert "2 in an evaluation set" in done.stdout and "1 repeated" in done.stdout and "1 too short" in done.stdout, done.stdout
        again = call("b.jsonl")
        assert (root / "b.jsonl").read_bytes() == (root / "a.jsonl").read_bytes()
        assert again.stdout.split("sha256 ")[1].split()[0] == done.stdout.split("sha256 ")[1].split()[0]
        other = call("c.jsonl", "--seed", "1")
        assert other.returncode == 0 and (root / "c.jsonl").read_bytes() != (root / "a.jsonl").read_bytes()
        only = call("d.jsonl", "--sources", "glue")
        assert only.returncode == 0 and {json.loads(r)["source"] for r in (root / "d.jsonl").read_text().splitlines()} == {"glue"}
        bad = call("e.jsonl", "--sources", "nothing")
        assert bad.returncode == 2 and "nothing" in bad.stderr
    print("text corpus: all right")


main()
