#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""nms_peer.py BENCH BIN_DIR: det's NMS beside torchvision.ops.batched_nms, in turns.

BENCH is the program of tests/bench/nms.c. 100,000 boxes of 80 classes and of one, one case
where nearly all survive: the library's call, the tool with its stream in and out of files,
and torchvision on the same boxes. Prints medians of five and the ratio of det to it.
"""
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
import torchvision

bench, bin_dir = sys.argv[1:3]
torch.set_num_threads(2)


def timed(f):
    t = time.perf_counter()
    r = f()
    return (time.perf_counter() - t) * 1e3, r


def stream(path, v):
    with open(path, 'wb') as out:
        text = 'STRM\nITEM id=0 path=a width=640 height=640\nBOXS name=boxes space=image\n' + '\n'.join(
            '  %.9g %.9g %.9g %.9g %.9g %d' % tuple(r) for r in v.tolist()) + '\nEND.\n'
        subprocess.run([bin_dir + '/det-show', '--build', '-'], input=text.encode(), stdout=out, check=True)


for classes in (80, 1):
    with tempfile.TemporaryDirectory() as tmp:
        raw, det = os.path.join(tmp, 'raw'), os.path.join(tmp, 'in.det')
        subprocess.run([bench, '100000', str(classes), raw], check=True)
        v = np.fromfile(raw, 'f').reshape(-1, 6)
        stream(det, v)
        box, score = torch.from_numpy(v[:, :4].copy()), torch.from_numpy(v[:, 4].copy())
        label = torch.from_numpy(v[:, 5].astype('i8'))
        tool, peer, ours = [], [], []
        for _ in range(5):
            out = subprocess.run([bench, '100000', str(classes)], capture_output=True, text=True, check=True).stdout
            row = [l.split('\t') for l in out.splitlines() if l.startswith('sparse') and 'greedy' in l]
            ours.append(min(float(r[6]) for r in row))
            t, _ = timed(lambda: subprocess.run(
                [bin_dir + '/det-nms', '--iou', '.5', '--clip', 'none', det, '-o', det + '.out'], check=True))
            tool.append(t)
            t, kept = timed(lambda: torchvision.ops.batched_nms(box, score, label, .5))
            peer.append(t)
        m = [float(np.median(x)) for x in (ours, tool, peer)]
        print('%2d classes: det_nms %6.1f ms (kept %s), det-nms %6.1f ms, torchvision %s %7.1f ms (kept %d): '
              'ratio %.3f, tool %.3f' % (classes, m[0], row[0][5], m[1], torchvision.__version__, m[2], len(kept),
                                         m[0] / m[2], m[1] / m[2]))
