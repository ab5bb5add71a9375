#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""decode_anchors.py BIN_DIR: det-propose and det-head on random maps of real sizes, against
torchvision's own code for what comes after the network.

RPN (filter_proposals, 217,413 anchors at 800x1088), RetinaNet and SSD300
(postprocess_detections) are fed the same seeded logits and deltas. py-faster-rcnn's proposal
layer is stated in numpy here. Printed for each: boxes,
the share that has a partner of the same class with every corner within .01 pixel and a score
within 1e-6, both ways. Exit status 1 where less than 99.9 % have.

Needs Debian's python3-torchvision (torch 1.13.0, torchvision 0.14.1).
"""
import io
import os
import subprocess
import sys

import numpy as np
import torch
from torchvision.models import detection
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.rpn import concat_box_prediction_layers

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "..", "formats"))
import det_stream as det  # noqa: E402

BIN = sys.argv[1] if len(sys.argv) > 1 else "bin"
BAD = []
plain = {"weights": None, "weights_backbone": None}


def stream(fill):
    out = io.BytesIO()
    w = det.Writer(out)
    w.begin()
    fill(w)
    w.end()
    return out.getvalue()


def run(model_texts, maps, size, commands):
    """The boxes of a pipe of commands over maps {name: tensor}; size: h, w of the input
    and of the picture in it."""
    with open("/tmp/decode_anchors.%d.det" % os.getpid(), "wb") as f:
        f.write(stream(lambda w: [w.text(n, t) for n, t in model_texts]))

    def item(w):
        scale = "1.6 1.6 0 0" if size[2:] == (375, 500) else "1 1 0 0"
        w.item(id=0, path="random", width=size[3], height=size[2],
               input="%dx%d" % (size[1], size[0]), map=scale)
        for name, x in maps.items():
            w.tensor(name, np.ascontiguousarray(x.numpy()))

    data = stream(item)
    for c in commands:
        data = subprocess.run([os.path.join(BIN, c[0]), "-m", f.name, *c[1:]], input=data,
                              check=True, stdout=subprocess.PIPE).stdout
    os.unlink(f.name)
    r = [r for r in det.Reader(io.BytesIO(data)) if r.kind == "BOXS"][0].boxes
    return (np.stack([r["x1"], r["y1"], r["x2"], r["y2"]], 1), r["score"], r["label"])


def matched(a, b):
    n = 0
    for box, score, label in zip(*a):
        same = ((np.abs(b[0] - box).max(1) < .01) & (np.abs(b[1] - score) < 1e-6) &
                (b[2] == label))
        n += same.any()
    return n


def compare(what, ours, theirs):
    theirs = [t.numpy() for t in theirs]
    n, m = matched(ours, theirs), matched(theirs, ours)
    good = n >= .999 * len(ours[0]) and m >= .999 * len(theirs[0])
    print("%s: ours %d (%d matched), torchvision's %d (%d matched)%s" %
          (what, len(ours[0]), n, len(theirs[0]), m, "" if good else ": DIFFERENT"))
    if not good:
        BAD.append(what)


def anchors(gen, size, shapes):
    features = [torch.zeros(1, 1, *s) for s in shapes]
    image = torch.zeros(1, 3, size[0], size[1])
    return gen(ImageList(image, [tuple(size[2:])]), features)


def text_of(name):
    """The text that det-anchors knows by that name is in its source; ask for the maps."""
    source = open(os.path.join(HERE, "..", "..", "lib", "box", "anchors_profile.c")).read()
    body = source[source.index('{ "%s",' % name):]
    body = body[body.index(",") + 1:body.index(" },")]
    return "".join(p for p in body.split('"')[1::2]).replace("\\n", "\n")


def pyramid(h, w, first, n):
    return [(-(-h // 2**k), -(-w // 2**k)) for k in range(first, first + n)]


def rpn(seed, size, spread):
    torch.manual_seed(seed)
    shapes = pyramid(size[0], size[1], 2, 5)
    net = detection.fasterrcnn_resnet50_fpn(**plain).rpn.eval()
    cls = [torch.randn(1, 3, *s) * spread for s in shapes]
    box = [torch.randn(1, 12, *s) * .5 for s in shapes]
    boxes = anchors(net.anchor_generator, size, shapes)
    per_level = [c[0].numel() for c in cls]
    c, b = concat_box_prediction_layers(list(cls), list(box))
    p = net.box_coder.decode(b, boxes).view(1, -1, 4)
    p, s = net.filter_proposals(p, c, [tuple(size[2:])], per_level)
    maps = {}
    lines = []
    for i in range(5):
        maps["p%d/cls" % (i + 2)] = cls[i]
        maps["p%d/box" % (i + 2)] = box[i]
        lines.append("anchors(p%d/cls, p%d/box) map=p%d classes=1 clip min_size=.001" %
                     (i + 2, i + 2, i + 2))
    ours = run([("anchors", text_of("tv")), ("propose", "\n".join(lines))], maps, size,
               [["det-propose"]])
    compare("RPN %dx%d, logits of deviation %g" % (size[0], size[1], spread), ours,
            (p[0], s[0], torch.full((len(s[0]),), -1)))


def retinanet(seed, size, shift):
    torch.manual_seed(seed)
    shapes = pyramid(size[0], size[1], 3, 5)
    net = detection.retinanet_resnet50_fpn(**plain).eval()
    cls = [torch.randn(1, 9 * 91, *s) + shift for s in shapes]
    box = [torch.randn(1, 36, *s) * .3 for s in shapes]

    def flat(x, k):
        return x.view(1, -1, k, *x.shape[2:]).permute(0, 3, 4, 1, 2).reshape(1, -1, k)

    all_anchors = anchors(net.anchor_generator, size, shapes)[0]
    split = list(all_anchors.split([9 * h * w for h, w in shapes]))
    out = net.postprocess_detections({"cls_logits": [flat(c, 91) for c in cls],
                                      "bbox_regression": [flat(b, 4) for b in box]},
                                     [split], [tuple(size[2:])])[0]
    maps = {}
    lines = []
    for i in range(5):
        maps["p%d/cls" % (i + 3)] = cls[i]
        maps["p%d/box" % (i + 3)] = box[i]
        lines.append("anchors(p%d/cls, p%d/box) map=p%d classes=91 clip top=1000" %
                     (i + 3, i + 3, i + 3))
    ours = run([("anchors", text_of("retinanet")), ("decode", "\n".join(lines))], maps, size,
               [["det-head", "--thresh", ".05"],
                ["det-nms", "--iou", ".5", "--max", "300", "--clip", "none"]])
    compare("RetinaNet %dx%d, logits around %g" % (size[0], size[1], shift), ours,
            (out["boxes"], out["scores"], out["labels"]))


def ssd(seed, spread):
    torch.manual_seed(seed)
    size = (300, 300, 300, 300)
    shapes = [(k, k) for k in (38, 19, 10, 5, 3, 1)]
    names = ["conv4_3", "fc7", "conv6_2", "conv7_2", "conv8_2", "conv9_2"]
    net = detection.ssd300_vgg16(**plain).eval()
    cls = [torch.randn(1, a * 91, *s) * spread for a, s in zip((4, 6, 6, 6, 4, 4), shapes)]
    box = [torch.randn(1, a * 4, *s) for a, s in zip((4, 6, 6, 6, 4, 4), shapes)]

    def flat(x, k):
        return x.view(1, -1, k, *x.shape[2:]).permute(0, 3, 4, 1, 2).reshape(1, -1, k)

    out = net.postprocess_detections(
        {"cls_logits": torch.cat([flat(c, 91) for c in cls], 1),
         "bbox_regression": torch.cat([flat(b, 4) for b in box], 1)},
        anchors(net.anchor_generator, size, shapes), [(300, 300)])[0]
    maps = {}
    lines = []
    for n, c, b in zip(names, cls, box):
        maps[n + "/cls"] = c
        maps[n + "/box"] = b
        lines.append("anchors(%s/cls, %s/box) map=%s classes=90 background=first "
                     "score=softmax weights=10,10,5,5 clip top_per_class=400" % (n, n, n))
    ours = run([("anchors", text_of("ssd300")), ("decode", "\n".join(lines))], maps, size,
               [["det-head", "--thresh", ".01"],
                ["det-nms", "--iou", ".45", "--max", "200", "--clip", "none"]])
    compare("SSD300, logits of deviation %g" % spread, ours,
            (out["boxes"], out["scores"], out["labels"] - 1))


def caffe_nms(boxes, limit, most):
    """Greedy, sides with their last pixel, what overlaps by at most `limit` stays."""
    area = (boxes[:, 2] - boxes[:, 0] + 1) * (boxes[:, 3] - boxes[:, 1] + 1)
    left, kept = np.arange(len(boxes)), []
    while len(left) and len(kept) < most:
        i, rest = left[0], left[1:]
        kept.append(i)
        w = np.minimum(boxes[i, 2], boxes[rest, 2]) - np.maximum(boxes[i, 0], boxes[rest, 0]) + 1
        h = np.minimum(boxes[i, 3], boxes[rest, 3]) - np.maximum(boxes[i, 1], boxes[rest, 1]) + 1
        both = np.maximum(w, 0) * np.maximum(h, 0)
        left = rest[both / (area[i] + area[rest] - both) <= limit]
    return kept


def caffe(seed):
    """600x800 of a picture of 375x500: scale 1.6, so boxes under 25.6 pixels go first."""
    torch.manual_seed(seed)
    h, w, scale = 38, 50, 1.6
    cls, box = torch.randn(1, 18, h, w) * 2, torch.randn(1, 36, h, w) * .7
    base = np.array([(-84, -40, 99, 55), (-176, -88, 191, 103), (-360, -184, 375, 199),
                     (-56, -56, 71, 71), (-120, -120, 135, 135), (-248, -248, 263, 263),
                     (-36, -80, 51, 95), (-80, -168, 95, 183), (-168, -344, 183, 359)])
    y, x = np.meshgrid(np.arange(h) * 16, np.arange(w) * 16, indexing="ij")
    a = (np.stack([x, y, x, y], -1).reshape(-1, 1, 4) + base[None]).reshape(-1, 4)
    c = cls.numpy().astype(float).reshape(2, 9, h, w)
    s = (1 / (1 + np.exp(c[0] - c[1]))).transpose(1, 2, 0).ravel()
    d = box.numpy().astype(float).reshape(9, 4, h, w).transpose(2, 3, 0, 1).reshape(-1, 4)
    side = a[:, 2:] - a[:, :2] + 1
    mid = d[:, :2] * side + a[:, :2] + side / 2
    half = np.exp(d[:, 2:]) * side / 2
    last = np.array([799, 599])
    p = np.concatenate([np.clip(mid - half, 0, last), np.clip(mid + half, 0, last)], 1)
    big = (p[:, 2:] - p[:, :2] + 1 >= 16 * scale).all(1)
    p, s = p[big], s[big]
    order = np.argsort(-s, kind="stable")[:6000]
    keep = order[caffe_nms(p[order], .7, 300)]
    line = ("anchors(rpn/cls, rpn/box) map=conv5_3 classes=1 background=first score=softmax "
            "order=class clamp=none plus_one clip=inclusive min_size=16 min_scaled min_first")
    f = run([("anchors", text_of("caffe")), ("propose", line)], {"rpn/cls": cls, "rpn/box": box},
            (600, 800, 375, 500), [["det-propose", "--pre-nms", "6000", "--post-nms", "300",
                                    "--plus-one"]])
    compare("py-faster-rcnn's proposals, %d of %d large enough" % (big.sum(), len(big)), f,
            (torch.tensor(p[keep]), torch.tensor(s[keep]), torch.full((len(keep),), -1)))


with torch.no_grad():
    caffe(7)
    rpn(1, (800, 1088, 800, 1066), 1)
    rpn(2, (800, 1216, 799, 1197), 3)
    retinanet(3, (800, 1088, 800, 1066), -4.6)
    retinanet(4, (640, 640, 600, 640), 0)
    ssd(5, .5)
    ssd(6, 2)
sys.exit(bool(BAD))
