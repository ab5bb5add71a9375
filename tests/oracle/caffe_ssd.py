#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# An SSD's tail beside OpenCV's DetectionOutput and PriorBox layers: priors, softmax, decoding,
# suppression, the cuts of numbers.
#
#   PATH=bin:$PATH tests/oracle/caffe_ssd.py ./caffe_make tests/caffe/ssd.prototxt PHOTO ...
#
# caffe_make as in caffe_gold.py. Boxes are compared as sets: the same class, corners within
# 1e-3 pixels, scores within 1e-5. Made with OpenCV 4.6.0.
import io, os, subprocess, sys
import numpy as np
import cv2

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../formats'))
import det_stream  # noqa: E402


def run(*args, data=None):
    return subprocess.run(args, input=data, check=True, stdout=subprocess.PIPE).stdout


make, proto, photos = sys.argv[1], sys.argv[2], sys.argv[3:]
weights = run(make, proto, '0', '-')
with open('caffe_ssd.caffemodel', 'wb') as f:
    f.write(weights)
# small numbers, so that random weights do not saturate the scores
run('det-model', 'import', 'caffe', proto, 'caffe_ssd.caffemodel', '--scale', '1/255', '--mean',
    '.5', '-o', 'caffe_ssd.det')
images = run('det-image', '-m', 'caffe_ssd.det', *photos)
data = images
for tool in ('det-backbone', 'det-anchors', 'det-head'):
    data = run(tool, '-m', 'caffe_ssd.det', data=data)
data = run('det-nms', '-m', 'caffe_ssd.det', '--map', 'none', '--clip', 'none', data=data)
ours = [r.boxes for r in det_stream.Reader(io.BytesIO(data)) if r.kind == 'BOXS']
# Caffe takes sizes as whole numbers, OpenCV as they are
text = open(proto).read().replace('min_size: 6.5', 'min_size: 6')
net = cv2.dnn.readNetFromCaffe(text.encode(), weights)
total = 0
for i, x in enumerate(r.array for r in det_stream.Reader(io.BytesIO(images)) if r.name == 'image'):
    net.setInput(np.ascontiguousarray(x))
    want = net.forward('detection_out').reshape(-1, 7).astype(float)
    want[:, 3:] *= np.array(x.shape)[[3, 2, 3, 2]]
    got = ours[i]
    got = np.stack([got['label'] + 1, got['score'], got['x1'], got['y1'], got['x2'], got['y2']], 1)
    assert len(got) == len(want), (photos[i], len(got), len(want))
    left = list(range(len(got)))
    for w in want[:, 1:]:
        hit = [k for k in left if got[k, 0] == w[0] and abs(got[k, 1] - w[1]) < 1e-5 and
               np.abs(got[k, 2:] - w[2:]).max() < 1e-3]
        near = sorted((np.abs(got[k, 1:] - w[1:]).max(), list(got[k])) for k in range(len(got)))[:3]
        assert hit, (photos[i], w, near)
        left.remove(hit[0])
    total += len(want)
os.remove('caffe_ssd.caffemodel')
os.remove('caffe_ssd.det')
print('%d photos, %d boxes: the same' % (len(photos), total))
