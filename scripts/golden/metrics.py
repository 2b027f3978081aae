"""Random cases of every metric with what its Python package answers: scikit-learn, SciPy, seqeval, rouge_score,
sacrebleu, evaluate's and SQuAD's own formulas, jiwer, pycocotools, ranx, statsmodels. tests/golden/metrics holds some,
scripts/compare metrics asks for many."""
import collections
import contextlib
import io
import json
import logging
import math
import random
import re
import string
import warnings
from pathlib import Path

WORDS = ["the", "cat", "sat", "on", "mat", "a", "dog", "running", "happily", "national", "U.S.", "3.5", "1,000", "don't", "(hi)", "e.g.", "Köln",
         "naïve", "flies", "dying", "relational", "generalizations", "x-ray", "5-6", "$12", "what?", "end.", "中文测试", "日本語", "«ja»", "…", "&amp;",
         "&quot;q&quot;", "THE", "An", "₂", "½", "—", "controlling", "agreed", "hopping", "skies", "apologi", "fulli", "!!", "A", "I", "word\u00a0two"]


def text(rng, low=0, high=14, newlines=False):
    out = ""
    for _ in range(rng.randint(low, high)):
        out += rng.choice(WORDS) + (rng.choice([" ", " ", " ", "  ", "\t", ""]) if not newlines or rng.random() < .8 else "\n")
    return out


def near(rng, source):
    """The text with a few words changed, dropped, added or moved."""
    words = source.split(" ")
    for _ in range(rng.randint(0, 4)):
        at = rng.randrange(len(words) + 1)
        kind = rng.random()
        if kind < .3:
            words.insert(at, rng.choice(WORDS))
        elif kind < .6 and words:
            del words[at - 1]
        elif kind < .8 and words:
            words[at - 1] = rng.choice(WORDS)
        elif len(words) > 3:
            low = rng.randrange(len(words) - 2)
            run = words[low:low + rng.randint(1, 3)]
            del words[low:low + len(run)]
            to = rng.randrange(len(words) + 1)
            words[to:to] = run
    return " ".join(words)


def corpus(rng, references=True, newlines=False):
    pairs = []
    count = rng.randint(1, 3) if references else 1
    for _ in range(rng.randint(1, 6)):
        base = text(rng, newlines=newlines)
        pairs.append({"text": near(rng, base), "references": [near(rng, base) if i else base for i in range(count)]})
    return pairs


def labels(rng, classes=None):
    classes = classes or rng.randint(1, 5)
    n = rng.randint(1, 40)
    truth = [rng.randrange(classes) for _ in range(n)]
    predicted = [t if rng.random() < .6 else rng.randrange(classes) for t in truth]
    return truth, predicted


def classification(rng):
    from sklearn import metrics
    truth, predicted = labels(rng)
    used = sorted(set(truth) | set(predicted))
    truth, predicted = [used.index(t) for t in truth], [used.index(p) for p in predicted]

    def prf(average):
        p, r, f, s = metrics.precision_recall_fscore_support(truth, predicted, average=average, zero_division=0)
        return [p, r, f] if average else [list(map(float, x)) for x in (p, r, f, s)]
    return {"truth": truth, "predicted": predicted}, {
        "accuracy": metrics.accuracy_score(truth, predicted), "matthews": metrics.matthews_corrcoef(truth, predicted),
        "classes": prf(None), "micro": prf("micro"), "macro": prf("macro"), "weighted": prf("weighted")}


def log_loss(rng):
    from sklearn import metrics
    classes, n = rng.randint(2, 4), rng.randint(1, 20)
    truth = [rng.randrange(classes) for _ in range(n)]
    rows = []
    for _ in range(n):
        row = [rng.random() ** 3 for _ in range(classes)]
        row = [float(i == rng.randrange(classes)) for i in range(classes)] if rng.random() < .1 else row
        total = sum(row)
        rows.append([x / total for x in row] if total else [1.0] + [0.0] * (classes - 1))
    return {"truth": truth, "probabilities": rows}, metrics.log_loss(truth, rows, labels=list(range(classes)))


def auroc(rng):
    from sklearn import metrics
    n = rng.randint(2, 40)
    truth = [rng.random() < .4 for _ in range(n)]
    truth[:2] = [True, False]
    scores = [round(rng.random(), rng.choice([1, 6])) for _ in range(n)]
    return {"positive": truth, "scores": scores}, metrics.roc_auc_score(truth, scores)


def calibration(rng):
    n = rng.randint(1, 60)
    confidences = [rng.choice([rng.random(), 0.2, 1.0, 0.0]) for _ in range(n)]
    right = [rng.random() < c for c in confidences]
    error = 0.0
    for b in range(15):
        inside = [i for i, c in enumerate(confidences) if (b / 15 < c or b == 0) and c <= (b + 1) / 15]
        if inside:
            error += abs(sum(confidences[i] for i in inside) / len(inside) - sum(right[i] for i in inside) / len(inside)) * len(inside) / n
    return {"right": right, "confidences": confidences}, error


def correlation(rng):
    from scipy import stats
    from sklearn import metrics
    n = rng.randint(2, 30)
    x = [round(rng.gauss(0, 1), rng.choice([0, 8])) for _ in range(n)]
    y = [a * rng.choice([-1, 1, 1]) + rng.gauss(0, 1) for a in x]
    if rng.random() < .1:
        x = [x[0]] * n
    return {"x": x, "y": y}, {"pearson": stats.pearsonr(x, y).statistic, "spearman": stats.spearmanr(x, y).statistic,
                              "mse": metrics.mean_squared_error(x, y), "mae": metrics.mean_absolute_error(x, y)}


def seqeval(rng):
    from seqeval import metrics
    prefixes = rng.choice([["B", "I"], ["B", "I", "E", "S"], ["I", "E"], ["I"]])
    types = ["PER", "LOC", "MISC", "a-b"][:rng.randint(1, 4)]

    def tags(n):
        return [rng.choice(prefixes) + "-" + rng.choice(types) if rng.random() < .6 else rng.choice(["O", "O", "O", "PER", "B"]) for _ in range(n)]
    truth, predicted = [], []
    for _ in range(rng.randint(1, 5)):
        row = tags(rng.randint(1, 12))
        truth.append(row)
        predicted.append([t if rng.random() < .7 else tags(1)[0] for t in row])

    def prf(average):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            p, r, f, s = metrics.sequence_labeling.precision_recall_fscore_support(truth, predicted, average=average, zero_division=0)
        return [float(p), float(r), float(f)]
    return {"truth": truth, "predicted": predicted}, {
        "accuracy": metrics.accuracy_score(truth, predicted), "micro": prf("micro"), "macro": prf("macro"), "weighted": prf("weighted")}


def normalize_answer(s):
    """As evaluate-v1.1.py and evaluate-v2.0.py of SQuAD have it."""
    s = "".join(c for c in s.lower() if c not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", s).split())


def squad_f1(answer, gold, version):
    got, wanted = normalize_answer(answer).split(), normalize_answer(gold).split()
    if version == 2 and (not got or not wanted):
        return int(got == wanted)
    same = sum((collections.Counter(got) & collections.Counter(wanted)).values())
    if same == 0:
        return 0
    p, r = same / len(got), same / len(wanted)
    return 2 * p * r / (p + r)


def squad(rng):
    version = rng.choice([1, 2])
    base = text(rng, 0, 5)
    answer, golds = near(rng, base), [near(rng, base) for _ in range(rng.randint(1, 3))]
    if rng.random() < .2:
        golds = [""]
    kept = golds
    if version == 2:
        kept = [g for g in golds if normalize_answer(g)] or [""]
    return {"answer": answer, "golds": golds, "version": version}, {
        "exact": max(int(normalize_answer(answer) == normalize_answer(g)) for g in kept), "f1": max(squad_f1(answer, g, version) for g in kept)}


def rouge(rng):
    from rouge_score import rouge_scorer
    stemmer = rng.random() < .5
    pair = corpus(rng, newlines=True)[0]
    names = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
    scores = rouge_scorer.RougeScorer(names, use_stemmer=stemmer).score_multi(pair["references"], pair["text"])
    return {**pair, "stemmer": stemmer}, {n: [scores[n].precision, scores[n].recall, scores[n].fmeasure] for n in names}


def stems(rng):
    from nltk.stem.porter import PorterStemmer
    ends = ["s", "es", "ies", "ed", "ied", "eed", "ing", "y", "ational", "tional", "enci", "izer", "bli", "alli", "ousli", "ation", "ator", "alism",
            "iveness", "fulness", "aliti", "iviti", "biliti", "fulli", "logi", "icate", "ative", "alize", "ical", "ful", "ness", "ance", "ement", "ment",
            "ent", "sion", "tion", "ou", "ism", "ate", "iti", "ous", "ive", "ize", "e", "ll", "ss", ""]
    words = ["".join(rng.choice("abcdefghijklmnoprstuvwyyeeaaiioo") for _ in range(rng.randint(1, 6))) + rng.choice(ends) + rng.choice(["", "", rng.choice(ends)])
             for _ in range(20)]
    return {"words": words}, [PorterStemmer().stem(w) for w in words]


def sacrebleu(rng):
    from sacrebleu.metrics import BLEU, CHRF, TER
    logging.getLogger("sacrebleu").setLevel(logging.ERROR)
    pairs = corpus(rng)
    texts = [p["text"] for p in pairs]
    sets = [list(s) for s in zip(*(p["references"] for p in pairs))]
    tokenizer, lower = rng.choice(["13a", "none", "char", "intl", "zh"]), rng.random() < .3
    bleu = BLEU(tokenize=tokenizer, lowercase=lower)
    wanted = {"bleu": bleu.corpus_score(texts, sets).score,
              "sentence": BLEU(tokenize=tokenizer, lowercase=lower, effective_order=True).sentence_score(texts[0], pairs[0]["references"]).score,
              "tokens": bleu.tokenizer(texts[0].rstrip()).split(),
              "chrf": CHRF().corpus_score(texts, sets).score, "chrf++": CHRF(word_order=2).corpus_score(texts, sets).score,
              "ter": TER().corpus_score(texts, sets).score}
    return {"pairs": pairs, "tokenizer": tokenizer, "lowercase": lower}, wanted


def original_bleu(rng):
    """Papineni's BLEU as `evaluate` ships it: no smoothing, the shortest reference."""
    from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
    pairs = corpus(rng)
    tokens = Tokenizer13a()
    matches, totals, length, reference_length = [0] * 4, [0] * 4, 0, 0
    for pair in pairs:
        got, references = tokens(pair["text"].rstrip()).split(), [tokens(r.rstrip()).split() for r in pair["references"]]
        length += len(got)
        reference_length += min(map(len, references))
        for n in range(1, 5):
            def grams(words):
                return collections.Counter(tuple(words[i:i + n]) for i in range(len(words) - n + 1))
            most = collections.Counter()
            for r in references:
                most |= grams(r)
            matches[n - 1] += sum((grams(got) & most).values())
            totals[n - 1] += max(0, len(got) - n + 1)
    p = [m / t if t else 0.0 for m, t in zip(matches, totals)]
    mean = math.exp(sum(math.log(x) for x in p) / 4) if min(p) > 0 else 0
    ratio = length / reference_length if reference_length else 1
    return {"pairs": pairs}, 100 * mean * (1.0 if ratio > 1 else math.exp(1 - 1 / ratio) if ratio else 0)


def error_rates(rng):
    import jiwer
    pairs = corpus(rng, references=False)
    texts, references = [p["text"] for p in pairs], [p["references"][0] for p in pairs]
    return {"pairs": pairs}, {"wer": float(jiwer.wer(references, texts)), "cer": float(jiwer.cer(references, texts))}


def language(rng):
    n = rng.randint(1, 30)
    values = [-rng.random() * 8 for _ in range(n)]
    choices = ["".join(rng.choice("abé中 ") for _ in range(rng.randint(1, 9))) for _ in range(4)]
    likely = [-rng.random() * 20 for _ in choices]
    return {"values": values, "bytes": n * 4, "likelihoods": likely, "choices": choices}, {
        "perplexity": math.exp(-sum(values) / n), "bits_per_byte": -sum(values) / (n * 4) / math.log(2),
        "acc": max(range(4), key=lambda i: likely[i]), "acc_norm": max(range(4), key=lambda i: likely[i] / len(choices[i]))}


def coco(rng):
    def box():
        size = rng.choice([20, 60, 200])
        return [round(rng.uniform(low, high), 1) for low, high in ((0, 300), (0, 300), (2, size), (2, size))]
    truth, detected = [], []
    for image in range(rng.randint(1, 4)):
        for _ in range(rng.randint(0, 6)):
            b = box()
            truth.append({"image": image, "category": rng.randrange(3), "box": b, "area": round(b[2] * b[3] * rng.uniform(.5, 1), 1), "crowd": rng.random() < .1})
            for _ in range(rng.randint(0, 3)):
                moved = [round(v + rng.uniform(-1, 1) * rng.choice([1, 8]), 1) for v in b]
                detected.append({"image": image, "category": truth[-1]["category"] if rng.random() < .9 else 0,
                                 "box": moved[:2] + [abs(v) + 1 for v in moved[2:]], "score": round(rng.random(), rng.choice([1, 5]))})
        for _ in range(rng.randint(0, 3)):
            detected.append({"image": image, "category": rng.randrange(3), "box": box(), "score": round(rng.random(), 1)})
    if not detected:
        return coco(rng)
    wanted = of_coco("bbox", [{"bbox": t["box"], **annotation(t)} for t in truth],
                     [{"image_id": d["image"], "category_id": d["category"], "bbox": d["box"], "score": d["score"]} for d in detected])
    return {"truth": truth, "detected": detected}, wanted


def annotation(t):
    return {"image_id": t["image"], "category_id": t["category"], "area": t["area"], "iscrowd": int(t["crowd"])}


def of_coco(kind, truth, detected, **size):
    """The twelve figures."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
    with contextlib.redirect_stdout(io.StringIO()):
        gt = COCO()
        gt.dataset = {"images": [{"id": i, **size} for i in range(4)], "categories": [{"id": c} for c in range(3)], "info": {},
                      "annotations": [{"id": i + 1, **t} for i, t in enumerate(truth)]}
        gt.createIndex()
        run = COCOeval(gt, gt.loadRes(detected), kind)
        run.evaluate(), run.accumulate(), run.summarize()
    return [float(x) for x in run.stats]


def coco_masks(rng):
    """Polygons, several to an object now and then, or run lengths; what is found lies near."""
    from pycocotools import mask as masks
    height, width = 70, 90

    def polygon(x, y, size):
        turns = sorted(rng.uniform(0, 2 * math.pi) for _ in range(rng.randint(3, 7)))
        points = [(x + size * rng.uniform(.5, 1) * math.cos(t), y + size * rng.uniform(.5, 1) * math.sin(t)) for t in turns]
        return [round(v, rng.choice([0, 1, 2])) for point in points for v in point]

    def packed(polygons):
        rle = masks.merge(masks.frPyObjects(polygons, height, width))
        return {"size": rle["size"], "counts": rle["counts"].decode()}
    truth, detected = [], []
    for image in range(rng.randint(1, 3)):
        for _ in range(rng.randint(1, 4)):
            x, y, size = rng.uniform(0, width), rng.uniform(0, height), rng.choice([6, 20, 60])
            polygons = [polygon(x, y, size) for _ in range(rng.choice([1, 1, 2]))]
            crowd = rng.random() < .1
            area = float(masks.area(masks.merge(masks.frPyObjects(polygons, height, width))))
            truth.append({"image": image, "category": rng.randrange(3), "segmentation": packed(polygons) if crowd else polygons, "area": area, "crowd": crowd})
            for _ in range(rng.randint(0, 2)):
                moved = [[v + rng.uniform(-2, 2) for v in p] for p in polygons]
                detected.append({"image": image, "category": truth[-1]["category"] if rng.random() < .9 else 0, "segmentation": packed(moved),
                                 "score": round(rng.random(), rng.choice([1, 5]))})
    if not detected:
        return coco_masks(rng)
    wanted = of_coco("segm", [{"segmentation": t["segmentation"], "bbox": [0, 0, 1, 1], **annotation(t)} for t in truth],
                     [{"image_id": d["image"], "category_id": d["category"], "segmentation": d["segmentation"], "score": d["score"]} for d in detected],
                     height=height, width=width)
    return {"truth": truth, "detected": detected, "size": [height, width]}, wanted


def mean_iou(rng):
    import numpy
    classes = rng.randint(1, 5)
    pictures = []
    both, union, actual = numpy.zeros(classes), numpy.zeros(classes), numpy.zeros(classes)
    for _ in range(rng.randint(1, 3)):
        truth = [rng.choice([255, *range(classes)]) if rng.random() < .9 else rng.randrange(max(1, classes - 1)) for _ in range(20)]
        got = [t if rng.random() < .6 and t != 255 else rng.randrange(max(1, classes - 1)) for t in truth]
        pictures.append({"truth": truth, "predicted": got})
        for t, g in zip(truth, got):
            if t == 255:
                continue
            actual[t] += 1
            both[t] += t == g
            union[t] += 1
            union[g] += t != g
    if not union.any():
        return mean_iou(rng)
    with numpy.errstate(all="ignore"):
        return {"pictures": pictures, "classes": classes}, {"mean_iou": float(numpy.nanmean(both / union)),
                                                            "mean_accuracy": float(numpy.nanmean(both / actual)), "overall_accuracy": float(both.sum() / actual.sum())}


def panoptic(rng):
    import numpy
    counts = {c: [0.0, 0, 0, 0] for c in range(3)}  # iou, tp, fp, fn
    pictures = []
    for _ in range(rng.randint(1, 3)):
        gt = [{"id": i, "category": rng.randrange(3), "crowd": rng.random() < .15} for i in range(1, rng.randint(2, 5))]
        truth = numpy.array([rng.choice([0, *(s["id"] for s in gt)]) for _ in range(6)]).repeat(6)
        got = [{"id": s["id"] + 10, "category": s["category"] if rng.random() < .8 else 0} for s in gt]
        ids = numpy.where(numpy.array([rng.random() < .75 for _ in truth]), truth + 10 * (truth > 0), rng.choice(got)["id"])
        gt = [s for s in gt if (truth == s["id"]).any()]
        got = [s for s in got if (ids == s["id"]).any()]
        pictures.append({"truth": truth.tolist(), "predicted": ids.tolist(), "true_segments": gt, "segments": got})
        found, used = set(), set()
        for t in gt:
            for p in got:
                if t["crowd"] or t["category"] != p["category"]:
                    continue
                a, b = truth == t["id"], ids == p["id"]
                iou = (a & b).sum() / (a.sum() + b.sum() - (a & b).sum() - ((truth == 0) & b).sum()) if (a & b).any() else 0
                if iou > .5:
                    counts[t["category"]][0] += float(iou)
                    counts[t["category"]][1] += 1
                    found.add(t["id"]), used.add(p["id"])
        crowds = {t["category"]: t["id"] for t in gt if t["crowd"]}
        for t in gt:
            counts[t["category"]][3] += not t["crowd"] and t["id"] not in found
        for p in got:
            b = ids == p["id"]
            open_area = ((truth == 0) & b).sum() + ((truth == crowds.get(p["category"], -1)) & b).sum()
            counts[p["category"]][2] += p["id"] not in used and open_area / b.sum() <= .5
    rows = [(i / (tp + fp / 2 + fn / 2), i / tp if tp else 0, tp / (tp + fp / 2 + fn / 2)) for i, tp, fp, fn in counts.values() if tp + fp + fn]
    return {"pictures": pictures}, [sum(column) / len(rows) for column in zip(*rows)] if rows else [0, 0, 0]


def retrieval(rng):
    from ranx import Qrels, Run, evaluate
    names = [f"d{i}" for i in range(rng.randint(3, 15))]
    relevant = {d: rng.randint(1, 3) for d in rng.sample(names, rng.randint(1, 3))}
    scores = {d: s / 100 for d, s in zip(names, rng.sample(range(100), len(names)))}
    k = rng.choice([1, 3, 10])
    figures = evaluate(Qrels({"q": relevant}), Run({"q": scores}), [f"ndcg@{k}", f"mrr@{k}", f"recall@{k}", "ndcg", "mrr"])
    return {"scores": scores, "relevant": relevant, "k": k}, [float(figures[m]) for m in (f"ndcg@{k}", f"mrr@{k}", f"recall@{k}", "ndcg", "mrr")]


def significance(rng):
    import numpy
    from scipy import optimize, stats
    from statsmodels.stats.contingency_tables import mcnemar
    from statsmodels.stats.power import NormalIndPower
    from statsmodels.stats.proportion import proportion_confint
    b, c = rng.randint(0, 60), rng.randint(1, 60)
    n = rng.randint(2, 300)
    k = rng.choice([0, n, rng.randint(0, n)])
    level = rng.choice([.9, .95, .99])
    values = [float(rng.choice([-1, 0, 0, 1])) if rng.random() < .9 else rng.gauss(0, 1) for _ in range(rng.randint(2, 12))]
    seed = rng.randrange(2 ** 32)
    bootstrap = stats.bootstrap((numpy.array(values),), numpy.mean, n_resamples=500, confidence_level=level, method="percentile", rng=numpy.random.default_rng(seed))
    permutation = stats.permutation_test((numpy.array(values),), lambda x, axis: x.mean(axis), permutation_type="samples", n_resamples=5000, vectorized=True)
    table = [[10, b], [c, 10]]
    return {"b": b, "c": c, "n": n, "k": k, "level": level, "values": values, "seed": seed}, {
        "exact": float(mcnemar(table, exact=True).pvalue), "chi_squared": float(mcnemar(table, exact=False, correction=True).pvalue),
        "wilson": list(map(float, proportion_confint(k, n, 1 - level, "wilson"))), "normal": list(map(float, proportion_confint(k, n, 1 - level, "normal"))),
        "bootstrap": [float(bootstrap.confidence_interval.low), float(bootstrap.confidence_interval.high)], "permutation": float(permutation.pvalue),
        # solve_power() stops within 1e-5.
        "detectable": optimize.brentq(lambda d: NormalIndPower(ddof=0).power(d, n, 1 - level, ratio=0) - .8, 1e-9, 40, xtol=1e-14, rtol=1e-14)}


METRICS = {f.__name__: f for f in (classification, log_loss, auroc, calibration, correlation, seqeval, squad, rouge, stems, sacrebleu, original_bleu,
                                   error_rates, language, coco, coco_masks, mean_iou, panoptic, retrieval, significance)}


def plain(value):
    """Without NaN, which JSON has not."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return None if isinstance(value, float) and math.isnan(value) else value if isinstance(value, (str, bool, int, float, type(None))) else plain(value.item())


def cases(name, count, seed=0):
    rng = random.Random(f"{name} {seed}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(count):
            given, wanted = METRICS[name](rng)
            yield {"metric": name, "input": plain(given), "wanted": plain(wanted)}


def main():
    folder = Path(__file__).resolve().parents[2] / "tests" / "golden" / "metrics"
    folder.mkdir(exist_ok=True)
    for name in METRICS:
        rows = [json.dumps(case, ensure_ascii=False) for case in cases(name, 10)]
        (folder / f"{name}.jsonl").write_text("\n".join(rows) + "\n")
