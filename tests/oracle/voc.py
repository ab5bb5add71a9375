#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""voc.py DUMP [COUNT [FIRST]]: the VOC rules and Darknet's, against transcriptions.

The rules are written here a second time, over numpy arrays and in the order of operations of
the programs that they come from (VOCdevkit's VOCevaldet.m and VOCap, py-faster-rcnn's
voc_eval.py, the `detector map` of Darknet by AlexeyAB), for boxes with inclusive corners that
count from 1; equal scores go by input order, where those programs leave it open. DUMP is the
program built of eval_dump.c. COUNT (default 240) data sets with difficult objects, ties in
score and overlap, overlaps of exactly the threshold, recalls of exactly a tenth; corners are
whole, or have a decimal, as result files have. All to 1e-12. Needs numpy.
"""
import subprocess
import sys

import numpy as np

DIFFICULT = 1
MATLAB_POINTS = [i * .1 for i in range(5)] + [.5] + [1 - (10 - i) * .1 for i in range(6, 11)]


def overlaps(b, others, one):
    """Of box b with each of the others; corners x1 y1 x2 y2, sides + one."""
    w = np.maximum(np.minimum(others[:, 2], b[2]) - np.maximum(others[:, 0], b[0]) + one, 0.)
    h = np.maximum(np.minimum(others[:, 3], b[3]) - np.maximum(others[:, 1], b[1]) + one, 0.)
    inter = w * h
    union = ((b[2] - b[0] + one) * (b[3] - b[1] + one) +
             (others[:, 2] - others[:, 0] + one) * (others[:, 3] - others[:, 1] + one) - inter)
    return inter / union


def voc(gts, dets, n_class, thresh, python):
    """gts: (image, label, corners, difficult), dets: (image, label, corners, score). A list of
    (tp, fp, npos) by class, tp and fp of each detection, best first."""
    out = []
    for label in range(n_class):
        mine = [g for g in gts if g[1] == label]
        found = [d for d in dets if d[1] == label]
        order = np.argsort([-d[3] for d in found], kind="stable") if found else []
        by_image, used = {}, {}
        for g in mine:
            by_image.setdefault(g[0], []).append(g)
        tp, fp = np.zeros(len(found)), np.zeros(len(found))
        for n, i in enumerate(order):
            image, _, b, _ = found[i]
            here = by_image.get(image, [])
            best, at = -np.inf, None
            if here:
                o = overlaps(b, np.array([g[2] for g in here], float), 1.)
                at = int(np.argmax(o))
                best = o[at]
            if (best > thresh) if python else (best >= thresh and best > 0):
                if here[at][3]:
                    continue
                if not used.get((image, at)):
                    used[image, at] = True
                    tp[n] = 1
                else:
                    fp[n] = 1
            else:
                fp[n] = 1
        out.append((tp, fp, sum(not g[3] for g in mine)))
    return out


def area(rec, prec):
    mrec = np.concatenate(([0.], rec, [1.]))
    mpre = np.concatenate(([0.], prec, [0.]))
    for i in range(len(mpre) - 1, 0, -1):
        mpre[i - 1] = max(mpre[i - 1], mpre[i])
    i = np.where(mrec[1:] != mrec[:-1])[0]
    return float(np.sum((mrec[i + 1] - mrec[i]) * mpre[i + 1]))


def eleven(rec, prec, points):
    ap = 0.
    for t in points:
        above = prec[rec >= t]
        ap += (float(above.max()) if above.size else 0.) / 11.
    return ap


def voc_ap(found, rule):
    tp, fp, npos = found
    if npos == 0:
        return -1.
    tp, fp = np.cumsum(tp), np.cumsum(fp)
    rec = tp / float(npos)
    prec = tp / np.maximum(tp + fp, np.finfo(np.float64).eps)
    if "07" not in rule:
        return area(rec, prec)
    return eleven(rec, prec, np.arange(0., 1.1, .1) if "py" in rule else MATLAB_POINTS)


def darknet(gts, dets, n_class, thresh):
    """All classes in one ranking, as Darknet keeps it. APs by class."""
    kept = []
    for image, label, b, score in dets:
        best, at, removed = 0., -1, False
        for i, g in enumerate(gts):
            if g[0] != image or g[1] != label or g[3]:
                continue
            o = overlaps(b, np.array([g[2]], float), 0.)[0]
            if o > thresh and o > best:
                best, at = o, i
        if at < 0:
            removed = any(g[0] == image and g[1] == label and g[3] and
                          overlaps(b, np.array([g[2]], float), 0.)[0] > thresh for g in gts)
        if not removed:
            kept.append((score, label, at))
    kept.sort(key=lambda d: -d[0])
    npos = [sum(g[1] == c and not g[3] for g in gts) for c in range(n_class)]
    tp, fp = np.zeros((len(kept) + 1, n_class)), np.zeros((len(kept) + 1, n_class))
    used = set()
    for r, (_, label, at) in enumerate(kept):
        tp[r + 1], fp[r + 1] = tp[r], fp[r]
        if at >= 0 and at not in used:
            used.add(at)
            tp[r + 1, label] += 1
        else:
            fp[r + 1, label] += 1
    out = []
    for c in range(n_class):
        t, f = tp[1:, c], fp[1:, c]
        prec = np.where(t + f > 0, t / np.maximum(t + f, 1), 0.)
        rec = t / npos[c] if npos[c] else np.zeros(len(t))
        ap = 0.
        if len(t):
            last_r, last_p = rec[-1], prec[-1]
            for r in range(len(t) - 2, -1, -1):
                delta, last_r = last_r - rec[r], rec[r]
                last_p = max(last_p, prec[r])
                ap += delta * last_p
            ap += last_r * last_p
        out.append(ap)
    return out, npos


def make(seed):
    rng = np.random.default_rng(seed)
    n_class, n_image = int(rng.choice([1, 2, 5, 20])), int(rng.integers(1, 20))
    whole, ties = rng.random() < .5, rng.random() < .5
    label = lambda: int(rng.integers(max(1, n_class - 1)))
    score = lambda: float(round(rng.random(), 1)) if ties else float(rng.random())
    gts, dets = [], []

    def corners():
        w, h = rng.choice([10, 20, 40]) if rng.random() < .3 else rng.integers(5, 150), rng.integers(5, 150)
        x, y = rng.integers(1, 300), rng.integers(1, 300)
        return [float(x), float(y), float(x + w - 1), float(y + h - 1)]

    for image in range(n_image):
        for _ in range(int(rng.integers(0, 7))):
            near = [g for g in gts if g[0] == image]
            if near and rng.random() < .25:
                g = near[int(rng.integers(len(near)))]
                gts.append((image, g[1], list(g[2]), bool(rng.random() < .3)))
            else:
                gts.append((image, label(), corners(), bool(rng.random() < .2)))
        for g in [g for g in gts if g[0] == image]:
            for _ in range(int(rng.integers(0, 4))):
                b, j = list(g[2]), rng.random()
                if j < .2:                  # half or three quarters of it, exactly where whole
                    w = b[2] - b[0] + 1
                    b[2] = b[0] + w * float(rng.choice([.5, .75])) - 1
                elif j < .8:
                    b = [v + float(rng.integers(-9, 10)) for v in b] if whole else \
                        [round(v + float(rng.normal(0, 5)), 1) for v in b]
                b = [max(b[0], 1.), max(b[1], 1.), b[2], b[3]]
                b = [b[0], b[1], max(b[2], b[0]), max(b[3], b[1])]
                dets.append((image, g[1] if rng.random() < .9 else label(), b, score()))
        for _ in range(int(rng.integers(0, 4))):
            dets.append((image, label(), corners(), score()))
    return gts, dets, n_class, n_image


def ours(dump, rule, gts, dets, n_class, n_image, thresholds):
    out = ["rule " + rule, "set iou " + " ".join(float(t).hex() for t in thresholds)]
    out += ["class -1"] * n_class + ["image %d" % (n_image - i) for i in range(n_image)]
    # continuous corners: the first pixel, counted from 1, begins one earlier
    here = lambda b: " ".join(float(v).hex() for v in (b[0] - 1, b[1] - 1, b[2], b[3]))
    out += ["gtc %d %d %s -1 %d" % (i, l, here(b), DIFFICULT * d) for i, l, b, d in gts]
    out += ["detc %d %d %s %s" % (i, l, here(b), s.hex()) for i, l, b, s in dets]
    lines = subprocess.run([dump], input="\n".join(out + ["run", ""]), text=True, check=True,
                           capture_output=True).stdout.split("\n")
    ap, mean = {}, -1
    for w in map(str.split, lines):
        if w and w[0] == "ap":
            ap[int(w[3]), int(w[4])] = float(w[5])
        elif w and w[0] == "map":
            mean = float(w[3])
    return ap, mean


def main():
    dump, count = sys.argv[1], int((sys.argv[2:] or [240])[0])
    first = int((sys.argv[3:] or [0])[0])
    thresholds = [.5, .3, .75, .1]
    worst, cells, bad = 0, 0, 0
    for seed in range(first, first + count):
        gts, dets, n_class, n_image = make(seed)
        for rule in ("voc07", "voc10", "voc07-py", "voc10-py", "darknet"):
            mine, mean = ours(dump, rule, gts, dets, n_class, n_image, thresholds)
            want = {}
            for t, thresh in enumerate(thresholds):
                if rule == "darknet":
                    cont = lambda b: [b[0] - 1, b[1] - 1, b[2], b[3]]
                    aps, npos = darknet([(i, l, cont(b), d) for i, l, b, d in gts],
                                        [(i, l, cont(b), s) for i, l, b, s in dets],
                                        n_class, thresh)
                else:
                    found = voc(gts, dets, n_class, thresh, "py" in rule)
                    aps, npos = [voc_ap(f, rule) for f in found], [f[2] for f in found]
                for c in range(n_class):
                    want[c, t] = aps[c] if npos[c] else -1
            d = max(abs(want[k] - mine[k]) for k in want)
            if rule == "darknet" and any(v >= 0 for v in want.values()):
                all_of = [max(v, 0) for v in want.values()]
                d = max(d, abs(np.mean(all_of) - mean))
            elif any(v >= 0 for v in want.values()):
                d = max(d, abs(np.mean([v for v in want.values() if v >= 0]) - mean))
            worst, cells = max(worst, d), cells + len(want)
            if not d <= 1e-12:
                bad += 1
                print("set %d, %s: %g" % (seed, rule, d))
    print("%d sets, five rules, %d cells: largest difference %.3g; %d differ" %
          (count, cells, worst, bad))
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
