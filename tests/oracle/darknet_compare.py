#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares what the tools made of a tensor with what Darknet did (darknet.sh).

    darknet_compare.py classes CFG      number of classes that the importer asks for
    darknet_compare.py stream DIR       input.f32 as a stream of one item
    darknet_compare.py thresholds DIR   score and NMS thresholds of the dump
    darknet_compare.py compare DIR      maps.det, raw.det, nms.det against the dump
"""
import sys

import numpy as np

import det_stream as det

TOL = 1e-4          # of a map's largest value
EDGE = 1e-4         # scores this near the threshold may fall on either side


def meta(d):
    out = {'map': [], 'layer': []}
    for line in open(d + '/meta.txt'):
        w = line.split()
        if w[0] in out:
            out[w[0]].append(w[1:])
        else:
            out[w[0]] = w[1:]
    return out


def classes(cfg):
    last, out = '', {}
    for line in open(cfg):
        line = line.split('#')[0].replace(' ', '').strip()
        if line.startswith('['):
            last = line
        elif '=' in line:
            k, v = line.split('=', 1)
            if k in ('classes', 'filters', 'output'):
                out[k] = int(v)
                out['width'] = int(v) if k != 'classes' else out.get('width', 0)
    return out.get('classes', out['width'])


def stream(d):
    w, h, c = (int(x) for x in meta(d)['net'])
    x = np.fromfile(d + '/input.f32', '<f4').reshape(1, c, h, w)
    out = det.Writer(sys.stdout.buffer)
    out.begin(history='darknet_compare')
    out.item(id='0', path='picture', width=str(w), height=str(h), in_w=str(w), in_h=str(h))
    out.tensor('image', x)
    out.end()


def compare_maps(d, m):
    worst, pairs = 0, []
    got = {r.name: r.array for r in det.Reader(open(d + '/maps.det', 'rb')) if r.kind == 'TENS'}
    for w in m['map']:
        pairs.append(('y' + w[0], 'in_' + w[0]))
    if not m['map']:
        pairs.append(('prob', 'layer_' + m['layer'][-1][0]))
    for name, file in pairs:
        a, b = got[name].ravel(), np.fromfile('%s/%s.f32' % (d, file), '<f4')
        if a.shape != b.shape or not len(b):
            return 'map %s has %d values, Darknet %d' % (name, a.size, b.size), 1
        worst = max(worst, float(np.abs(a - b).max() / np.abs(b).max()))
    return '%d map%s within %.1e' % (len(pairs), 's' * (len(pairs) > 1), worst), worst > TOL


def boxes_of(path):
    for r in det.Reader(open(path, 'rb')):
        if r.kind == 'BOXS':
            b = r.boxes
            return np.stack([b['label'], b['score'], b['x1'], b['y1'], b['x2'], b['y2']], 1)
    return np.zeros((0, 6))


def compare_boxes(path, tsv, thresh):
    """Every box of one list has its like in the other, but for those at the threshold."""
    a = boxes_of(path)
    b = np.loadtxt(tsv, ndmin=2).reshape(-1, 7)[:, :6] if open(tsv).read() else np.zeros((0, 6))
    missing = 0
    for one, other in ((a, b), (b, a)):
        for x in one:
            near = other[(other[:, 0] == x[0]) & (np.abs(other[:, 1] - x[1]) < 2e-3 * (1 + x[1]))]
            size = max(x[4] - x[2], x[5] - x[3], 1)
            far = np.abs(near[:, 2:] - x[2:]).max(1, initial=np.inf) if not len(near) else \
                np.abs(near[:, 2:] - x[2:]).max(1)
            if not (len(near) and far.min() < 2e-3 * size) and x[1] > thresh + EDGE:
                missing += 1
    return '%d of %d' % (len(a), len(b)), missing


def compare(d):
    m = meta(d)
    text, bad = compare_maps(d, m)
    say = [text]
    if m['map']:
        thresh = float(m['thresh'][0])
        for n in 'raw', 'nms':
            text, missing = compare_boxes('%s/%s.det' % (d, n), '%s/%s.tsv' % (d, n), thresh)
            say.append('%s boxes %s%s' % (n, text, missing and ', %d unmatched' % missing or ''))
            bad = bad or missing
    print('%-22s %s: %s' % (d.split('/')[-1], 'BAD' if bad else 'ok', '; '.join(say)))
    return bool(bad)


def main():
    what, arg = sys.argv[1:3]
    if what == 'classes':
        print(classes(arg))
    elif what == 'stream':
        stream(arg)
    elif what == 'thresholds':
        m = meta(arg)
        print(m['thresh'][0], m['nms'][0])
    else:
        sys.exit(compare(arg))


main()
