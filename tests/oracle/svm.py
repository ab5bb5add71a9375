#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""svm.py BIN_DIR MODEL FEATURES STREAM...: det-svm against liblinear's own program.

Reads the streams of features (a tensor FEATURES of MODEL with a row for each of the list
`proposals`, objects in `gt`), chooses positives and negatives of each class by det-svm(1)'s
rules, here in numpy, and hands the scaled rows to liblinear-train (and to scikit-learn's copy
of liblinear, where that is installed). The weights must be those that det-svm --no-mine
writes, rounded to float. All negatives must fit in det-svm's --cache.

What mining leaves out is told besides: how far the weights of det-svm --passes 3 are from
those on all rows, and its objective on all rows over theirs. Both end within liblinear's
epsilon, so that these are near each other, not the same; nothing fails for it.

Needs numpy, liblinear-train (Debian's liblinear-tools). Exits 1 where a weight differs.
Compared with liblinear 2.3.0.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', '..', 'formats'))
import det_stream as det  # noqa: E402

C, BIAS, POSITIVE, NORM = .001, 10., 2., 20.


def space(b, r):
    """Corners in the original picture's pixels."""
    c = np.stack([b[k] for k in ('x1', 'y1', 'x2', 'y2')], 1)
    return c, r.get('space')


def iou(a, b):
    w = np.minimum(a[:, None, 2], b[None, :, 2]) - np.maximum(a[:, None, 0], b[None, :, 0])
    h = np.minimum(a[:, None, 3], b[None, :, 3]) - np.maximum(a[:, None, 1], b[None, :, 1])
    inter = np.maximum(w, 0) * np.maximum(h, 0)
    area = [(x[:, 2] - x[:, 0]) * (x[:, 3] - x[:, 1]) for x in (a, b)]
    return inter / np.maximum(area[0][:, None] + area[1][None, :] - inter, 1e-300)


def read(paths, names, classes):
    """Items: (path, objects, their labels, boxes, rows of each name)."""
    for path in paths:
        item = None
        with open(path, 'rb') as f:
            for r in det.Reader(f):
                if r.kind == 'STRM':
                    table = [n for n, _ in r.classes]
                if r.kind in ('ITEM', 'END.') and item:
                    yield item
                if r.kind == 'ITEM':
                    item = {'path': r.get('path')}
                elif r.kind == 'BOXS' and r.name in ('gt', 'proposals'):
                    c, where = space(r.boxes, r)
                    if where != 'image':
                        sys.exit('lists in the space image expected')
                    item[r.name] = c
                    if r.name == 'gt':
                        item['label'] = np.array(
                            [classes.index(table[k]) for k in r.boxes['label']], int)
                elif r.kind == 'TENS' and r.name in names:
                    item[r.name] = r.array.reshape(len(r.array), -1).copy()


def model(path):
    with open(path, 'rb') as f:
        out = {r.name: r.array.copy() for r in det.Reader(f) if r.kind == 'TENS'}
    with open(path, 'rb') as f:
        r = next(iter(det.Reader(f)))
        out['classes'] = [n for n, _ in r.classes]
    return out


def choose(items, name, k):
    """Rows of class k that are positive and negative, in det-svm's order."""
    positive, negative, seen = [], [], set()
    for it in items:
        of = np.flatnonzero(it['label'] == k)
        own = it['gt'][of]
        over = iou(it['proposals'], own) if len(of) else np.zeros((len(it['proposals']), 0))
        equal = np.all(np.abs(it['proposals'][:, None] - own[None]) <= .25, 2)
        for i in range(len(it['proposals'])):
            same = np.flatnonzero(equal[i])
            if len(same):
                key = (it['path'],) + tuple(own[same[0]])
                if key not in seen:
                    seen.add(key)
                    positive.append(it[name][i])
            if not len(of) or over[i].max() < .3:
                negative.append(it[name][i])
    return np.array(positive), np.array(negative)


def liblinear(x, y, folder):
    data, out = os.path.join(folder, 'data'), os.path.join(folder, 'model')
    with open(data, 'w') as f:
        for row, label in zip(x, y):
            at = np.flatnonzero(row)
            f.write('%d %s\n' % (label, ' '.join('%d:%.17g' % (i + 1, row[i]) for i in at)))
    subprocess.run(['liblinear-train', '-q', '-s', '3', '-c', str(C), '-w1', str(POSITIVE),
                    '-B', str(BIAS), data, out], check=True)
    with open(out) as f:
        lines = f.read().split('\n')
    w = np.array([float(v) for v in lines[lines.index('w') + 1:] if v.strip()])
    return np.append(w[:-1], w[-1] * BIAS)


def sklearn(x, y):
    try:
        import sklearn
        from sklearn.svm import _liblinear
    except ImportError:
        return None, None
    raw, _ = _liblinear.train_wrap(
        np.ascontiguousarray(x), y.astype(float), False, 3, .1, BIAS, C,
        np.array([1., POSITIVE]), 1000, 1, .1, np.ones(len(y)))
    w = raw.ravel()
    return sklearn.__version__, np.append(w[:-1], w[-1] * BIAS)


def train(tools, base, name, paths, out, *options):
    subprocess.run([os.path.join(tools, 'det-svm'), '-q', '-m', base, '--features', name,
                    '--box-features', 'none', '--cache', '100000', '-o', out,
                    *options] + paths, check=True)
    return model(out)


def weights(m, k):
    return np.append(m['head/svm.weight'][k].astype(float), m['head/svm.bias'][k])


def objective(w, x, y, scale):
    """Of weights for rows as they come; x is scaled already."""
    u = np.append(w[:-1] / scale, w[-1] / BIAS)
    margin = y * (x @ u[:-1] + BIAS * u[-1])
    cost = C * np.where(y > 0, POSITIVE, 1)
    return (u ** 2).sum() / 2 + (cost * np.maximum(0, 1 - margin)).sum()


def main(argv):
    tools, base, name, paths = argv[1], argv[2], argv[3], argv[4:]
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, 'svm.det')
        ours = train(tools, base, name, paths, out, '--no-mine', '--negatives', '1000000')
        mined = train(tools, base, name, paths, out, '--passes', '3')
        items = list(read(paths, [name], ours['classes']))
        rows = np.concatenate([it[name] for it in items]).astype(float)
        scale = NORM / np.sqrt((rows ** 2).sum(1)).mean()
        bad = 0
        for k, label in enumerate(ours['classes']):
            p, n = choose(items, name, k)
            if not len(p):
                print('%-12s no positive' % label)
                continue
            x = np.concatenate([p, n]).astype(float) * scale
            y = np.r_[np.ones(len(p)), -np.ones(len(n))].astype(int)
            got = weights(ours, k)
            worst = []
            version, other = sklearn(x, y)
            for w in (liblinear(x, y, folder), other):
                if w is not None:
                    w[:-1] *= scale
                    worst.append(np.abs(w - got).max() / np.abs(w).max())
            print('%-12s %d positive, %d negative rows of %d: liblinear-train within %.2g%s'
                  % (label, len(p), len(n), x.shape[1], worst[0],
                     '; scikit-learn %s within %.2g' % (version, worst[1])
                     if len(worst) > 1 else ''))
            hard = weights(mined, k)
            print('%-12s mined: weights within %.2g, objective on all rows %.5f times as much'
                  % ('', np.abs(hard - got).max() / np.abs(got).max(),
                     objective(hard, x, y, scale) / objective(got, x, y, scale)), flush=True)
            bad |= worst[0] > 1e-6
    return bad


if __name__ == '__main__':
    sys.exit(main(sys.argv))
