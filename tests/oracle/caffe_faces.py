#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# UltraFace beside OpenCV's dnn module: same input tensors, then its rules transcribed here.
#
#   PATH=bin:$PATH tests/oracle/caffe_faces.py slim-320.prototxt slim-320.caffemodel PHOTO ...
#
# The model is imported, det-image's tensors go both through OpenCV (its own reader of the
# caffemodel) and through det-backbone, det-head and det-nms. Compared are all 4,420 boxes
# above a score of .01 before suppression, and after it those above .25: below that, plain
# background gives many boxes whose scores differ by less than rounding does, and which of them
# suppresses the others is chance. Made with OpenCV 4.6.0.
import io, os, subprocess, sys
import numpy as np
import cv2

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../formats'))
import det_stream  # noqa: E402

MIN = [[10, 16, 24], [32, 48], [64, 96], [128, 192, 256]]
W, H, IOU, SCORE, FACE = 320, 240, .3, .01, .25


def priors():
    out = []
    for sizes, stride in zip(MIN, (8, 16, 32, 64)):
        for y in range(-(-H // stride)):
            for x in range(-(-W // stride)):
                for s in sizes:
                    out.append(((x + .5) * stride / W, (y + .5) * stride / H, s / W, s / H))
    return np.clip(np.array(out), 0, 1)


def decode(loc, p):
    c = loc[:, :2] * .1 * p[:, 2:] + p[:, :2]
    s = np.exp(loc[:, 2:] * .2) * p[:, 2:]
    return np.concatenate([c - s / 2, c + s / 2], 1) * [W, H, W, H]


def nms(b, s):
    keep, order = [], np.argsort(-s, kind='stable')
    while len(order):
        i, order = order[0], order[1:]
        keep.append(i)
        x = np.maximum(b[i, :2], b[order, :2])
        y = np.minimum(b[i, 2:], b[order, 2:])
        inter = np.prod(np.clip(y - x, 0, None), 1)
        area = np.prod(b[:, 2:] - b[:, :2], 1)
        order = order[inter / (area[i] + area[order] - inter) <= IOU]
    return keep


def run(*args, data=None):
    return subprocess.run(args, input=data, check=True, stdout=subprocess.PIPE).stdout


def lists(data):
    return [r.boxes for r in det_stream.Reader(io.BytesIO(data)) if r.kind == 'BOXS']


proto, weights, photos = sys.argv[1], sys.argv[2], sys.argv[3:]
model = 'caffe_faces.det'
run('det-model', 'import', 'caffe', proto, weights, '--anchors', 'ultraface', '--channels', 'rgb',
    '--mean', '127', '--std', '128', '-o', model)
images = run('det-image', '-m', model, *photos)
maps = run('det-backbone', '-m', model, data=images)
raw, sure = [run('det-head', '-m', model, '-t', str(t), data=maps) for t in (SCORE, FACE)]
ours = lists(raw), lists(run('det-nms', '-m', model, '--iou', str(IOU), '--map', 'none',
                             '--clip', 'none', data=sure))
net = cv2.dnn.readNetFromCaffe(proto, weights)
tensors = [r.array for r in det_stream.Reader(io.BytesIO(images)) if r.name == 'image']
worst, faces = [0, 0], 0
for i, x in enumerate(tensors):
    net.setInput(np.ascontiguousarray(x))
    scores, loc = net.forward(['scores', 'boxes'])
    s = scores.reshape(-1, 2)[:, 1].astype(float)
    b = decode(loc.reshape(-1, 4).astype(float), priors())
    at = np.flatnonzero(s > SCORE)
    keep = np.flatnonzero(s > FACE)
    keep = keep[nms(b[keep], s[keep])]
    faces += int((s[keep] > .7).sum())
    for want, got in ((at, ours[0][i]), (keep, ours[1][i])):
        got = got[np.argsort(got['source'], kind='stable')]
        want = np.sort(want)
        # what stands on the threshold may fall on either side
        edge = np.flatnonzero(np.abs(s - SCORE) < 1e-6)
        want = np.setdiff1d(want, edge)
        got = got[~np.isin(got['source'], edge)]
        assert list(want) == list(got['source']), (
            photos[i], [(k, s[k]) for k in set(want) ^ set(got['source'])])
        if len(want):
            worst[0] = max(worst[0], np.abs(s[want] - got['score']).max())
            worst[1] = max(worst[1], max(np.abs(b[want][:, k] - got[n]).max()
                                         for k, n in enumerate(('x1', 'y1', 'x2', 'y2'))))
os.remove(model)
print('%d photos, %d faces above .7: the same boxes; scores within %.2g, corners within %.2g pixels'
      % (len(photos), faces, *worst))
