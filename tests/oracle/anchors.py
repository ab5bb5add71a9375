#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Golden anchors for tests/unit/test_anchors.c, on standard output.

torchvision's own generators make those of tv, retinanet and ssd300 (its version is written
into the output); for the other programs, numpy statements of what their sources compute,
in the types that they compute it in, written apart from the library's.

    python3 tests/oracle/anchors.py >tests/unit/anchors_golden.h
"""
import math
import zlib

import numpy as np
import torch
import torchvision
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.models.detection.image_list import ImageList

f32 = np.float32
print("/* Made by tests/oracle/anchors.py with torchvision %s, numpy %s. */" %
      (torchvision.__version__, np.__version__))


def case(name, w, h, maps, boxes, exact):
    boxes = np.ascontiguousarray(np.asarray(boxes, dtype=f32).reshape(-1, 4))
    n = len(boxes)
    at = sorted(set([0, 1, 2, n // 3, n // 2, 2 * n // 3, n - 2, n - 1]))
    print('{ "%s", %d, %d, %d, { %s }, %d, %d, 0x%08xu, %r,' %
          (name, w, h, len(maps), ", ".join("{ %d, %d }" % m for m in maps), n, exact,
           zlib.crc32(boxes.tobytes()), float(np.abs(boxes.astype(np.float64)).sum())))
    print("\t{ %s } }," % ", ".join(
        "{ %d, { %s } }" % (i, ", ".join(float(v).hex() for v in boxes[i])) for i in at))


def tv(gen, w, h, maps):
    features = [torch.zeros(1, 1, mh, mw) for mh, mw in maps]
    return gen(ImageList(torch.zeros(1, 3, h, w), [(h, w)]), features)[0].numpy()


def pyramid(w, h, first, n):
    out = []
    for k in range(first, first + n):
        out.append((-(-h // 2**k), -(-w // 2**k)))
    return out


ratios = (0.5, 1.0, 2.0)
fpn = AnchorGenerator(((32,), (64,), (128,), (256,), (512,)), (ratios,) * 5)
retina = AnchorGenerator(tuple((x, int(x * 2**(1. / 3)), int(x * 2**(2. / 3)))
                               for x in (32, 64, 128, 256, 512)), (ratios,) * 5)
ssd = DefaultBoxGenerator([[2], [2, 3], [2, 3], [2, 3], [2], [2]],
                          scales=[.07, .15, .33, .51, .69, .87, 1.05],
                          steps=[8, 16, 32, 64, 100, 300])
for w, h in ((1088, 800), (800, 800), (1216, 800)):
    case("tv", w, h, pyramid(w, h, 2, 5), tv(fpn, w, h, pyramid(w, h, 2, 5)), 1)
for w, h in ((640, 640), (800, 800), (1088, 800)):
    case("retinanet", w, h, pyramid(w, h, 3, 5), tv(retina, w, h, pyramid(w, h, 3, 5)), 1)
maps300 = [(38, 38), (19, 19), (10, 10), (5, 5), (3, 3), (1, 1)]
case("ssd300", 300, 300, maps300, tv(ssd, 300, 300, maps300), 1)


# py-faster-rcnn: the windows around a 16 x 16 pixel base, sides counted with their last pixel
def caffe_cell():
    out = []
    for r in ratios:
        ws = np.round(np.sqrt(256 / r))
        hs = np.round(ws * r)
        for s in (8, 16, 32):
            out.append([7.5 - .5 * (ws * s - 1), 7.5 - .5 * (hs * s - 1),
                        7.5 + .5 * (ws * s - 1), 7.5 + .5 * (hs * s - 1)])
    return np.array(out)


def grid(cell, mh, mw, stride, offset=0.):
    y, x = np.meshgrid((np.arange(mh) + offset) * stride, (np.arange(mw) + offset) * stride,
                       indexing="ij")
    shift = np.stack([x, y, x, y], -1).reshape(-1, 1, 4)
    return (shift + cell[None]).reshape(-1, 4)


case("caffe", 1000, 600, [(38, 63)], grid(caffe_cell(), 38, 63, 16), 1)


def plain_cell(sizes, by_size):
    out = [[-math.sqrt(s * s / r) / 2, -math.sqrt(s * s / r) * r / 2,
            math.sqrt(s * s / r) / 2, math.sqrt(s * s / r) * r / 2]
           for a in (sizes if by_size else ratios) for b in (ratios if by_size else sizes)
           for s, r in [(a, b) if by_size else (b, a)]]
    return np.array(out)


# the overview: 16 x scale x sqrt(ratio) high around the middle of each cell
def overview_cell():
    return np.array([[-8 * s * math.sqrt(1 / r), -8 * s * math.sqrt(r),
                      8 * s * math.sqrt(1 / r), 8 * s * math.sqrt(r)]
                     for r in ratios for s in (8, 16, 32)])


case("overview", 800, 800, [(50, 50)], grid(overview_cell(), 50, 50, 16, .5), 0)


# Detectron2 adds float32 shifts to a float32 table
def d2(levels, first, w, h):
    maps = pyramid(w, h, first, len(levels))
    return maps, np.concatenate([
        (grid(np.zeros((1, 4), f32), mh, mw, f32(2**(first + i))).astype(f32)[:, None] +
         plain_cell(s, 1).astype(f32)[None]).reshape(-1, 4)
        for i, (s, (mh, mw)) in enumerate(zip(levels, maps))])


octaves = [[s * 2**(k / 3.) for k in range(3)] for s in (32, 64, 128, 256, 512)]
maps, boxes = d2([[s] for s in (32, 64, 128, 256, 512)], 2, 1088, 800)
case("d2", 1088, 800, maps, boxes, 1)
maps, boxes = d2(octaves, 3, 640, 640)
case("retinanet-d2", 640, 640, maps, boxes, 1)
maps = pyramid(1067, 800, 3, 5)
case("retinanet-kr", 1067, 800, maps, np.concatenate([
    grid(plain_cell(s, 0), mh, mw, 2**(3 + i), .5)
    for i, (s, (mh, mw)) in enumerate(zip(octaves, maps))]), 0)


# SSD's Caffe divides corners by the input's size; here they are multiplied by it again
def prior(mh, mw, size, step, lo, hi, rs):
    lo, hi = int(lo), int(hi)
    shapes = [(f32(lo), f32(lo)), (f32(math.sqrt(lo * hi)),) * 2]
    for r in rs:
        for q in (f32(r), f32(1. / r)):
            shapes.append((f32(lo) * np.sqrt(q), f32(lo) / np.sqrt(q)))
    out = []
    for y in range(mh):
        for x in range(mw):
            cx, cy = f32((x + .5) * step), f32((y + .5) * step)
            for w, h in shapes:
                out.append([f32((float(v) + d / 2) / size) * size for v, d in (
                    (cx, -float(w)), (cy, -float(h)), (cx, float(w)), (cy, float(h)))])
    return out


def ssd_caffe(name, size, maps, steps, lo, hi, rs):
    case(name, size, size, [(m, m) for m in maps],
         sum((prior(m, m, size, *a) for m, *a in zip(maps, steps, lo, hi, rs)), []), 0)


r6 = [[2], [2, 3], [2, 3], [2, 3], [2], [2]]
s6 = (8, 16, 32, 64, 100, 300)
m6 = (38, 19, 10, 5, 3, 1)
ssd_caffe("ssd300-caffe", 300, m6, s6, (30, 60, 111, 162, 213, 264),
          (60, 111, 162, 213, 264, 315), r6)
ssd_caffe("ssd300-coco", 300, m6, s6, (21, 45, 99, 153, 207, 261),
          (45, 99, 153, 207, 261, 315), r6)
v = [.07, .15, .3, .45, .6, .75, .9, 1.05]
ssd_caffe("ssd512-caffe", 512, (64, 32, 16, 8, 4, 2, 1), (8, 16, 32, 64, 128, 256, 512),
          [x * 512 for x in v[:7]], [x * 512 for x in v[1:]],
          [[2], [2, 3], [2, 3], [2, 3], [2, 3], [2], [2]])

# UltraFace: centre and size, fractions of the input, cut to 0 .. 1
out = []
for step, mw, mh, sides in ((8, 40, 30, (10, 16, 24)), (16, 20, 15, (32, 48)),
                            (32, 10, 8, (64, 96)), (64, 5, 4, (128, 192, 256))):
    for j in range(mh):
        for i in range(mw):
            for s in sides:
                c = np.clip(np.array([(i + .5) * step / 320, (j + .5) * step / 240,
                                      s / 320, s / 240], f32), 0, 1)
                out.append(np.concatenate([c[:2] - c[2:] / 2, c[:2] + c[2:] / 2]) *
                           np.array([320, 240, 320, 240], f32))
case("ultraface", 320, 240, [(30, 40), (15, 20), (8, 10), (4, 5)], out, 0)

# YOLO: middle of the cell; v2 in cells, v3 in pixels
y2 = [.57273, .677385, 1.87446, 2.06253, 3.33843, 5.47434, 7.88282, 3.52778, 9.77052, 9.16828]
y3 = [[116, 90, 156, 198, 373, 326], [30, 61, 62, 45, 59, 119], [10, 13, 16, 30, 33, 23]]


def pairs(a, unit):
    a = np.array(a, f32).astype(float).reshape(-1, 2) * unit
    return np.concatenate([-a / 2, a / 2], 1)


case("yolov2", 416, 416, [(13, 13)], grid(pairs(y2, 32), 13, 13, 32, .5), 1)
case("yolov3", 416, 416, [(13, 13), (26, 26), (52, 52)],
     np.concatenate([grid(pairs(a, 1), m, m, 416 // m, .5)
                     for a, m in zip(y3, (13, 26, 52))]), 1)
