#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# What OpenCV's dnn module computes of the networks in tests/caffe, as tests/caffe/NAME.out:
#
#   cc -Ilib -I. -o caffe_make tests/oracle/caffe_make.c build/libdet.a LIBS
#   tests/oracle/caffe_gold.py ./caffe_make tests/caffe
#
# caffe_make writes the weights (a function of the layers' names, so that the unit test has
# the same ones); OpenCV reads prototxt and caffemodel with its own parsers. Made with
# OpenCV 4.6.0 (Debian's python3-opencv).
import subprocess, sys, os
import numpy as np
import cv2

def uniform(name, n):
    x = 2166136261
    for b in name.encode():
        x = (x ^ b) * 16777619 & 0xffffffff
    x = (x + np.arange(n, dtype=np.uint64) * 2654435761) & 0xffffffff
    x = (x ^ x >> np.uint64(15)) * np.uint64(2246822519) & np.uint64(0xffffffff)
    x ^= x >> np.uint64(13)
    return x / 4294967296. - .5

NETS = {  # input shape, form of the file, outputs: (name in OpenCV, ours)
    'layers': ((1, 3, 17, 13), 0, [('prob', 'prob')]),
    'v1': ((1, 3, 15, 15), 1, [('prob', 'prob')]),
    'ssd': ((1, 3, 32, 48), 0, [(n, n) for n in (
        'conv4_3_norm_mbox_loc', 'conv4_3_norm_mbox_conf', 'fc6_mbox_loc', 'fc6_mbox_conf')]),
    'rows': ((1, 3, 16, 24), 0, [(n, n) for n in ('c1', 'b1', 'c2', 'b2')]),
}

make, folder = sys.argv[1:]
for name, (shape, form, outputs) in NETS.items():
    proto = os.path.join(folder, name + '.prototxt')
    anchors = os.path.join(folder, name + '.anchors')
    model = subprocess.run([make, proto, str(form), anchors if os.path.exists(anchors) else '-'],
                           check=True, stdout=subprocess.PIPE).stdout
    # OpenCV does not know phases
    text = ''.join(l for l in open(proto) if 'phase: TRAIN' not in l)
    net = cv2.dnn.readNetFromCaffe(text.encode(), model)
    net.enableFusion(False)
    x = (2 * uniform('image', int(np.prod(shape)))).astype(np.float32).reshape(shape)
    net.setInput(x)
    with open(os.path.join(folder, name + '.out'), 'w') as f:
        for theirs, ours in outputs:
            y = net.forward(theirs)
            print(ours, 'x'.join(map(str, y.shape)), file=f)
            for v in y.ravel():
                print('%.9g' % v, file=f)
