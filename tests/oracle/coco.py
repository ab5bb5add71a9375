#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""coco.py DUMP [COUNT [FIRST]]: rule `coco` against pycocotools itself.

DUMP is the program built of eval_dump.c. COUNT (default 240) data sets are made, seeded by
their numbers from FIRST (0); each has what trips evaluators: crowds, a field `ignore`, equal
scores, equal overlaps, doubled objects, areas on and beside 1024 and 9216 and other than
w * h, images without objects, without detections and without either, classes without
either, ids in no order, more detections than the limit, detections of no use, an empty side.
Compared are all precisions (their means over recall) and recalls, by class, threshold,
area and limit, and the twelve numbers: to 1e-12. Every fourth set is evaluated with all
classes as one (useCats=0), every third with other limits. Sets without ties are also drawn
with repetition: the weighted AP against pycocotools on the repeated images.

`coco.py --tool DET_EVAL [COUNT [FIRST]]` compares the twelve numbers of the whole command, from
two files of JSON to --json. `coco.py --score TRUTH RESULTS` prints pycocotools' AP and AP50 of
two files of JSON. `--golden N...` prints small sets and what pycocotools finds: tests/unit/eval_golden.h.
Needs numpy and pycocotools.
"""
import contextlib
import copy
import io
import json
import subprocess
import sys
import tempfile

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

CROWD, DIFFICULT, IGNORE = 2, 1, 4


def coco(data):
    c = COCO()
    c.dataset = data
    with contextlib.redirect_stdout(io.StringIO()):
        c.createIndex()
    return c


def make(seed, small=False):
    """A data set and results. ties: whether equal scores may occur."""
    rng = np.random.default_rng(seed)
    n_class = int(rng.choice([1, 2, 3, 7, 20, 80, 100])) if not small else 3
    n_image = int(rng.integers(1, 25)) if not small else 6
    whole = bool(rng.random() < .5)            # coordinates
    ties = bool(rng.random() < .6)
    heavy = bool(rng.random() < .15) and not small
    ids = rng.choice(100000, n_image, replace=False) + (0 if rng.random() < .2 else 1)
    cats = rng.choice(1000, n_class, replace=False) + int(rng.random() < .7)
    images = [{"id": int(i), "width": 640, "height": 480, "file_name": "%d.jpg" % i} for i in ids]
    classes = [{"id": int(c), "name": "c%d" % c} for c in cats]
    few = cats[:max(1, int(n_class * rng.random()))] if rng.random() < .5 else cats
    few = few[:int(rng.integers(1, 6))] if rng.random() < .7 else few
    anns, dets = [], []

    def box():
        side = rng.choice([rng.uniform(1, 60), rng.uniform(20, 120), rng.uniform(60, 400)])
        w, h = side * np.exp(rng.normal(0, .4, 2))
        if rng.random() < .1:
            w, h = [(32, 32), (96, 96), (16, 64), (48, 192)][rng.integers(4)]
        b = [rng.uniform(0, 500), rng.uniform(0, 400), w, h]
        return [float(round(v)) for v in b] if whole else [float(v) for v in b]

    def score():
        return float(round(rng.random(), 1)) if ties else float(rng.random())

    for im in images:
        kind = rng.random()
        n = 0 if kind < .15 else int(rng.integers(1, 12))
        mine = []
        for _ in range(n):
            if mine and rng.random() < .2:     # the same again, or one beside it
                b = list(mine[-1]["bbox"])
                if rng.random() < .6:
                    b[int(rng.integers(2))] += float(rng.integers(1, 8))
            else:
                b = box()
            area = b[2] * b[3]
            r = rng.random()
            if r < .3:
                area *= .6
            elif r < .4:
                area = float(rng.choice([1024, 9216, 1024.0000000001, 9215.999999999]))
            a = {"id": len(anns) + 1, "image_id": im["id"], "category_id": int(rng.choice(few)),
                 "bbox": b, "area": area, "iscrowd": int(rng.random() < .12)}
            if mine and rng.random() < .6:
                a["category_id"] = mine[-1]["category_id"]
            if rng.random() < .1:
                a["ignore"] = 1
            mine.append(a)
            anns.append(a)
        if kind > .9:
            continue
        for a in mine:
            for _ in range(int(rng.integers(0, 5))):
                b = list(a["bbox"])
                j = rng.random()
                if j < .3:
                    pass
                elif whole:
                    b = [v + float(rng.integers(-6, 7)) for v in b]
                else:
                    b = [v + float(rng.normal(0, .1)) * b[2 + i % 2] for i, v in enumerate(b)]
                b[2], b[3] = max(b[2], 0.), max(b[3], 0.)
                c = a["category_id"] if rng.random() < .85 else int(rng.choice(cats))
                dets.append({"image_id": im["id"], "category_id": c, "bbox": b, "score": score()})
        for _ in range(int(rng.integers(0, 300 if heavy else 8))):
            c = int(few[0]) if heavy else int(rng.choice(cats))
            dets.append({"image_id": im["id"], "category_id": c, "bbox": box(), "score": score()})
    if rng.random() < .5:
        dets = [dets[i] for i in rng.permutation(len(dets))]
        anns = [anns[i] for i in rng.permutation(len(anns))]
    return {"images": images, "annotations": anns, "categories": classes}, dets, ties


def theirs(data, dets, use_cats, max_dets):
    gt = coco(copy.deepcopy(data))
    with contextlib.redirect_stdout(io.StringIO()):
        if dets:
            dt = gt.loadRes(copy.deepcopy(dets))
        else:                                  # loadRes fails on an empty list
            dt = coco({"images": data["images"], "annotations": [],
                       "categories": data["categories"]})
        e = COCOeval(gt, dt, "bbox")
        e.params.useCats = use_cats
        e.params.maxDets = list(max_dets)
        e.evaluate()
        e.accumulate()
        e.summarize()
    return e


def text(data, dets, use_cats, max_dets, weights=None):
    image = {im["id"]: i for i, im in enumerate(data["images"])}
    label = {c["id"]: i for i, c in enumerate(data["categories"])}
    out = ["rule coco", "set classes %d" % use_cats, "set max " + " ".join(map(str, max_dets))]
    out += ["class %d" % c["id"] for c in data["categories"]]
    out += ["image %d" % im["id"] for im in data["images"]]
    for a in data["annotations"]:
        flags = CROWD * a["iscrowd"] | IGNORE * a.get("ignore", 0)
        out.append("gt %d %d %s %s %d" % (image[a["image_id"]], label[a["category_id"]],
                   " ".join(map(float.hex, a["bbox"])), float(a["area"]).hex(), flags))
    for d in dets:
        out.append("det %d %d %s %s" % (image[d["image_id"]], label[d["category_id"]],
                   " ".join(map(float.hex, d["bbox"])), d["score"].hex()))
    for i, w in enumerate(weights if weights is not None else []):
        out.append("weight %d %d" % (i, w))
    return "\n".join(out + ["run", ""])


def ours(dump, *args):
    lines = subprocess.run([dump], input=text(*args), text=True, check=True,
                           capture_output=True).stdout.split("\n")
    out = {}
    for l in lines:
        w = l.split()
        if w:
            out[(w[0],) + tuple(map(int, w[1:-1]))] = float(w[-1])
    return out


def differ(data, e, mine, what="ap"):
    """The largest difference over all cells, and how many there are."""
    ids = sorted(c["id"] for c in data["categories"])
    place = {c["id"]: i for i, c in enumerate(data["categories"])}
    p, r = e.eval["precision"], e.eval["recall"]
    worst, n = 0, 0
    for k in range(p.shape[2]):
        label = place[ids[k]] if e.params.useCats else 0
        for t in range(p.shape[0]):
            for a in range(p.shape[3]):
                for m in range(p.shape[4]):
                    s = p[t, :, k, a, m]
                    ap = s.mean() if s[0] > -1 else -1
                    worst = max(worst, abs(ap - mine[what, a, m, label, t]))
                    if what == "ap":
                        worst = max(worst, abs(r[t, k, a, m] - mine["recall", a, m, label, t]))
                    n += 1
    return worst, n


def twelve(mine, max_dets):
    """The twelve numbers from our cells' means."""
    def part(t):
        v = [x for k, x in mine.items() if k[0] == "ap" and k[1] == 0 and k[2] == 2
             and k[4] == t and x > -1]
        return float(np.mean(v)) if v else -1
    hundred = list(max_dets).index(100) if 100 in max_dets else None
    return [mine["map", 0, hundred] if hundred is not None else -1, part(0), part(5),
            mine["map", 1, 2], mine["map", 2, 2], mine["map", 3, 2],
            mine["mar", 0, 0], mine["mar", 0, 1], mine["mar", 0, 2],
            mine["mar", 1, 2], mine["mar", 2, 2], mine["mar", 3, 2]]


def repeat(data, dets, weights):
    """Each image as often as its weight, under new ids that keep the order of the old."""
    copies = {}
    images = sorted(range(len(data["images"])), key=lambda i: data["images"][i]["id"])
    new, at = [], 1
    for i in images:
        for _ in range(weights[i]):
            copies.setdefault(data["images"][i]["id"], []).append(at)
            new.append(dict(data["images"][i], id=at))
            at += 1
    anns = [dict(a, image_id=c) for a in data["annotations"] for c in copies.get(a["image_id"], [])]
    for i, a in enumerate(anns):
        a["id"] = i + 1
    more = [dict(d, image_id=c) for d in dets for c in copies.get(d["image_id"], [])]
    return {"images": new, "annotations": anns, "categories": data["categories"]}, more


def golden(seeds):
    """C arrays, an entry of `golden` a set; numbers as short as they read back the same."""
    def num(v):
        return str(int(v)) if float(v) == int(v) else repr(float(v))

    def rows(kind, n, lines):
        print("static const double g%d_%s[] = {" % (n, kind))
        for l in lines or ["0"]:
            print("\t%s," % l)
        print("};")

    print("""/* SPDX-License-Identifier: MIT
 *
 * Made by tests/oracle/coco.py --golden %s: data sets and what pycocotools finds.
 * Objects: image, label, x, y, w, h, area, flags. Detections: image, label, x, y, w, h,
 * score.
 */
#ifndef DET_EVAL_GOLDEN_H
#define DET_EVAL_GOLDEN_H

#include <stddef.h>
/* clang-format off */
""" % " ".join(map(str, seeds)))
    entries = []
    for n in seeds:
        data, dets, _ = make(n, small=True)
        e = theirs(data, dets, 1, [1, 10, 100])
        image = {im["id"]: i for i, im in enumerate(data["images"])}
        label = {c["id"]: i for i, c in enumerate(data["categories"])}
        ids = sorted(label)
        rows("class", n, [num(c["id"]) for c in data["categories"]])
        rows("image", n, [num(i["id"]) for i in data["images"]])
        rows("gt", n, ["%d, %d, %s, %s, %d" % (
            image[a["image_id"]], label[a["category_id"]], ", ".join(map(num, a["bbox"])),
            num(a["area"]), CROWD * a["iscrowd"] | IGNORE * a.get("ignore", 0))
            for a in data["annotations"]])
        rows("det", n, ["%d, %d, %s, %s" % (
            image[d["image_id"]], label[d["category_id"]], ", ".join(map(num, d["bbox"])),
            num(d["score"])) for d in dets])
        rows("stats", n, map(num, e.stats))
        ap = [e.eval["precision"][:, :, ids.index(c["id"]), 0, 2].mean() for c in data["categories"]]
        rows("ap", n, map(num, ap))
        entries.append("\t{ g%d_class, g%d_image, g%d_gt, g%d_det, g%d_stats, g%d_ap, %d, %d, %d, %d }," % (
            (n,) * 6 + (len(label), len(image), len(data["annotations"]), len(dets))))
    print("""
static const struct golden {
	const double *class, *image, *gt, *det, *stats, *ap; /* ap: of each class */
	size_t n_class, n_image, n_gt, n_det;
} golden[] = {
%s
};

#endif""" % "\n".join(entries))


def tool(command, count, first):
    """The command itself, on files."""
    keys = "AP AP50 AP75 APs APm APl AR1 AR10 AR100 ARs ARm ARl".split()
    bad, most = 0, 0
    with tempfile.TemporaryDirectory() as d:
        for seed in range(first, first + count):
            data, dets, _ = make(seed)
            dets = [] if seed % 60 == 59 else dets
            for name, what in (("gt", data), ("dt", dets)):
                with open("%s/%s.json" % (d, name), "w") as f:
                    json.dump(what, f)
            use_cats = int(seed % 4 != 3)
            e = theirs(data, dets, use_cats, [1, 10, 100])
            out = subprocess.run([command, "-q", "--json"] + ["--agnostic"] * (1 - use_cats) +
                                 ["--coco", d + "/gt.json", d + "/dt.json"],
                                 text=True, check=True, capture_output=True).stdout
            worst = max(abs(json.loads(out)[k] - s) for k, s in zip(keys, e.stats))
            most = max(most, worst)
            if not worst <= 1e-12:
                bad += 1
                print("set %d: %g" % (seed, worst))
    print("%d sets by the command: largest difference %.3g; %d differ" % (count, most, bad))
    return bad > 0


def score(truth, results):
    with open(truth) as t, open(results) as r:
        e = theirs(json.load(t), json.load(r), 1, [1, 10, 100])
    print(*e.stats[:2])


def main():
    if sys.argv[1] == "--score":
        return score(*sys.argv[2:4])
    if sys.argv[1] == "--tool":
        return tool(sys.argv[2], int((sys.argv[3:] or [240])[0]), int((sys.argv[4:] or [0])[0]))
    if sys.argv[1] == "--golden":
        return golden(list(map(int, sys.argv[2:])))
    dump, count = sys.argv[1], int((sys.argv[2:] or [240])[0])
    first = int((sys.argv[3:] or [0])[0])
    bad = cells = drawn = 0
    most = 0
    for seed in range(first, first + count):
        data, dets, ties = make(seed)
        if seed % 60 == 59:
            dets = []
        use_cats = int(seed % 4 != 3)
        max_dets = [[1, 10, 100], [1, 10, 100, 1000], [3, 5, 20]][seed % 7 if seed % 7 < 3 else 0]
        e = theirs(data, dets, use_cats, max_dets)
        mine = ours(dump, data, dets, use_cats, max_dets)
        worst, n = differ(data, e, mine)
        cells += n
        numbers = max(abs(a - b) for a, b in zip(e.stats, twelve(mine, max_dets)))
        most = max(most, worst, numbers)
        if not (worst <= 1e-12 and numbers <= 1e-12):
            bad += 1
            print("set %d: cells %g, numbers %g" % (seed, worst, numbers))
        if not ties and dets:
            weights = np.random.default_rng(seed).integers(0, 4, len(data["images"])).tolist()
            if sum(weights) == 0:
                continue
            more, again = repeat(data, dets, weights)
            if not again:
                continue
            drawn += 1
            e = theirs(more, again, use_cats, max_dets)
            worst, _ = differ(data, e, ours(dump, data, dets, use_cats, max_dets, weights), "wap")
            if not worst <= 1e-12:
                bad += 1
                print("set %d, drawn: %g" % (seed, worst))
    print("%d sets, %d cells, %d drawn again: largest difference %.3g; %d differ" %
          (count, cells, drawn, most, bad))
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
