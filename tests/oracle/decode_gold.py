#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""decode_gold.py DECODE_DUMP GOLD_DIR NETWORK...

Compares our decoding and NMS with dumps of Darknet's own (made by darknet_dump.c): the same
(box, class) pairs, scores and coordinates. Prints one line a network, exits 1 on a difference.
"""
import os
import subprocess
import sys
import tempfile


def sections(path):
    out, cur = [], None
    for line in open(path):
        line = line.split('#')[0].strip()
        if line.startswith('['):
            cur = {'': line.strip('[]')}
            out.append(cur)
        elif '=' in line:
            k, v = line.split('=', 1)
            cur[k.strip()] = v.replace(' ', '')
    return out[1:]


def decode_text(cfg, index, name):
    s = sections(cfg)[index]
    if s[''] == 'yolo':
        a = s['anchors'].split(',')
        pairs = [a[2 * int(m):2 * int(m) + 2] for m in s['mask'].split(',')]
        return 'yolo3(%s) anchors=%s classes=%s scale_xy=%s' % (
            name, ','.join(sum(pairs, [])), s['classes'], s.get('scale_x_y', '1'))
    if s[''] == 'region':
        return 'region(%s) anchors=%s classes=%s softmax=%s background=%s' % (
            name, s['anchors'], s['classes'], s.get('softmax', '0'), s.get('background', '0'))
    return 'detection(%s) side=%s num=%s classes=%s sqrt=%s softmax=%s' % (
        name, s['side'], s['num'], s['classes'], s['sqrt'], s['softmax'])


def rows(lines):
    """(class, score, x1, y1, x2, y2); Darknet's source is a place in an array of its own."""
    return sorted((int(f[0]),) + tuple(map(float, f[1:6])) for f in map(str.split, lines))


def compare(ours, theirs):
    """The largest difference of a number, relative to the size of the numbers, or None."""
    if len(ours) != len(theirs):
        return None
    worst = 0.
    theirs = list(theirs)
    for a in ours:  # near rows may sort apart: match each to its nearest of the class
        best, at = None, None
        for i, b in enumerate(theirs):
            if b[0] == a[0]:
                d = max(abs(x - y) / (1 + abs(y)) for x, y in zip(a[1:6], b[1:6]))
                if best is None or d < best:
                    best, at = d, i
        if best is None:
            return None
        theirs.pop(at)
        worst = max(worst, best)
    return worst


def main():
    dump, gold, bad = sys.argv[1], sys.argv[2], 0
    for net in sys.argv[3:]:
        d = os.path.join(gold, net)
        meta = [l.split() for l in open(os.path.join(d, 'meta.txt'))]
        get = {m[0]: m[1] for m in meta}
        size = next(m[1:3] for m in meta if m[0] == 'net')
        maps, text = [], ''
        for m in meta:
            if m[0] == 'map':
                text += decode_text(os.path.join(d, 'net.cfg'), int(m[1]), 'm' + m[1]) + '\n'
                maps += [os.path.join(d, 'in_%s.f32' % m[1]), 'x'.join(m[3:6])]
        with tempfile.NamedTemporaryFile('w', suffix='.txt') as f:
            f.write(text)
            f.flush()
            # a float's decimals name the float; the option is rounded to it again
            out = subprocess.run([dump, f.name, get['thresh'], get['nms']] + size + maps,
                                 check=True, capture_output=True, text=True).stdout
        lines = out.splitlines()
        cut = lines.index('nms')
        res = []
        for ours, name in ((lines[:cut], 'raw'), (lines[cut + 1:], 'nms')):
            theirs = open(os.path.join(d, name + '.tsv')).read().splitlines()
            worst = compare(rows(ours), rows(theirs))
            res.append('%s %d boxes, ' % (name, len(theirs)) + (
                'largest difference %.2g' % worst if worst is not None
                else 'DIFFERENT (ours %d)' % len(ours)))
            bad |= worst is None or worst > 2e-6
        print('%-20s %s' % (net, '; '.join(res)))
    sys.exit(1 if bad else 0)


main()
