# SPDX-License-Identifier: MIT
# image_peer.py BENCH WxH FILE...: OpenCV's imread and resize of the same pictures on one
# thread, in turn with ours (BENCH, the program image). Prints ms a picture and the ratios.
import subprocess
import sys
import time

import cv2
import numpy

cv2.setNumThreads(1)
bench, size, files = sys.argv[1], sys.argv[2], sys.argv[3:]
w, h = (int(v) for v in size.split("x"))
ROUNDS = 7


def theirs(floats):
    """ms a picture: decoding, and decoding and all after it"""
    t = time.perf_counter()
    decode = 0.0
    for f in files:
        a = time.perf_counter()
        im = cv2.imread(f)
        decode += time.perf_counter() - a
        im = cv2.resize(im, (w, h), interpolation=cv2.INTER_LINEAR)
        if floats:  # what a network takes: planes of floats, 0 to 1, red first
            cv2.dnn.blobFromImage(im, 1 / 255, swapRB=True)
    return decode * 1e3 / len(files), (time.perf_counter() - t) * 1e3 / len(files)


def ours():
    out = subprocess.run([bench, "-s", size] + files, capture_output=True, text=True, check=True).stdout
    return {k: float(v) for k, v in (l.split("\t")[:2] for l in out.splitlines())}


rows = []
theirs(True)
for _ in range(ROUNDS):
    o = ours()
    d, r = theirs(False)
    _, b = theirs(True)
    rows.append((o["decode"], d, o["bytes"], r, o["tensor"], b))
m = numpy.median(numpy.array(rows), axis=0)
print("# ms a picture, medians of %d rounds\tdet\tOpenCV %s\tratio" % (ROUNDS, cv2.__version__))
for k, name in enumerate(("decode", "decode, resize to %s" % size, "and to a tensor of floats")):
    print("%s\t%.3f\t%.3f\t%.2f" % (name, m[2 * k], m[2 * k + 1], m[2 * k] / m[2 * k + 1]))
