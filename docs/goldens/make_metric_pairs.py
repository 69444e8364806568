"""Scores of the Python originals on 2,000 random pairs for each metric: python make_metric_pairs.py LMMS_EVAL_FOLDER packages/eval/src/fixtures/pairs.json.gz

LMMS_EVAL_FOLDER is the unpacked wheel of lmms-eval 0.7.3 (its `lmms_eval` folder). Its functions are loaded file by file, so that none of
its dependencies is needed; ANLS* is the package anls_star 1.0.1. Python 3.11, numpy 2.4.6.
"""

import ast
import gzip
import json
import random
import re
import statistics
import string
import sys

import numpy as np
from anls_star import anls_score

root, out = sys.argv[1], sys.argv[2]
random.seed(20261126)


def load(path, names, given=None):
    """The named functions, classes and constants of a file, without running its imports."""
    tree = ast.parse(open(f"{root}/{path}", encoding="utf8").read())
    keep = []
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name in names:
            node.decorator_list = []
            keep.append(node)
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(getattr(target, "id", None) in names for target in targets):
                keep.append(node)
    from typing import List, Optional

    scope = {"re": re, "string": string, "np": np, "statistics": statistics, "List": List, "Optional": Optional, **(given or {})}
    exec(compile(ast.Module(keep, []), path, "exec"), scope)
    return scope


chartqa = load("tasks/chartqa/utils.py", ["relaxed_correctness"])
metrics = load("api/metrics.py", ["levenshtein_distance", "anls", "exact_match_hf_evaluate"])
ocrbench = load("tasks/ocrbench/utils.py", ["_fold_fullwidth_ascii", "ocrbench_process_results"])
vqa = load("tasks/_task_utils/vqa_eval_metric.py", ["EvalAIAnswerProcessor"])
textvqa = load("tasks/textvqa/utils.py", ["textvqa_process_results"], {"EvalAIAnswerProcessor": vqa["EvalAIAnswerProcessor"]})
mcq = load("tasks/_task_utils/mcq_extract.py", ["_DEFAULT_CHOICES", "_ANSWER_PHRASES", "_FORMAT_PRIORITY", "extract_mcq_answer"])
mme = load("tasks/mme/utils.py", ["parse_pred_ans"])


def realworldqa(pred, gt):
    """realworldqa_process_results, whose import is inside the function."""
    gt_ans = gt.strip()
    if gt_ans.upper() in ("A", "B", "C", "D"):
        return 1.0 if mcq["extract_mcq_answer"](pred, choices=["A", "B", "C", "D"]) == gt_ans.upper() else 0.0
    return 1.0 if pred.lower().strip().rstrip(".") == gt_ans.lower() else 0.0


def multiple_choice(pred, gt):
    """ai2d's MultiChoiceRegexFilter, then exact_match as its yaml asks for it."""
    match = re.compile(r"^\s*([A-Z])\.").match(pred)
    return exact(match.group(1) if match else pred, gt)


def exact(pred, gt):
    return float(metrics["exact_match_hf_evaluate"]([pred], [gt], ignore_case=True, ignore_punctuation=True)["exact_match"])


def ocr(pred, answers, dataset):
    doc = {"answer": answers, "dataset": dataset, "question_type": "x"}
    return ocrbench["ocrbench_process_results"](doc, [pred])["ocrbench_accuracy"]["score"]


WORDS = ["cat", "Cat", "the cat", "two", "2", "yes", "No", "STOP", "straße", "STRASSE", "naïve", "７", "ＡＢ", "a　b", "$5", "5%", "5%%", "0.05",
         "1_000", "1,000", "1e3", "inf", "nan", "٣", "-0.0", "105", "100", "95.2", "U.S.A.", "half-time", "7-11", "don't", "dont", "cat's hat",
         "none", "an apple", "apple", "A", "B", "B.", "(C)", "D)", "b", "Answer: B", "The answer is C", "x ^ { 2 }", "x^{2}", "😀", "İ", "Σας", ""]
SIGNS = [" ", "  ", ".", ",", "!", "?", ":", ";", "'", '"', "-", "/", "(", ")", "\n", "\t", "%", "　", "\u00a0", "．", "’"]


def phrase():
    parts = []
    for _ in range(random.choice([1, 1, 1, 2, 2, 3])):
        parts.append(random.choice(WORDS))
        if random.random() < 0.5:
            parts.append(random.choice(SIGNS))
    text = "".join(parts)
    return random.choice(SIGNS) + text if random.random() < 0.15 else text


def near(text):
    """Often the text itself, or a little off: else nearly all pairs would score 0."""
    chance = random.random()
    if chance < 0.3:
        return text
    if chance < 0.45:
        return text.upper() if random.random() < 0.5 else text.lower()
    if chance < 0.6:
        return text + random.choice(SIGNS)
    if chance < 0.75 and text:
        at = random.randrange(len(text))
        return text[:at] + random.choice(["", "x", "é"]) + text[at + 1 :]
    return phrase()


def number():
    value = random.choice([random.uniform(-10, 1000), random.randint(0, 2000), random.uniform(0, 1)])
    return random.choice([str(value), f"{value:.2f}", f"{value:.0f}", f"{value:.1f}%", f" {value}", f"{value:,.1f}"])


def near_number(text):
    try:
        value = float(text.strip().rstrip("%"))
    except ValueError:
        return near(text)
    scaled = value * random.choice([1, 1.05, 0.95, 1.0501, 1.049, 0.5, 1 / 100])
    return random.choice([str(scaled), f"{scaled:.3f}", f"{scaled}%", text])


def pairs(make, score, count=2000):
    rows = []
    for _ in range(count):
        args = make()
        rows.append([*args, score(*args)])
    return rows


def text_pair():
    truth = phrase()
    return near(truth), truth


def list_pair(size):
    truths = [phrase() for _ in range(random.choice(size))]
    truths = [near(truths[0]) if random.random() < 0.6 else truth for truth in truths]
    return near(random.choice(truths)), truths


def chart_pair():
    truth = number() if random.random() < 0.6 else phrase()
    return near_number(truth), truth


def choice_pair():
    truth = random.choice(["A", "B", "C", "D", "3", "Downhill"])
    letter = random.choice("ABCD")
    shapes = ["{0}", "{0}.", "({0})", "{0})", "{0}: yes", "The answer is {0}", "{0}. the car", "I think {0} or C, so {0}", " {0} ", "answer is\n{0}", "Because A is red", "Downhill.", "3", "b", "", "none of them", "my choice is ({0})", "\"{0}\"", "CAB", "选{0}"]
    return random.choice(shapes).format(letter) if random.random() < 0.8 else near(truth), truth


def yes_no():
    return (random.choice(["yes", "No", "Yes.", "y", "n", "Nope", "eyes", "know", "not sure", "The answer is yes", "yeah", "", "N.", "y e s", "YES!"]) if random.random() < 0.8 else phrase(),)


fixture = {
    "relaxedAccuracy": pairs(chart_pair, lambda p, t: float(chartqa["relaxed_correctness"](p, t))),
    "anls": pairs(lambda: list_pair([1, 2, 3]), lambda p, t: metrics["anls"](t, [p])["anls"]),
    "anlsStar": pairs(lambda: list_pair([1, 2, 3]), lambda p, t: anls_score(tuple(t), p)),
    "vqaAccuracy": pairs(lambda: list_pair([10]), lambda p, t: textvqa["textvqa_process_results"]({"answers": list(t), "question_id": 1}, [p])["exact_match"]),
    "ocrBenchFolded": pairs(lambda: (*list_pair([1, 2]), random.choice(["HME100k", "IIIT5K"])), ocr),
    "realWorldQa": pairs(choice_pair, realworldqa),
    "multipleChoiceUntrimmed": pairs(lambda: (choice_pair()[0], random.choice("ABCD")), multiple_choice),
    "looseMatchUntrimmed": pairs(text_pair, exact),
    "parseYesNo": pairs(yes_no, mme["parse_pred_ans"]),
}
with gzip.GzipFile(out, "wb", mtime=0) as file:
    file.write(json.dumps(fixture, ensure_ascii=False).encode("utf8"))
for name, rows in fixture.items():
    print(name, len(rows), "right:", sum(1 for row in rows if row[-1] == 1 or row[-1] == "yes"))
