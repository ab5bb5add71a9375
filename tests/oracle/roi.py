#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""roi.py BIN_DIR: det-roipool against torchvision's roi_align, roi_pool and
MultiScaleRoIAlign, and against transcriptions of SPP-net's and R-CNN's rules in double, on
random and degenerate boxes. Prints a line a case, exits 1 on a difference.

roi.py golden: prints tests/unit/roi_golden.h.

Needs numpy, python3-torch, python3-torchvision (0.14.1 made the golden numbers).
"""
import io
import math
import os
import subprocess
import sys

import numpy as np
import torch
import torchvision.ops as ops

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../formats'))
import det_stream as det  # noqa: E402


def boxes_for(rng, n, w, h):
    """Random ones, a fifth reaching out of the picture, and the odd ones."""
    c = rng.uniform(0, 1, (n, 2)) * (w, h)
    s = np.exp(rng.uniform(np.log(2), np.log(max(w, h)), (n, 1)))
    s = s * np.exp(rng.uniform(-.7, .7, (n, 2)))
    b = np.concatenate([c - s / 2, c + s / 2], 1)
    inside = rng.uniform(0, 1, n) > .2
    b[inside] = np.clip(b[inside], 0, [w, h, w, h])
    odd = [[10, 10, 10, 10], [0, 0, w, h], [-50, -60, -10, -20], [w + 5, h + 5, w + 90, h + 70],
           [30, 40, 20, 30], [16, 16, 32, 32], [8, 24, 24.5, 39.5], [w - 1, h - 1, w, h],
           [-1000, -1000, 2000, 2000], [12, 12, 12.5, 90], [0, 0, 0, 0]]
    return np.concatenate([b, odd]).astype(np.float32).astype(np.float64)


def stream(item, tensors, boxes, space='input'):
    f = io.BytesIO()
    w = det.Writer(f)
    w.put(det.Record('STRM'))
    w.put(det.Record('ITEM', item))
    for name, a in tensors:
        w.put(det.Record('TENS', [('name', name)], np.ascontiguousarray(a).tobytes(), 1, a.shape))
    b = np.zeros(len(boxes), det.BOX)
    for i, f_ in enumerate(('x1', 'y1', 'x2', 'y2')):
        b[f_] = boxes[:, i]
    b['label'] = -1
    w.put(det.Record('BOXS', [('name', 'proposals'), ('space', space)], b.tobytes()))
    w.put(det.Record('END.'))
    return f.getvalue()


def roipool(data, *args):
    out = subprocess.run([os.path.join(sys.argv[1], 'det-roipool'), *args], input=data, check=True,
                         stdout=subprocess.PIPE).stdout
    return next(r.array for r in det.Reader(io.BytesIO(out)) if r.name == 'rois')


def item(w, h, in_w, in_h, scale=1.):
    return [('id', '0'), ('path', 'a.jpg'), ('width', str(w)), ('height', str(h)),
            ('input', '%dx%d' % (in_w, in_h)), ('map', '%r %r 0 0' % (scale, scale))]


def spp(m, box, step, levels, fixed, offset0, offset):
    """One map (C,H,W), one box: the rules of SPP-net, in its 1-based inclusive pixels."""
    x1, y1, x2, y2 = box[0] + 1, box[1] + 1, box[2], box[3]
    side = []
    for lo, hi, cells in ((y1, y2, m.shape[1]), (x1, x2, m.shape[2])):
        first = math.floor((lo - offset0 + offset) / step + .5) + 1
        last = math.ceil((hi - offset0 - offset) / step - .5) + 1
        if first > last:
            first = last = math.floor((first + last) / 2)
        side.append([min(max(v, 1), cells) for v in (first, last)])
    (t, b), (l, r) = side
    a = m[:, t - 1:b, l - 1:r]
    out = []
    for n in levels:
        v = np.zeros((m.shape[0], n, n))
        for i in range(n):
            for j in range(n):
                cut = []
                for k, size in ((i, a.shape[1]), (j, a.shape[2])):
                    if fixed:
                        cut.append((k * (size // n), k * (size // n) + -(-size // n)))
                    else:
                        cut.append((math.floor(k * size / n), math.ceil((k + 1) * size / n)))
                (y0, y3), (x0, x3) = cut
                v[:, i, j] = a[:, y0:y3, x0:x3].max((1, 2))
        out.append(v.ravel())
    return np.concatenate(out)


def half_away(v):
    return math.copysign(math.floor(abs(v) + .5), v)


def warp(im, box, size, context, square):
    """im (C,H,W) in double; rules of R-CNN's crop, pixels from 1."""
    bb = [box[0] + 1, box[1] + 1, box[2], box[3]]
    out = np.zeros((im.shape[0], size, size))
    if context or square:
        scale = size / (size - 2 * context)
        hh, hw = (bb[3] - bb[1] + 1) / 2, (bb[2] - bb[0] + 1) / 2
        cx, cy = bb[0] + hw, bb[1] + hh
        if square:
            hh = hw = max(hh, hw)
        bb = [cx - hw * scale, cy - hh * scale, cx + hw * scale, cy + hh * scale]
    bb = [half_away(v) for v in bb]
    crop, pad, first = [], [], []
    for lo, hi, side in ((bb[1], bb[3], im.shape[1]), (bb[0], bb[2], im.shape[2])):
        full = hi - lo + 1
        p = max(0, 1 - lo)
        lo, hi = max(1, lo), min(side, hi)
        if full < 1 or hi < lo:
            return out
        p = int(half_away(p * size / full))
        crop.append(int(min(half_away((hi - lo + 1) * size / full), size - p)))
        pad.append(p)
        first.append((int(lo), int(hi)))
    if min(crop) < 1:
        return out
    w = im[:, first[0][0] - 1:first[0][1], first[1][0] - 1:first[1][1]]
    for axis in (1, 2):
        n, c = w.shape[axis], crop[axis - 1]
        x = (np.arange(c) + .5) * n / c - .5
        lo = np.floor(x).astype(int)
        f = (x - lo).reshape([-1 if k == axis else 1 for k in range(3)])
        w = (np.take(w, np.clip(lo, 0, n - 1), axis) * (1 - f) +
             np.take(w, np.clip(lo + 1, 0, n - 1), axis) * f)
    out[:, pad[0]:pad[0] + crop[0], pad[1]:pad[1] + crop[1]] = w
    return out


bad = 0


def compare(name, got, want, limit):
    global bad
    d = np.abs(got.astype(np.float64) - want).max() if want.size else 0
    ok = got.shape == want.shape and d <= limit
    bad |= not ok
    print('%-44s %-18s largest difference %.2g%s' % (name, got.shape, d, '' if ok else '  BAD'))


def single():
    rng = np.random.default_rng(1)
    for w, h, c, stride in ((200, 120, 3, 8), (97, 301, 17, 16), (64, 16, 33, 16), (400, 300, 5, 4)):
        m = rng.standard_normal((1, c, -(-h // stride), -(-w // stride))).astype(np.float32)
        b = boxes_for(rng, 150, w, h)
        s = stream(item(w, h, w, h), [('m', m)], b)
        rois = torch.cat([torch.zeros(len(b), 1), torch.tensor(b, dtype=torch.float32)], 1)
        common = ['--maps', 'm', '--strides', str(stride)]
        for size in ((7, 7), (6, 6), (2, 3), (14, 14), (1, 1), (20, 5)):
            wh = ['--size', '%dx%d' % (size[1], size[0])]
            for sampling in (0, 1, 2, 3, 5):
                for aligned in (False, True):
                    got = roipool(s, *common, *wh, '--sampling', str(sampling),
                                  *['--aligned'] * aligned)
                    want = ops.roi_align(torch.tensor(m), rois, size, 1 / stride,
                                         sampling if sampling else -1, aligned)
                    compare('align %dx%d/%d %dx%d n=%d%s' % (w, h, stride, *size, sampling,
                            ' aligned' * aligned), got, want.numpy(), 5e-6)
            got = roipool(s, *common, *wh, '--op', 'max')
            want = ops.roi_pool(torch.tensor(m), rois, size, 1 / stride)
            compare('max %dx%d/%d %dx%d' % (w, h, stride, *size), got, want.numpy(), 0)
        for form in ('detection', 'fixed'):
            for offset0, offset in ((0, 0), (18, 0), (6.5, 9)):
                got = roipool(s, *common, '--op', 'spp', '--spp', form, '--offsets',
                              '%g,%g' % (offset0, offset))
                want = np.stack([spp(m[0], x, stride, (6, 3, 2, 1), form == 'fixed', offset0, offset)
                                 for x in b])[:, :, None, None]
                compare('spp %s %g %g' % (form, offset0, offset), got, want, 0)


def pyramid():
    rng = np.random.default_rng(2)
    for w, h, pad_w, pad_h in ((1066, 800, 1088, 800), (500, 334, 512, 352)):
        maps = [(n, rng.standard_normal((1, 8, -(-pad_h // st), -(-pad_w // st))).astype(np.float32))
                for n, st in (('p2', 4), ('p3', 8), ('p4', 16), ('p5', 32))]
        b = boxes_for(rng, 500, w, h)
        sides = np.array([56, 112, 224, 448, 896, 111.99999, 223.9999, 447.99997], np.float32)
        b = np.concatenate([b, np.stack([sides * 0, sides * 0, sides, sides], 1)])
        pool = ops.MultiScaleRoIAlign(['p2', 'p3', 'p4', 'p5'], 7, 2)
        want = pool({n: torch.tensor(m) for n, m in maps}, [torch.tensor(b, dtype=torch.float32)],
                    [(h, w)])
        got = roipool(stream(item(w, h, pad_w, pad_h), maps, b), '--maps', 'p2,p3,p4,p5')
        compare('pyramid %dx%d' % (w, h), got, want.numpy(), 5e-6)


def crops():
    rng = np.random.default_rng(3)
    for w, h in ((120, 90), (33, 200)):
        im = rng.standard_normal((1, 3, h + 7, w + 9)).astype(np.float32)
        b = np.round(boxes_for(rng, 100, w, h))
        b[::3] += .25
        s = stream(item(w, h, w + 9, h + 7), [('image', im)], b)
        for size, context, square in ((227, 16, 0), (227, 16, 1), (50, 0, 1), (64, 0, 0), (32, 15, 0)):
            got = roipool(s, '--op', 'warp', '--size', '%dx%d' % (size, size), '--context',
                          str(context), *['--square'] * square)
            want = np.stack([warp(im[0, :, :h, :w].astype(float), x, size, context, square)
                             for x in b])
            compare('warp %d context %d square %d' % (size, context, square), got, want, 2e-6)


def golden():
    rng = np.random.default_rng(4)
    m = (rng.integers(-512, 512, (1, 2, 6, 9)) / 64).astype(np.float32)
    b = np.array([[1, 2, 60, 40], [0, 0, 72, 48], [20, 20, 20, 20], [-30, -9, 11, 13], [70, 40, 90, 60],
                  [12, 12, 36, 28], [40.5, 3.25, 43, 44], [100, 100, 120, 110]], np.float32)
    rois = torch.cat([torch.zeros(len(b), 1), torch.tensor(b)], 1)
    t = torch.tensor(m)
    cases = [('align_2', ops.roi_align(t, rois, (2, 3), 1 / 8, 2, False)),
             ('align_2_aligned', ops.roi_align(t, rois, (2, 3), 1 / 8, 2, True)),
             ('align_0', ops.roi_align(t, rois, (2, 3), 1 / 8, -1, False)),
             ('align_0_aligned', ops.roi_align(t, rois, (2, 3), 1 / 8, -1, True)),
             ('max', ops.roi_pool(t, rois, (2, 3), 1 / 8))]
    text = ['/* SPDX-License-Identifier: MIT',
            ' *',
            ' * Made by tests/oracle/roi.py golden with torchvision 0.14.1: 8 RoIs on a map (2,6,9) of',
            ' * stride 8, pooled to 2x3.', ' */']
    for name, a in (('map', m), ('boxes', b), *((n, v.numpy()) for n, v in cases)):
        v = ['%.9gf' % x if '.' in '%.9g' % x or 'e' in '%.9g' % x else '%d' % x for x in a.ravel()]
        text.append('static const float golden_%s[%d] = { %s };' % (name, len(v), ', '.join(v)))
    print('\n'.join(text))


if sys.argv[1:] == ['golden']:
    golden()
else:
    torch.set_num_threads(1)
    single()
    pyramid()
    crops()
    sys.exit(bad)
