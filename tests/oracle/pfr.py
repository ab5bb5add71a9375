#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Stage by stage, det's tools against py-faster-rcnn's test path on photos.

    DET_BIN=bin tests/oracle/pfr.py ARCH PHOTO...

ARCH is fasterrcnn_zf or fasterrcnn_vgg16. Its seeded weights are taken from the model file;
the rest is the path of py-faster-rcnn at 781a917b (lib/fast_rcnn/test.py, lib/utils/blob.py,
lib/rpn/proposal_layer.py and generate_anchors.py, lib/nms/cpu_nms.pyx) told again in numpy,
layers in torch, resizing by OpenCV. Each side starts from the picture, nothing is handed over.
Differences are printed and held against bounds as in tv_compare.py.

Deviations of the seeds are such that scores spread; sorts are stable, where py-faster-rcnn's
order of equal scores is that of a quicksort.

Needs python3-torch, python3-opencv (4.6.0), python3-numpy, python3-torchvision.
"""
import os
import subprocess
import sys
import tempfile

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torchvision.ops import roi_pool

from tv_compare import BIN, Tally, boxes, iou, records, tensors, tool, triple

MEANS = np.array([102.9801, 115.9465, 122.7717])
SIZES = [(375, 500), (333, 500), (281, 500), (500, 334)]
SET = ["rpn_std=.02", "cls_std=.1", "box_std=.003"]


# --- the nets ---------------------------------------------------------------------------
class Net:
    def __init__(self, weights):
        self.w = weights

    def conv(self, x, name, stride=1, pad=0):
        return F.conv2d(x, self.w[name + ".weight"], self.w[name + ".bias"], stride, pad)

    def fc(self, x, name):
        return F.linear(x, self.w[name + ".weight"], self.w[name + ".bias"])

    def rpn(self, x):
        x = self.conv(x, "rpn/rpn_conv.3x3", 1, 1).relu()
        return self.conv(x, "rpn/rpn_cls_score"), self.conv(x, "rpn/rpn_bbox_pred")

    def head(self, x):
        for name in ("head/fc6", "head/fc7"):
            # Dropout with scale_train: false halves at test time
            x = self.fc(x.flatten(1), name).relu() * self.keep
        return self.fc(x, "head/cls_score"), self.fc(x, "head/bbox_pred")


def lrn_within(x):
    """Caffe's WITHIN_CHANNEL of 3: the mean of squares over 3x3 with zeros around."""
    return x * (1 + 5e-5 * F.avg_pool2d(x * x, 3, 1, 1)) ** -.75


class Zf(Net):
    keep, roi, map = .5, 6, "conv5"

    def backbone(self, x):
        x = lrn_within(self.conv(x, "backbone/conv1", 2, 3).relu())
        x = F.max_pool2d(x, 3, 2, 1, ceil_mode=True)
        x = lrn_within(self.conv(x, "backbone/conv2", 2, 2).relu())
        x = F.max_pool2d(x, 3, 2, 1, ceil_mode=True)
        for i in (3, 4, 5):
            x = self.conv(x, f"backbone/conv{i}", 1, 1).relu()
        return x


class Vgg16(Net):
    keep, roi, map = 1, 7, "conv5_3"

    def backbone(self, x):
        for block, layers in enumerate((2, 2, 3, 3, 3), 1):
            if block > 1:
                x = F.max_pool2d(x, 2, 2, ceil_mode=True)
            for i in range(1, layers + 1):
                x = self.conv(x, f"backbone/conv{block}_{i}", 1, 1).relu()
        return x


# --- blob.py ----------------------------------------------------------------------------
def blob_of(bgr):
    im = bgr.astype(np.float32)
    im -= MEANS
    short, long = min(im.shape[:2]), max(im.shape[:2])
    scale = 600 / float(short)
    if np.round(scale * long) > 1000:
        scale = 1000 / float(long)
    im = cv2.resize(im, None, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    return im.transpose(2, 0, 1)[None], scale


# --- boxes ------------------------------------------------------------------------------
def moved(b, deltas):
    """Each row's box by its deltas of every class; the last pixel counts, nothing is limited."""
    b = b.astype(deltas.dtype)
    size = b[:, 2:] - b[:, :2] + 1
    middle = b[:, :2] + .5 * size
    d = deltas.reshape(len(b), -1, 4)
    c = d[..., :2] * size[:, None] + middle[:, None]
    s = np.exp(d[..., 2:]) * size[:, None]
    return np.concatenate([c - .5 * s, c + .5 * s], 2)


def clipped(b, h, w):
    top = np.array([w - 1, h - 1, w - 1, h - 1], b.dtype)
    return np.clip(b, 0, top)


def nms(b, score, limit, most=None):
    """cpu_nms.pyx in single precision: at the limit exactly a box goes."""
    b = b.astype(np.float32)
    area = (b[:, 2] - b[:, 0] + 1) * (b[:, 3] - b[:, 1] + 1)
    order = np.argsort(-score, kind="stable")
    keep = []
    while len(order) and len(keep) != most:
        i, order = order[0], order[1:]
        keep.append(i)
        lt = np.maximum(b[i, :2], b[order, :2])
        rb = np.minimum(b[i, 2:], b[order, 2:])
        wh = np.maximum(0, rb - lt + 1)
        inter = wh[:, 0] * wh[:, 1]
        order = order[inter / (area[i] + area[order] - inter) < np.float32(limit)]
    return np.array(keep, int)


def anchors(h, w):
    """Nine shapes around 7.5, at steps of 16; rows, columns, shapes."""
    shapes = []
    for ratio in (.5, 1, 2):
        ws = np.round(np.sqrt(256 / ratio))
        hs = np.round(ws * ratio)
        for k in (8, 16, 32):
            shapes.append([7.5 - (ws * k - 1) / 2, 7.5 - (hs * k - 1) / 2,
                           7.5 + (ws * k - 1) / 2, 7.5 + (hs * k - 1) / 2])
    y, x = np.mgrid[:h, :w] * 16
    shift = np.stack([x, y, x, y], 2)
    return (shift[:, :, None] + np.array(shapes)).reshape(-1, 4)


def proposals(cls, box, size, scale):
    _, c, h, w = cls.shape
    pairs = cls.reshape(2, c // 2, h, w)
    e = np.exp(pairs - pairs.max(0))
    score = (e / e.sum(0))[1].transpose(1, 2, 0).reshape(-1)
    b = moved(anchors(h, w), box[0].transpose(1, 2, 0).reshape(-1, 4))[:, 0]
    b = clipped(b, *size)
    large = ((b[:, 2:] - b[:, :2] + 1) >= 16 * scale).all(1)
    b, score = b[large], score[large]
    order = np.argsort(-score, kind="stable")[:6000]
    b, score = b[order], score[order]
    keep = nms(b, score, .7, 300)
    return b[keep], score[keep]


def detections(rois, cls, box, shape, scale):
    b = clipped(moved(rois / scale, box), *shape[:2])
    e = np.exp(cls - cls.max(1, keepdims=True))
    prob = e / e.sum(1, keepdims=True)
    out = []
    for k in range(1, prob.shape[1]):
        at = np.flatnonzero(prob[:, k] > .05)
        at = at[nms(b[at, k], prob[at, k], .3)]
        out += [(*b[i, k], prob[i, k], k - 1) for i in at]
    out = np.array(out).reshape(-1, 6)
    if len(out) > 100:
        out = out[out[:, 4] >= np.sort(out[:, 4])[-100]]
    return out[:, :4], out[:, 4], out[:, 5].astype(int)


# --- both sides -------------------------------------------------------------------------
def compare(net, m, tally, png, bgr):
    x, scale = blob_of(bgr)
    with torch.no_grad():
        feature = net.backbone(torch.from_numpy(x))
        cls, box = net.rpn(feature)
        rois, _ = proposals(cls.numpy(), box.numpy(), x.shape[2:], scale)
        rows = roi_pool(feature, [torch.from_numpy(rois.astype(np.float32))], net.roi, 1 / 16)
        head_cls, head_box = (v.numpy() for v in net.head(rows))
    want = detections(rois, head_cls, head_box, bgr.shape, scale)

    image = tool("det-image", "-m", m, png)
    feats = tool("det-backbone", "-m", m, stdin=image)
    tally.tensor("input", tensors(image)["image"], x, 123)
    tally.tensor("features", tensors(feats)[net.map], feature.numpy())
    r = tensors(tool("det-backbone", "-m", m, "--net", "rpn", stdin=feats))
    tally.tensor("rpn cls", r["rpn/cls"], cls.numpy())
    tally.tensor("rpn box", r["rpn/box"], box.numpy())
    p = tool("det-propose", "-m", m, stdin=feats)
    ours = triple(boxes(p, "proposals"))[0]
    nothing = [np.zeros(len(v)) for v in (ours, rois)]
    tally.boxes("proposals", (ours, nothing[0], nothing[0]), (rois, nothing[1], nothing[1]))
    pooled = tool("det-roipool", "-m", m, stdin=p)
    h = tensors(tool("det-backbone", "-m", m, "--net", "head", "--keep", stdin=pooled))
    near, hit = iou(ours, rois).argmax(1), iou(ours, rois).max(1) > .9999
    tally.tensor("rois", h["rois"][hit], rows.numpy()[near][hit])
    tally.tensor("head cls", h["cls"].reshape(len(ours), -1)[hit], head_cls[near][hit])
    tally.tensor("head box", h["box"].reshape(len(ours), -1)[hit], head_box[near][hit])
    got = triple(boxes(tool("det-nms", "-m", m, stdin=tool("det-head", "-m", m, stdin=pooled)),
                       "boxes"))
    tally.boxes("boxes", got, want)
    print(f"{os.path.basename(png)}: {x.shape[2]}x{x.shape[3]}, {len(rois)} proposals,"
          f" {len(want[0])} boxes, objectness {cls.numpy().std():.2g}, scores up to"
          f" {want[1].max():.3f} of classes {sorted(set(want[2]))}", flush=True)


def main():
    arch, photos = sys.argv[1], sys.argv[2:]
    tally = Tally()
    with tempfile.TemporaryDirectory() as d:
        m = f"{d}/m.det"
        subprocess.run([f"{BIN}/det-model", "new", "--arch", arch, "--seed", "1",
                        *(a for s in SET for a in ("--set", s)), "-o", m], check=True)
        with open(m, "rb") as f:
            weights = {r.name: torch.from_numpy(np.array(r.array))
                       for r in records(f.read()) if r.kind == "TENS"}
        net = (Zf if arch == "fasterrcnn_zf" else Vgg16)(weights)
        for i, photo in enumerate(photos):
            h, w = SIZES[i % len(SIZES)]
            png = f"{d}/{os.path.basename(photo)}.{h}x{w}.png"
            bgr = cv2.resize(cv2.imread(photo), (w, h), interpolation=cv2.INTER_AREA)
            cv2.imwrite(png, bgr)
            compare(net, m, tally, png, bgr)
    return 1 if tally.report() else 0


if __name__ == "__main__":
    sys.exit(main())
