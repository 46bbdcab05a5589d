"""Prompts of the multiple-choice benchmarks against their definition in Python: the templates of lm-evaluation-harness
0.4.13, applied by Jinja where the harness does. Official layouts that the data folder lacks are written here.
usage: multiple_choice_parity.py PROBE DATA_ROOT"""
import csv
import functools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import jinja2

PROBE, DATA = os.path.abspath(sys.argv[1]), pathlib.Path(os.environ.get("FRUGAL_DATA_ROOT", sys.argv[2]))
JINJA = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
failures = []


compiled = functools.cache(JINJA.from_string)


def render(template, doc):
    return compiled(template).render(**doc)


def probe(root, benchmark, split="", shots=0, prompt="harness"):
    done = subprocess.run([PROBE, str(root), benchmark, split, str(shots), prompt], capture_output=True, text=True)
    if done.returncode != 0:
        return done.stderr
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def compare(name, ours, expected):
    if isinstance(ours, str) or len(ours) != len(expected):
        failures.append(f"{name}: {ours if isinstance(ours, str) else len(ours)} for {len(expected)} questions")
        return
    for one, (choices, target) in zip(ours, expected):
        if one["choices"] != [list(c) for c in choices] or one["target"] != target:
            failures.append(f"{name}: {one} is not {choices}, {target}")
            return
    print(f"{name}: {len(ours)} questions")


def same_context(context, answers):
    return [(context, " " + answer, answer) for answer in answers]


def rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def science(path, template):
    expected = []
    for row in rows(path):
        doc = {"question": row["question"]["stem"], "question_stem": row["question"]["stem"]}
        labels = [c["label"] for c in row["question"]["choices"]]
        expected.append((same_context(render(template, doc), [c["text"] for c in row["question"]["choices"]]),
                         labels.index(row["answerKey"].lstrip())))
    return expected


def winogrande(path):
    expected = []
    for doc in rows(path):
        blank = doc["sentence"].index("_")
        rest = " " + doc["sentence"][blank + 1:].strip()
        contexts = [doc["sentence"][:blank] + doc[option] for option in ("option1", "option2")]
        expected.append(([(c, rest, c) for c in contexts], int(doc["answer"]) - 1))
    return expected


MMLU = ("{{question.strip()}}\nA. {{choices[0]}}\nB. {{choices[1]}}\nC. {{choices[2]}}\nD. {{choices[3]}}\nAnswer:")


def mmlu_file(path):
    with open(path, newline="", encoding="utf-8") as file:
        return [{"question": r[0], "choices": r[1:5], "answer": "ABCD".index(r[5])} for r in csv.reader(file)]


def mmlu(root, shots):
    expected = []
    for test in sorted((root / "test").glob("*_test.csv")):
        subject = test.name.removesuffix("_test.csv")
        prefix = f"The following are multiple choice questions (with answers) about {subject.replace('_', ' ')}.\n\n"
        for doc in mmlu_file(root / "dev" / f"{subject}_dev.csv")[:shots]:
            prefix += render(MMLU, doc) + " " + "ABCD"[doc["answer"]] + "\n\n"
        expected += [(same_context(prefix + render(MMLU, doc), "ABCD"), doc["answer"]) for doc in mmlu_file(test)]
    return expected


def mmlu_original(root, shots):
    """The prompt of Hendrycks et al.: a space before every word of the subject, questions as they stand."""
    expected = []
    for test in sorted((root / "test").glob("*_test.csv")):
        subject = test.name.removesuffix("_test.csv")

        def example(doc, answer):
            text = doc["question"]
            for letter, choice in zip("ABCD", doc["choices"]):
                text += f"\n{letter}. {choice}"
            text += "\nAnswer:"
            return text + (f" {'ABCD'[doc['answer']]}\n\n" if answer else "")

        words = "".join(" " + word for word in subject.split("_"))
        prefix = f"The following are multiple choice questions (with answers) about {words}.\n\n"
        prefix += "".join(example(doc, True) for doc in mmlu_file(root / "dev" / f"{subject}_dev.csv")[:shots])
        expected += [(same_context(prefix + example(doc, False), "ABCD"), doc["answer"]) for doc in mmlu_file(test)]
    return expected


def data_folder():
    qa = DATA / "qa"
    question = "Question: {{question}}\nAnswer:"
    for name, folder in (("arc_easy", "ARC-Easy"), ("arc_challenge", "ARC-Challenge")):
        compare(name, probe(DATA, name), science(qa / folder / "test.jsonl", question))
        compare(name + " train", probe(DATA, name, "train"), science(qa / folder / "train.jsonl", question))
    compare("openbookqa", probe(DATA, "openbookqa"), science(qa / "OpenBookQA" / "test.jsonl", "{{question_stem}}"))
    labels = (qa / "PIQA/valid-labels.lst").read_text().split()
    docs = rows(qa / "PIQA/valid.jsonl")
    compare("piqa", probe(DATA, "piqa"),
            [(same_context(render("Question: {{goal}}\nAnswer:", d), [d["sol1"], d["sol2"]]), int(label))
             for d, label in zip(docs, labels, strict=True)])
    compare("winogrande", probe(DATA, "winogrande"), winogrande(qa / "WinoGrande/dev.jsonl"))
    for shots in (0, 5):
        compare(f"mmlu, {shots} shots", probe(DATA, "mmlu", "", shots), mmlu(DATA / "mmlu", shots))
    compare("mmlu, original prompt", probe(DATA, "mmlu", "", 5, "hendrycks"), mmlu_original(DATA / "mmlu", 5))


def hellaswag_clean(text):
    text = text.strip().replace(" [title]", ". ")
    return re.sub("\\[.*?\\]", "", text).replace("  ", " ")


def written_files(root):
    (root / "HellaSwag").mkdir()
    docs = [{"ind": 1, "activity_label": "Removing ice", "ctx_a": "Then  the [header] man writes", "ctx_b": "someÖ Älter TEXT [title] x",
             "endings": [" and [x] then.", "", "[a\nb] kept", "[[two] brackets]"], "label": 3},
            {"ind": 2, "activity_label": " Ünï", "ctx_a": "a", "ctx_b": "ΣΑΣ ΟΔΟΣ", "endings": ["   three spaces", "b", "c", "d"], "label": "0"},
            {"ind": 3, "activity_label": "x", "ctx_a": "", "ctx_b": "ﬁne ŉow", "endings": ["a", "b", "c", "d"], "label": 1}]
    (root / "HellaSwag/hellaswag_val.jsonl").write_text("".join(json.dumps(d, ensure_ascii=False) + "\n" for d in docs))
    compare("hellaswag", probe(root, "hellaswag"),
            [(same_context(hellaswag_clean(d["activity_label"] + ": " + d["ctx_a"] + " " + d["ctx_b"].capitalize()),
                           [hellaswag_clean(e) for e in d["endings"]]), int(d["label"])) for d in docs])

    (root / "SciQ").mkdir()
    docs = [{"question": "What?", "distractor1": "a", "distractor2": "b", "distractor3": "c", "correct_answer": "d",
             "support": "\u2003\n Some text. "}, {"question": "Why?\n", "distractor1": "é", "distractor2": "b",
             "distractor3": "c", "correct_answer": "日本", "support": ""}]
    (root / "SciQ/test.json").write_text(json.dumps(docs))
    template = "{{support.lstrip()}}\nQuestion: {{question}}\nAnswer:"
    compare("sciq", probe(root, "sciq"),
            [(same_context(render(template, d), [d["distractor1"], d["distractor2"], d["distractor3"],
                                                 d["correct_answer"]]), 3) for d in docs])

    (root / "RACE/test/high").mkdir(parents=True)
    articles = {"10": {"article": "A b.", "id": "high10.txt", "questions": ["What is  _  .", "Why  _  ?", "Last  _  ."],
                       "options": [["p", "q", "r", "s"], ["1", "2", "3", "4"], ["w", "x", "y", "z"]], "answers": ["B", "D", "A"]},
                "9": {"article": "C", "id": "high9.txt", "questions": ["Only?"], "options": [["p", "q", "r", "s"]], "answers": ["C"]}}
    for name, article in articles.items():
        (root / f"RACE/test/high/{name}.txt").write_text(json.dumps(article))
    expected = []
    for name in ("9", "10"):
        article = articles[name]
        text = "Article: " + article["article"] + "\n\n"
        problems = list(zip(article["questions"], article["options"], article["answers"]))
        for question, options, answer in problems[:-1]:
            chosen = options["ABCD".index(answer)]
            text += question[:-5] + chosen + "\n" if question[-6:] == "  _  ." else f"Question: {question}\nAnswer: {chosen}\n"
        question, options, answer = problems[-1]
        expected.append((same_context(text + question, options), "ABCD".index(answer)))
    compare("race", probe(root, "race"), expected)

    (root / "PubMedQA").mkdir()
    docs = {"1": {"QUESTION": "Does it?", "CONTEXTS": ["One.", "Two."], "final_decision": "maybe"},
            "2": {"QUESTION": "Is it?", "CONTEXTS": ["Three."], "final_decision": "no"},
            "3": {"QUESTION": "In train?", "CONTEXTS": [], "final_decision": "yes"}}
    (root / "PubMedQA/ori_pqal.json").write_text(json.dumps(docs))
    (root / "PubMedQA/test_ground_truth.json").write_text(json.dumps({"1": "maybe", "2": "no"}))
    wanted = [(same_context("Abstract: {}\nQuestion: {}\nAnswer:".format("\n".join(d["CONTEXTS"]), d["QUESTION"]),
                            ["yes", "no", "maybe"]), ["yes", "no", "maybe"].index(d["final_decision"]))
              for d in docs.values()]
    compare("pubmedqa", probe(root, "pubmedqa"), wanted[:2])
    compare("pubmedqa train", probe(root, "pubmedqa", "train"), wanted[2:])


def text_operations():
    texts = ["", " ", "a", "ABC def", "ǆ x", "ﬁ", "ß", "ὈΔΥΣΣΕΎΣ", "ΑΣ", "Σ", "İstanbul", "ŉa", "\x1c\x1d x \x1f\u2028", "\u200b y \u3000",
             "  a   b    c ", "日本 語", "éÉ", "\u0345α", "a\u0301B", "1ABC", "-ABC", "𐐀𐐨"]
    texts += [chr(c) + "X" + chr(c) for c in range(1, 0x3000) if not 0xD800 <= c < 0xE000]
    done = subprocess.run([PROBE, "texts"], input="".join(json.dumps(t) + "\n" for t in texts), capture_output=True, text=True)
    different = 0
    for text, line in zip(texts, done.stdout.split("\n")):
        got = json.loads(line)
        wanted = {"strip": text.strip(), "capitalize": text.capitalize(), "replace": text.replace("  ", " "), "length": len(text)}
        if got != wanted:
            different += 1
            failures.append(f"{text!r}: {got} is not {wanted}") if different < 10 else None
    print(f"text operations: {len(texts)} texts, {different} differ")


def bad_files(root):
    def expect(words, folder, file, content, benchmark, split=""):
        path = root / folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        got = probe(root, benchmark, split)
        if not isinstance(got, str) or not all(w in got for w in words):
            failures.append(f"bad {benchmark} {content[:40]!r}: {got}")

    arc = '{"id": "1", "question": {"stem": "s", "choices": [{"text": "a", "label": "A"}]}, "answerKey": "%s"}\n'
    expect(["dataset_row", "answerKey"], "ARC-Easy", "test.jsonl", arc % "B", "arc_easy")
    expect(["dataset_row", "'choices' is missing"], "ARC-Easy", "test.jsonl", '{"id":"1","question":{},"answerKey":"A"}\n', "arc_easy")
    expect(["dataset_row", "not valid JSON"], "ARC-Easy", "test.jsonl", "{", "arc_easy")
    expect(["dataset_row", "'_'"], "WinoGrande", "dev.jsonl", '{"sentence":"x","option1":"a","option2":"b","answer":"1"}\n', "winogrande")
    expect(["dataset_row", "1 to 2"], "WinoGrande", "dev.jsonl", '{"sentence":"_","option1":"a","option2":"b","answer":"3"}\n', "winogrande")
    (root / "PIQA").mkdir()
    (root / "PIQA/valid-labels.lst").write_text("0\n2\n")
    expect(["dataset_row", "0 or 1"], "PIQA", "valid.jsonl", '{"goal":"g","sol1":"a","sol2":"b"}\n' * 2, "piqa")
    (root / "PIQA/valid-labels.lst").write_text("0\n1\n1\n")
    expect(["dataset_row", "more labels"], "PIQA", "valid.jsonl", '{"goal":"g","sol1":"a","sol2":"b"}\n' * 2, "piqa")
    (root / "PIQA/valid-labels.lst").write_text("0\n")
    expect(["dataset_row", "fewer"], "PIQA", "valid.jsonl", '{"goal":"g","sol1":"a","sol2":"b"}\n' * 2, "piqa")
    for content, word in (('q,a,b,c,d,E\n', "A, B, C or D"), ("q,a,b\n", "found 3 cells"), ('"q,a,b,c,d,A', "does not end"),
                          ('"q"x,a,b,c,d,A\n', "closing quote")):
        expect(["dataset_row", word, "abstract_algebra_test.csv:1"], "mmlu/test", "abstract_algebra_test.csv", content, "mmlu")
    got = probe(root, "sciq")
    if "dataset_not_found" not in got:
        failures.append(f"a missing folder: {got}")
    if "benchmark_unknown" not in probe(root, "boolq"):
        failures.append("an unknown benchmark")


text_operations()
with tempfile.TemporaryDirectory() as folder:
    written_files(pathlib.Path(folder))
with tempfile.TemporaryDirectory() as folder:
    bad_files(pathlib.Path(folder))
if (DATA / "qa").is_dir() and (DATA / "mmlu").is_dir():
    data_folder()
else:
    print(f"no QA data below {DATA}: only written files were compared")
if failures:
    sys.exit("\n".join(failures[:20]))
