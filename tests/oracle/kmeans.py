#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""kmeans.py K TRIES <boxes: how well K widths and heights can stand for the boxes.

Lines "w h" on standard input. k-means by 1 - IoU with random first centres, the best of
TRIES, written apart from the library's: prints the mean IoU and the centres. det-anchors
--kmeans should come within half a point of it.
"""
import sys

import numpy as np

k, tries = int(sys.argv[1]), int(sys.argv[2])
boxes = np.loadtxt(sys.stdin)


def iou(centres):
    both = np.minimum(boxes[:, None], centres[None]).prod(2)
    return both / (boxes.prod(1)[:, None] + centres.prod(1)[None] - both)


best = (0, None)
for seed in range(tries):
    rng = np.random.default_rng(seed)
    c = boxes[rng.choice(len(boxes), k, replace=False)]
    for _ in range(300):
        of = iou(c).argmax(1)
        new = np.array([boxes[of == i].mean(0) if (of == i).any() else c[i] for i in range(k)])
        if np.allclose(new, c):
            break
        c = new
    mean = iou(c).max(1).mean()
    if mean > best[0]:
        best = (mean, c)
centres = best[1][best[1].prod(1).argsort()]
print("%.4f %s" % (best[0], ",".join("%.4g" % v for v in centres.ravel())))
