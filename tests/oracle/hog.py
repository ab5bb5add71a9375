#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Compares det-roipool --op hog with OpenCV's HOGDescriptor (Debian's python3-opencv, 4.6.0) on
photographs, windows at their own size, at the places of a grid.

    DET_BIN=bin tests/oracle/hog.py photo.jpg ...

Both follow Dalal and Triggs; three conventions differ. OpenCV's blocks come column by column,
here row by row: reordered. Its sigma is a quarter of a block's side by default: given as half.
And its Gaussian stands half a pixel off the block's middle, on pixel 8 of 0 to 15: so the same
features are computed in numpy besides, in double precision, with the Gaussian at either place;
the one agrees with OpenCV, the other with ours.
"""
import os
import subprocess
import sys
import tempfile

import cv2
import numpy as np

BIN = os.environ.get("DET_BIN", "bin")
W, H, CELL, BINS = 64, 64, 8, 9


def ours(path, boxes):
    with tempfile.TemporaryDirectory() as d:
        det, npy = os.path.join(d, "a.det"), os.path.join(d, "a.npy")
        text = subprocess.run(f"{BIN}/det-image --fit none --scale 1 '{path}' -o {det}.im && "
                              f"{BIN}/det-show --data {det}.im | sed -n 2p", shell=True, check=True,
                              capture_output=True, text=True).stdout
        lines = "".join(f"  {x} {y} {x + W} {y + H} 1 -1\n" for x, y in boxes)
        # the item with a list of boxes in front of its picture
        subprocess.run([f"{BIN}/det-show", "--build", "-", "-o", det], text=True, check=True,
                       input=f"STRM\n{text}BOXS name=proposals space=input\n{lines}END.\n")
        with open(npy, "wb") as f:
            subprocess.run(f"{BIN}/det-image --fit none --scale 1 <{det} | {BIN}/det-roipool --op hog |"
                           f" {BIN}/det-show --npy rois", shell=True, check=True, stdout=f)
        return np.load(npy).reshape(len(boxes), -1)


def opencv(im, boxes):
    hog = cv2.HOGDescriptor((W, H), (2 * CELL, 2 * CELL), (CELL, CELL), (CELL, CELL), BINS, 1,
                            float(CELL), cv2.HOGDESCRIPTOR_L2HYS, .2, False)
    v = hog.compute(im, locations=[(int(x), int(y)) for x, y in boxes], padding=(0, 0))
    v = v.reshape(len(boxes), W // CELL - 1, H // CELL - 1, 2, 2, BINS)
    return v.transpose(0, 2, 1, 4, 3, 5).reshape(len(boxes), -1)


def votes(im):
    """(H, W, BINS) of a whole picture."""
    f = np.pad(im.astype(float), ((1, 1), (1, 1), (0, 0)), mode="reflect")
    dx, dy = f[1:-1, 2:] - f[1:-1, :-2], f[2:, 1:-1] - f[:-2, 1:-1]
    k = (dx ** 2 + dy ** 2).argmax(2)[..., None]
    dx, dy = np.take_along_axis(dx, k, 2)[..., 0], np.take_along_axis(dy, k, 2)[..., 0]
    at = np.mod(np.arctan2(dy, dx) * BINS / np.pi - .5, BINS)
    far = np.abs(at[..., None] - np.arange(BINS))
    far = np.minimum(far, BINS - far)
    return np.hypot(dx, dy)[..., None] * np.maximum(0, 1 - far)


def numpy_hog(v, boxes, middle):
    p = np.arange(2 * CELL)
    hat = np.stack([np.maximum(0, 1 - np.abs((p + .5) / CELL - .5 - c)) for c in (0, 1)])
    hat = hat * np.exp(-((p - middle) / CELL) ** 2 / 2)
    out = []
    for x0, y0 in boxes:
        for y in range(y0, y0 + H - CELL, CELL):
            for x in range(x0, x0 + W - CELL, CELL):
                b = np.einsum("yxb,iy,jx->ijb", v[y:y + 2 * CELL, x:x + 2 * CELL], hat, hat).ravel()
                b = np.minimum(b / (np.linalg.norm(b) + 3.6), .2)
                out.append(b / (np.linalg.norm(b) + 1e-3))
    return np.array(out).reshape(len(boxes), -1)


worst = [0, 0, 0]
low = 1
for path in sys.argv[1:]:
    im = cv2.imread(path)
    h, w = im.shape[:2]
    boxes = [(x, y) for y in range(8, h - H - 8, 61) for x in range(8, w - W - 8, 67)]
    mine = ours(path, boxes)
    # det-image decodes as OpenCV's libjpeg may not, by a grey level or two: take its pixels
    with tempfile.NamedTemporaryFile(suffix=".npy") as f:
        subprocess.run(f"{BIN}/det-image --fit none --scale 1 --channels bgr '{path}' |"
                       f" {BIN}/det-show --npy image", shell=True, check=True, stdout=f)
        im = np.load(f.name)[0].transpose(1, 2, 0).astype(np.uint8).copy()
    cv, v = opencv(im, boxes), votes(im[..., ::-1])
    low = min(low, *(np.corrcoef(a, b)[0, 1] for a, b in zip(mine, cv)))
    for i, (a, b) in enumerate(((mine, numpy_hog(v, boxes, CELL - .5)),
                                (cv, numpy_hog(votes(im), boxes, CELL)), (mine, cv))):
        worst[i] = max(worst[i], np.abs(a - b).max())
print(f"OpenCV {cv2.__version__}: {len(sys.argv) - 1} photographs")
print(f"ours against numpy, the Gaussian in the middle   largest difference {worst[0]:.2g}")
print(f"OpenCV against numpy, the Gaussian at pixel 8    largest difference {worst[1]:.2g}")
print(f"ours against OpenCV  largest difference {worst[2]:.2g}, least correlation of a window {low:.5f}")
