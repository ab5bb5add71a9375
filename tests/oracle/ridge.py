#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ridge.py BIN_DIR MODEL FEATURES STREAM...: det-svm's box regression against the closed form.

For each class, rows that overlap an object of it by more than .6 are regressed on R-CNN's
deltas as rcnn_train_bbox_regressor.m does it, in numpy's doubles: targets less their mean,
whitened by (cov + .001)^(-1/2), X with a column of ones, (X'X + 1000) solved, predictions
turned back. The weights must be those that det-svm writes, rounded to float.

Needs numpy. Exits 1 where a weight differs.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np

from svm import NORM, iou, model, read

LAMBDA, OVERLAP = 1000., .6


def targets(a, b):
    wa, ha = a[:, 2] - a[:, 0], a[:, 3] - a[:, 1]
    wb, hb = b[:, 2] - b[:, 0], b[:, 3] - b[:, 1]
    return np.stack([(b[:, 0] + wb / 2 - a[:, 0] - wa / 2) / wa,
                     (b[:, 1] + hb / 2 - a[:, 1] - ha / 2) / ha,
                     np.log(wb / wa), np.log(hb / ha)], 1)


def regress(x, y):
    mean = y.mean(0)
    y = y - mean
    value, v = np.linalg.eigh(y.T @ y / len(y))
    white = v @ np.diag(1 / np.sqrt(value + .001)) @ v.T
    back = v @ np.diag(np.sqrt(value + .001)) @ v.T
    x = np.c_[x, np.ones(len(x))]
    beta = np.linalg.solve(x.T @ x + LAMBDA * np.eye(x.shape[1]), x.T @ (y @ white)) @ back
    return beta[:-1].T, beta[-1] + mean


def main(argv):
    tools, base, name, paths = argv[1], argv[2], argv[3], argv[4:]
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, 'svm.det')
        subprocess.run([os.path.join(tools, 'det-svm'), '-q', '-m', base, '--features', name,
                        '--box-features', name, '-o', out] + paths, check=True)
        ours = model(out)
    items = list(read(paths, [name], ours['classes']))
    rows = np.concatenate([it[name] for it in items]).astype(float)
    scale = NORM / np.sqrt((rows ** 2).sum(1)).mean()
    bad = 0
    for k, label in enumerate(ours['classes']):
        x, y = [], []
        for it in items:
            own = it['gt'][it['label'] == k]
            if not len(own):
                continue
            over = iou(it['proposals'], own)
            near = np.flatnonzero(over.max(1) > OVERLAP)
            x.append(it[name][near].astype(float) * scale)
            y.append(targets(it['proposals'][near], own[over[near].argmax(1)]))
        x, y = np.concatenate(x), np.concatenate(y)
        w, b = regress(x, y)
        w *= scale
        got = ours['head/svm_box.weight'][4 * k:4 * k + 4].astype(float)
        worst = max(np.abs(got - w).max() / np.abs(w).max(),
                    np.abs(ours['head/svm_box.bias'][4 * k:4 * k + 4] - b).max())
        print('%-12s %d rows of %d: within %.2g' % (label, len(x), x.shape[1], worst))
        bad |= worst > 1e-5
    return bad


if __name__ == '__main__':
    sys.exit(main(sys.argv))
