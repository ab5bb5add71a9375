#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""rcnn.py BIN_DIR: the decode kind rcnn of det-head, on random heads and proposals, against
torchvision's RoIHeads.postprocess_detections (its NMS made idle) and a transcription in numpy
of py-faster-rcnn's im_detect. Prints a line a case, exits 1 on a difference.

Needs numpy, python3-torch, python3-torchvision (0.14.1).
"""
import io
import os
import subprocess
import sys

import numpy as np
import torch
from torchvision.models.detection.roi_heads import RoIHeads

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../formats'))
import det_stream as det  # noqa: E402

bad = 0


def head(line, item, tensors, boxes, *args):
    """det-head with a model of that decode text: labels, scores, boxes."""
    run = lambda data, *cmd: subprocess.run(
        [os.path.join(sys.argv[1], cmd[0]), *cmd[1:]], input=data, check=True,
        stdout=subprocess.PIPE).stdout
    model = run(('STRM\nTEXT name=decode\n  | %s\nEND.\n' % line).encode(), 'det-show', '--build', '-')
    f = io.BytesIO()
    w = det.Writer(f)
    w.put(det.Record('STRM'))
    w.put(det.Record('ITEM', item))
    for name, a in tensors:
        w.put(det.Record('TENS', [('name', name)], np.ascontiguousarray(a).tobytes(), 1, a.shape))
    b = np.zeros(len(boxes), det.BOX)
    for i, k in enumerate(('x1', 'y1', 'x2', 'y2')):
        b[k] = boxes[:, i]
    b['label'] = -1
    w.put(det.Record('BOXS', [('name', 'proposals'), ('space', 'input')], b.tobytes()))
    w.put(det.Record('END.'))
    with open('/dev/shm/rcnn.%d.det' % os.getpid(), 'wb') as m:
        m.write(model)
    try:
        out = run(f.getvalue(), 'det-head', '-m', m.name, *args)
    finally:
        os.unlink(m.name)
    r = next(r.boxes for r in det.Reader(io.BytesIO(out)) if r.name == 'boxes')
    return r['label'], r['score'], np.stack([r[k] for k in ('x1', 'y1', 'x2', 'y2')], 1)


def compare(name, got, want, limit):
    """As sets in an order of their own: by label, then score."""
    global bad
    key = lambda r: np.lexsort((r[2][:, 0], np.round(r[1], 6), r[0]))
    g, w = key(got), key(want)
    same = len(g) == len(w) and (got[0][g] == want[0][w]).all()
    ds = np.abs(got[1][g] - want[1][w]).max() if same else np.inf
    db = np.abs(got[2][g] - want[2][w]).max() if same else np.inf
    ok = same and ds < 1e-6 and db < limit
    bad |= not ok
    print('%-34s %5d boxes of %5d: scores %.2g, corners %.2g%s' %
          (name, len(g), len(w), ds, db, '' if ok else '  BAD'))


def inputs(rng, r, k, w, h):
    b = np.sort(rng.uniform(0, 1, (r, 2, 2)), 1).reshape(r, 4) * (w, h, w, h)
    b[0] = [5, 5, 5, 5]
    b[1] = [0, 0, w, h]
    return (b.astype(np.float32), rng.normal(0, 2, (r, k + 1)).astype(np.float32),
            rng.normal(0, 1.5, (r, 4 * (k + 1))).astype(np.float32))


def torchvision(rng, r, k):
    w, h = 1066, 800
    b, cls, box = inputs(rng, r, k, w, h)
    heads = RoIHeads(None, None, None, .5, .5, 512, .25, None, .05, 2., 10 ** 9)
    boxes, scores, labels = heads.postprocess_detections(
        torch.tensor(cls), torch.tensor(box), [torch.tensor(b)], [(h, w)])
    item = [('id', '0'), ('path', 'a'), ('width', '500'), ('height', '375'), ('input', '1088x800'),
            ('map', '%r %r 0 0' % (1066 / 500, 800 / 375))]
    got = head('rcnn(c, b) classes=%d clip min_size=.01' % k, item, [('c', cls), ('b', box)], b,
               '-t', '.05')
    compare('torchvision %d rows %d classes' % (r, k), got,
            (labels[0].numpy() - 1, scores[0].numpy(), boxes[0].numpy()), 1e-3)


def py_faster_rcnn(rng, r, k):
    """test.py: proposals over im_scale, decoded and clipped in the original's pixels."""
    w, h, scale = 500, 375, 1.6
    b, cls, box = inputs(rng, r, k, w * scale, h * scale)
    box *= .1
    rois = b.astype(np.float64) / scale
    e = np.exp(cls - cls.max(1, keepdims=True))
    score = e / e.sum(1, keepdims=True)
    ws, hs = rois[:, 2] - rois[:, 0] + 1, rois[:, 3] - rois[:, 1] + 1
    cx, cy = rois[:, 0] + .5 * ws, rois[:, 1] + .5 * hs
    out = [], [], []
    for j in range(1, k + 1):
        d = box[:, 4 * j:4 * j + 4].astype(np.float64)
        x, y = d[:, 0] * ws + cx, d[:, 1] * hs + cy
        pw, ph = np.exp(d[:, 2]) * ws, np.exp(d[:, 3]) * hs
        p = np.stack([x - .5 * pw, y - .5 * ph, x + .5 * pw, y + .5 * ph], 1)
        p = np.clip(p, 0, [w - 1, h - 1, w - 1, h - 1])
        keep = score[:, j] > .05
        for o, v in zip(out, (np.full(keep.sum(), j - 1), score[keep, j], p[keep] * scale)):
            o.append(v)
    item = [('id', '0'), ('path', 'a'), ('width', str(w)), ('height', str(h)), ('input', '800x600'),
            ('map', '1.6 1.6 0 0')]
    got = head('rcnn(c, b) classes=%d weights=1,1,1,1 clamp=none plus_one unscaled clip=inclusive' % k,
               item, [('c', cls), ('b', box)], b, '-t', '.05')
    compare('py-faster-rcnn %d rows %d classes' % (r, k), got, [np.concatenate(o) for o in out], 1e-3)


rng = np.random.default_rng(1)
for rows, classes in ((1000, 90), (300, 20), (2, 1), (50, 3)):
    torchvision(rng, rows, classes)
    py_faster_rcnn(rng, rows, classes)
sys.exit(bad)
