#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tide.py DET_EVAL [COUNT]: det-eval --tide against the authors' program on seeded sets.

Needs numpy, pycocotools and tidecv (pip install --no-deps tidecv: what it draws with is not
needed and is put out of the way here). Release 1.0.1 also counts detections that lie in
ignored regions as errors, which the authors have since mended in their repository; the same
line is mended here. Without equal scores all counts are equal and gains agree to 1e-12.
"""
import json
import os
import subprocess
import sys
import tempfile
import types

import numpy as np


class Nothing(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing(name)

    def __call__(self, *args, **kwargs):
        return self


for name in ("cv2 matplotlib matplotlib.pyplot matplotlib.lines matplotlib.patches seaborn "
             "pandas appdirs").split():
    sys.modules[name] = Nothing(name)
import inspect

import tidecv.quantify as quantify
from tidecv.data import Data

OLD = "(pred['used'] == False or pred['used'] == None)"
source = inspect.getsource(quantify)
if OLD in source:
    exec(compile(source.replace(OLD, "pred['used'] is False"), "quantify", "exec"), quantify.__dict__)

NAMES = {"Cls": "ClassError", "Loc": "BoxError", "Both": "OtherError", "Dupe": "DuplicateError",
         "Bkg": "BackgroundError", "Miss": "MissedError"}


def make(seed):
    """Objects, some crowds; detections near them, of wrong classes, doubled, and anywhere."""
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(1, 9))
    images = [{"id": int(i), "file_name": "%d.jpg" % i} for i in range(1, int(rng.integers(2, 30)))]
    truth, found = [], []
    for image in images:
        for _ in range(rng.integers(0, 9)):
            x, y, w, h = rng.uniform(5, 200, 4)
            truth.append({"id": len(truth) + 1, "image_id": image["id"], "area": w * h,
                          "category_id": int(rng.integers(1, classes + 1)),
                          "bbox": [x, y, w, h], "iscrowd": int(rng.random() < .08)})
            for _ in range(rng.integers(0, 4)):
                moved = [x + rng.normal(0, .2) * w, y + rng.normal(0, .2) * h,
                         w * rng.uniform(.6, 1.5), h * rng.uniform(.6, 1.5)]
                label = truth[-1]["category_id"]
                if rng.random() < .25:
                    label = int(rng.integers(1, classes + 1))
                found.append({"image_id": image["id"], "category_id": label, "bbox": moved,
                              "score": float(rng.random())})
        for _ in range(rng.integers(0, 4)):
            found.append({"image_id": image["id"], "category_id": int(rng.integers(1, classes + 1)),
                          "bbox": list(rng.uniform(5, 200, 4)), "score": float(rng.random())})
    cats = [{"id": k, "name": "c%d" % k} for k in range(1, classes + 1)]
    return {"images": images, "annotations": truth, "categories": cats}, found


def theirs(truth, found):
    gt, det = Data("gt"), Data("det")
    for c in truth["categories"]:
        gt.add_class(c["id"], c["name"])
    for i in truth["images"]:
        gt.add_image(i["id"], i["file_name"])
    for a in truth["annotations"]:
        add = gt.add_ignore_region if a["iscrowd"] else gt.add_ground_truth
        add(a["image_id"], a["category_id"], a["bbox"], None)
    for d in found:
        det.add_detection(d["image_id"], d["category_id"], d["score"], d["bbox"], None)
    run = quantify.TIDERun(gt, det, .5, .1, quantify.TIDE.BOX, 100)
    out = {"AP": run.ap / 100}
    gains = {k.__name__: v / 100 for k, v in run.fix_main_errors().items()}
    counts = {k.__name__: len(v) for k, v in run.error_dict.items()}
    for name, full in NAMES.items():
        out[name + "_errors"] = counts[full]
        out[name + "_dAP"] = gains[full]
    special = {k.__name__: v / 100 for k, v in run.fix_special_errors().items()}
    out["FalsePos_dAP"] = special["FalsePositiveError"]
    out["FalseNeg_dAP"] = special["FalseNegativeError"]
    return out


def ours(tool, truth, found):
    with tempfile.TemporaryDirectory() as d:
        for name, value in (("gt", truth), ("r", found)):
            with open(os.path.join(d, name), "w") as f:
                json.dump(value, f)
        text = subprocess.run([tool, "-q", "--tide", "--json", "--coco", d + "/gt", d + "/r"],
                              check=True, capture_output=True).stdout
    return json.loads(text)["tide"]["errors"]


worst = 0.0
count = int(sys.argv[2]) if len(sys.argv) > 2 else 100
for seed in range(count):
    truth, found = make(seed)
    if not found or not any(not a["iscrowd"] for a in truth["annotations"]):
        continue
    want, got = theirs(truth, found), ours(sys.argv[1], truth, found)
    for key, value in want.items():
        if key.endswith("_errors") and got[key] != value:
            sys.exit("set %d: %s is %s, theirs %s" % (seed, key, got[key], value))
        worst = max(worst, abs(got[key] - value))
        if abs(got[key] - value) > 1e-12:
            sys.exit("set %d: %s is %.17g, theirs %.17g" % (seed, key, got[key], value))
print("%d sets, all errors counted alike, largest difference %.1e" % (count, worst))
