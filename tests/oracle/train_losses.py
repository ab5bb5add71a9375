#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Losses and targets of SSD and RetinaNet, for tests/unit/golden/losses.txt.

Profile tv is torchvision 0.14.1's own classes on torch's autograd: Matcher, SSDMatcher,
RetinaNetHead.compute_loss, SSD.compute_loss, AnchorGenerator, DefaultBoxGenerator. The other
profiles are the formulas of their programs in numpy and torch, in double, written anew:
Detectron2's and keras-retinanet's RetinaNet, Caffe's SSD.

    /usr/bin/python3 tests/oracle/train_losses.py > tests/unit/golden/losses.txt

A case is

    case NAME
    line KEYS                   of the objective
    keys KEYS                   of each line of the decode text
    profile ANCHORS             whose anchors (det_anchors_profile)
    input H W
    map C H W SEED SCALE        of each map, in the order of the decode text: fill() * SCALE
    image X1 Y1 X2 Y2           where the picture of the next image lies
    box X1 Y1 X2 Y2 LABEL FLAGS of that image
    term NAME VALUE             of the first run; `again`: of a second, equal one
    grad MAP NORM DOT DOT DOT   gradient of that map: its norm, and its products with fill()
                                of the seeds 1, 2, 3, shaped like the map
"""
import random
from types import SimpleNamespace

import numpy as np
import torch
import torch.nn.functional as F
from torchvision.models.detection import _utils, anchor_utils, ssd
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.retinanet import RetinaNetHead
from torchvision.ops import box_iou

from ops import fill


class Setup:
    """Maps and anchors; logits (N, anchors, planes) and deltas (N, anchors, 4) of them."""

    def __init__(self, profile, size, levels, planes, n, anchors, scale, seed):
        self.profile, self.size, self.n, self.anchors = profile, size, n, anchors
        self.maps, self.specs, cls, box = [], [], [], []
        for i, (a, h, w) in enumerate(levels):
            for k, channels in enumerate((a * planes, a * 4)):
                s = (seed * 100 + 2 * i + k, scale if k == 0 else 1.5)
                m = torch.from_numpy(fill((n, channels, h, w), s[0])) * np.float32(s[1])
                m.requires_grad_(True)
                self.maps.append(m)
                self.specs.append((channels, h, w) + s)
                v = m.view(n, a, -1, h, w).permute(0, 3, 4, 1, 2)
                (box if k else cls).append(v.reshape(n, h * w * a, -1))
        self.cls, self.box = torch.cat(cls, 1), torch.cat(box, 1)


def retinanet_setup(planes, n, seed, scale=4):
    sizes = tuple((x, int(x * 2 ** (1 / 3)), int(x * 2 ** (2 / 3))) for x in (32, 64, 128, 256, 512))
    g = anchor_utils.AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * 5)
    shapes = [(16, 20), (8, 10), (4, 5), (2, 3), (1, 2)]
    images = ImageList(torch.zeros(n, 3, 128, 160), [(128, 160)] * n)
    anchors = g(images, [torch.zeros(n, 1, h, w) for h, w in shapes])[0]
    return Setup("retinanet", (128, 160), [(9, h, w) for h, w in shapes], planes, n, anchors,
                 scale, seed)


def kr_setup(planes, n, seed):
    """keras-retinanet's anchors: not rounded, in the middle of cells."""
    boxes, levels = [], []
    for p in range(3, 8):
        stride = 2**p
        h, w = -(-128 // stride), -(-160 // stride)
        cell = []
        for ratio in (0.5, 1, 2):
            for octave in (2**0, 2 ** (1 / 3), 2 ** (2 / 3)):
                area = (4 * stride * octave) ** 2
                aw = np.sqrt(area / ratio)
                cell.append((-aw / 2, -aw * ratio / 2, aw / 2, aw * ratio / 2))
        y, x = np.mgrid[:h, :w]
        centre = np.stack([x, y, x, y], -1).reshape(-1, 1, 4) * stride + stride / 2
        boxes.append((centre + np.array(cell)).reshape(-1, 4))
        levels.append((9, h, w))
    anchors = torch.from_numpy(np.concatenate(boxes).astype(np.float32))
    return Setup("retinanet-kr", (128, 160), levels, planes, n, anchors, 4, seed)


def ssd_setup(planes, n, seed, caffe):
    shapes = [38, 19, 10, 5, 3, 1]
    a = [4, 6, 6, 6, 4, 4]
    if caffe:
        # the same places; sizes are Caffe's
        cell = [(30, 60), (60, 111), (111, 162), (162, 213), (213, 264), (264, 315)]
        steps, boxes = [8, 16, 32, 64, 100, 300], []
        for (small, large), s, step, k in zip(cell, shapes, steps, a):
            wh = [(small, small), (np.sqrt(small * large),) * 2]
            for r in [2] if k == 4 else [2, 3]:
                wh += [(small * np.sqrt(r), small / np.sqrt(r)),
                       (small / np.sqrt(r), small * np.sqrt(r))]
            for y in range(s):
                for x in range(s):
                    for w, h in wh:
                        cx, cy = (x + 0.5) * step, (y + 0.5) * step
                        boxes.append((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2))
        anchors = torch.tensor(boxes, dtype=torch.float32)
    else:
        g = anchor_utils.DefaultBoxGenerator(
            [[2], [2, 3], [2, 3], [2, 3], [2], [2]],
            scales=[0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05], steps=[8, 16, 32, 64, 100, 300])
        images = ImageList(torch.zeros(n, 3, 300, 300), [(300, 300)] * n)
        anchors = g(images, [torch.zeros(n, 1, s, s) for s in shapes])[0]
    levels = [(k, s, s) for k, s in zip(a, shapes)]
    return Setup("ssd300-caffe" if caffe else "ssd300", (300, 300), levels, planes, n, anchors,
                 3, seed)


def truth(seed, counts, size, classes):
    """Lists of (x1, y1, x2, y2, label, flags); quarters of pixels, so that floats are exact."""
    r = random.Random(seed)
    images = []
    for n in counts:
        boxes = []
        for _ in range(n):
            w, h = (r.uniform(0.05, 0.8) * s for s in reversed(size))
            x, y = r.uniform(0, size[1] - w), r.uniform(0, size[0] - h)
            b = [round(4 * v) / 4 for v in (x, y, x + max(w, 1), y + max(h, 1))]
            boxes.append(tuple(b) + (r.randrange(classes), 0))
        images.append(boxes)
    return images


def targets_of(images, first):
    return [{"boxes": torch.tensor([b[:4] for b in i], dtype=torch.float32).reshape(-1, 4),
             "labels": torch.tensor([b[4] + first for b in i], dtype=torch.int64)}
            for i in images]


def matched_by(matcher, targets, anchors):
    out = []
    for t in targets:
        if len(t["boxes"]):
            out.append(matcher(box_iou(t["boxes"], anchors)))
        else:
            out.append(torch.full((len(anchors),), -1, dtype=torch.int64))
    return out


# --- torchvision --------------------------------------------------------------------------


def tv_retinanet(s, images, giou=False):
    targets = targets_of(images, 0)
    matched = matched_by(_utils.Matcher(0.5, 0.4, allow_low_quality_matches=True), targets,
                         s.anchors)
    head = RetinaNetHead(8, 9, s.cls.shape[2])
    if giou:
        head.regression_head._loss_type = "giou"
    outputs = {"cls_logits": s.cls, "bbox_regression": s.box}
    loss = head.compute_loss(targets, outputs, [s.anchors] * s.n, matched)
    return {"cls": loss["classification"], "box": loss["bbox_regression"]}


def tv_ssd(s, images):
    targets = targets_of(images, 1)
    matched = matched_by(_utils.SSDMatcher(0.5), targets, s.anchors)
    me = SimpleNamespace(box_coder=_utils.BoxCoder((10.0, 10.0, 5.0, 5.0)), neg_to_pos_ratio=3.0)
    outputs = {"cls_logits": s.cls, "bbox_regression": s.box}
    loss = ssd.SSD.compute_loss(me, targets, outputs, [s.anchors] * s.n, matched)
    return {"cls": loss["classification"], "box": loss["bbox_regression"]}


# --- other programs' ------------------------------------------------------------------------


def focal(x, t, alpha, gamma, same=False):
    p = torch.sigmoid(x)
    right = torch.where(t > 0, p, 1 - p)
    a = torch.where((t > 0) | same, alpha, 1 - alpha)
    ce = F.binary_cross_entropy_with_logits(x, t, reduction="none")
    return a * (1 - right) ** gamma * ce


def smooth(d, beta):
    d = d.abs()
    return torch.where(d < beta, d * d / (2 * beta) if beta else d, d - beta / 2)


def encode(boxes, anchors, weights):
    return _utils.BoxCoder(weights).encode_single(boxes, anchors)


def overview_retinanet(s, images):
    """torchvision's but for the focal loss: one alpha for all; and a gamma of 1.5."""
    targets = targets_of(images, 0)
    matched = matched_by(_utils.Matcher(0.5, 0.4, True), targets, s.anchors)
    total = {"cls": 0, "box": tv_retinanet(s, images)["box"]}
    for t, m, x in zip(targets, matched, s.cls.double()):
        y = torch.zeros_like(x)
        y[m >= 0, t["labels"][m[m >= 0]]] = 1
        f = focal(x, y, 0.25, 1.5, True)[m != -2]
        total["cls"] = total["cls"] + f.sum() / max(1, int((m >= 0).sum())) / s.n
    return total


def d2_retinanet(s, images, runs):
    """By the moving average of positives; L1."""
    targets = targets_of(images, 0)
    matched = matched_by(_utils.Matcher(0.5, 0.4, True), targets, s.anchors)
    positives = sum(int((m >= 0).sum()) for m in matched)
    average = 100
    for _ in range(runs):
        average = 0.9 * average + 0.1 * max(positives, 1)
    total = {"cls": 0, "box": 0}
    for t, m, x, d in zip(targets, matched, s.cls.double(), s.box.double()):
        y = torch.zeros_like(x)
        y[m >= 0, t["labels"][m[m >= 0]]] = 1
        total["cls"] = total["cls"] + focal(x, y, 0.25, 2)[m != -2].sum() / average
        w = encode(t["boxes"][m[m >= 0]], s.anchors[m >= 0], (1.0, 1.0, 1.0, 1.0))
        total["box"] = total["box"] + (d[m >= 0] - w).abs().sum() / average
    return total


def kr_retinanet(s, images, extents):
    """No low-quality matches; .4 itself is nothing; centres outside are ignored; corner
    differences over anchor sides, over .2; smooth L1 with sigma 3."""
    a = s.anchors.numpy().astype(np.float64)
    total, positives = {"cls": 0, "box": 0}, 0
    for boxes, extent, x, d in zip(images, extents, s.cls.double(), s.box.double()):
        best = np.zeros(len(a))
        which = np.zeros(len(a), int)
        for k, b in enumerate(boxes):
            w = np.clip(np.minimum(a[:, 2], b[2]) - np.maximum(a[:, 0], b[0]), 0, None)
            h = np.clip(np.minimum(a[:, 3], b[3]) - np.maximum(a[:, 1], b[1]), 0, None)
            area = (a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1]) + (b[2] - b[0]) * (b[3] - b[1])
            v = w * h / (area - w * h)
            which[v > best] = k
            best = np.maximum(best, v)
        positive = best >= 0.5
        ignored = (best > 0.4) & ~positive
        cx, cy = (a[:, 0] + a[:, 2]) / 2, (a[:, 1] + a[:, 3]) / 2
        outside = (cx >= extent[2]) | (cy >= extent[3])
        positive &= ~outside
        ignored |= outside
        positives += positive.sum()
        y = torch.zeros_like(x)
        for i in np.nonzero(positive)[0]:
            y[i, boxes[which[i]][4]] = 1
            b = np.array(boxes[which[i]][:4])
            side = np.array([a[i, 2] - a[i, 0], a[i, 3] - a[i, 1]] * 2)
            w = torch.from_numpy((b - a[i]) / side / 0.2)
            total["box"] = total["box"] + smooth(d[i] - w, 1 / 9).sum()
        total["cls"] = total["cls"] + focal(x, y, 0.25, 2)[~torch.from_numpy(ignored)].sum()
    return {k: v / max(1, positives) for k, v in total.items()}


def caffe_ssd(s, images):
    """Bipartite matches, then thresholds; MAX_NEGATIVE; all over the number of matches."""
    total, matches = {"cls": 0, "box": 0}, 0
    for boxes, x, d in zip(images, s.cls.double(), s.box.double()):
        if not boxes:
            continue
        b = torch.tensor([k[:4] for k in boxes], dtype=torch.float32)
        iou = box_iou(b, s.anchors).numpy().astype(np.float64)
        match = np.full(iou.shape[1], -1)
        left = iou.copy()
        while left.max() > 1e-6:
            k, i = np.unravel_index(left.argmax(), left.shape)
            match[i] = k
            left[k], left[:, i] = 0, 0
        free = (match < 0) & (iou.max(0) >= 0.5)
        match[free] = iou.argmax(0)[free]
        on = torch.from_numpy(match >= 0)
        matches += int(on.sum())
        label = torch.zeros(len(match), dtype=torch.int64)
        label[on] = torch.tensor([boxes[k][4] + 1 for k in match[match >= 0]])
        ce = F.cross_entropy(x, label, reduction="none")
        hard = torch.where(on, torch.tensor(-1.0).double(), ce.detach())
        n = min(3 * int(on.sum()), int((~on).sum()))
        total["cls"] = total["cls"] + ce[on].sum() + ce[hard.topk(n).indices].sum()
        w = encode(b[match[match >= 0]], s.anchors[on], (10.0, 10.0, 5.0, 5.0))
        total["box"] = total["box"] + smooth(d[on] - w, 1).sum()
    return {k: v / matches for k, v in total.items()}


# --- cases ----------------------------------------------------------------------------------


def put(name, line, keys, s, images, loss, extents=None, again=None):
    print("case " + name)
    print("line " + line)
    print("keys " + keys)
    print("profile " + s.profile)
    print("input %d %d" % s.size)
    for spec in s.specs:
        print("map %d %d %d %d %g" % spec)
    for i, boxes in enumerate(images):
        extent = extents[i] if extents else (0, 0, s.size[1], s.size[0])
        print("image %g %g %g %g" % extent)
        for b in boxes:
            print("box %.8g %.8g %.8g %.8g %d %d" % b)
    for k, v in loss.items():
        print("term %s %.9g" % (k, float(v)))
    sum(loss.values()).backward()
    for i, m in enumerate(s.maps):
        g = m.grad.double().numpy()
        dots = [(g * fill(g.shape, k).astype(np.float64)).sum() for k in (1, 2, 3)]
        print("grad %d %.9g %.9g %.9g %.9g" % (i, np.sqrt((g * g).sum()), *dots))
    for k, v in (again or {}).items():
        print("again %s %.9g" % (k, float(v)))


def main():
    one = "score=sigmoid classes=4"
    size = (128, 160)
    counts = (3, 0, 7)

    images = truth(1, counts, size, 4)
    s = retinanet_setup(4, 3, 1)
    put("retinanet", "retinanet", one, s, images, tv_retinanet(s, images))
    # an object of 1 x 1 pixels, one twice, and the largest there can be
    odd = [[(50, 50, 51, 51, 0, 0)], [(8, 8, 72, 72, 1, 0), (8, 8, 72, 72, 2, 0)],
           [(0, 0, 160, 128, 3, 0), (0, 0, 160, 128, 3, 0), (20, 30, 52, 62, 0, 0)]]
    s = retinanet_setup(4, 3, 2)
    put("retinanet-odd", "retinanet profile=tv", one, s, odd, tv_retinanet(s, odd))
    s = retinanet_setup(4, 3, 3, 0.5)
    put("retinanet-giou", "retinanet box=giou", one, s, images, tv_retinanet(s, images, True))
    s = retinanet_setup(4, 3, 4)
    put("retinanet-overview", "retinanet focal=overview gamma=1.5", one, s, images,
        overview_retinanet(s, images))
    s = retinanet_setup(4, 3, 5)
    put("retinanet-d2", "retinanet profile=d2", one, s, images, d2_retinanet(s, images, 1),
        again=d2_retinanet(s, images, 2))
    s = kr_setup(4, 3, 6)
    # none is where a centre is
    extents = [(0, 0, 159, 128), (0, 0, 130, 128), (0, 0, 159, 90)]
    put("retinanet-kr", "retinanet profile=kr", one + " coder=corner weights=5,5,5,5", s, images,
        kr_retinanet(s, images, extents), extents)

    size = (300, 300)
    two = "score=softmax background=first weights=10,10,5,5 classes=5"
    images = truth(2, counts, size, 5)
    s = ssd_setup(6, 3, 7, False)
    put("ssd", "ssd", two, s, images, tv_ssd(s, images))
    odd = [[(50, 50, 53, 53, 0, 0)], [(8, 8, 72, 72, 1, 0), (8, 8, 72, 72, 2, 0)],
           [(0, 0, 300, 300, 3, 0), (20, 30, 52, 62, 0, 0), (22, 31, 52, 63, 4, 0)]]
    s = ssd_setup(6, 3, 8, False)
    put("ssd-odd", "ssd profile=tv", two, s, odd, tv_ssd(s, odd))
    s = ssd_setup(6, 3, 9, True)
    put("ssd-caffe", "ssd profile=ssd-caffe", two, s, images, caffe_ssd(s, images))
    # no object in the middle of cells, or within priors: ties would be told by roundings
    odd = [[(50, 50, 91, 83.5, 0, 0)], [(8.25, 9, 73, 70.5, 1, 0), (8.25, 9, 73, 70.5, 2, 0)],
           [(0, 2, 299, 300, 3, 0), (20, 30, 52.5, 62, 0, 0), (22, 31, 52, 63, 4, 0)]]
    s = ssd_setup(6, 3, 10, True)
    put("ssd-caffe-odd", "ssd profile=ssd-caffe", two, s, odd, caffe_ssd(s, odd))


if __name__ == "__main__":
    main()
