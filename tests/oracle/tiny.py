#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/tiny_*.txt: what torchvision's detectors find with the weights of
tiny_frcnn, tiny_retinanet and tiny_ssd.

    DET_BIN=$PWD/bin tests/oracle/tiny.py tests/golden

torchvision's own FasterRCNN, RetinaNet and SSD are built around the few torch layers that
lib/arch/tiny_trunk.part describes. The weights are those of `det-model new --seed SEED`, with
batch normalisations of tests/golden/norms.awk; the pictures are tests/golden/picture.awk's. A
file holds, for each case,

    picture W H N            of picture.awk
    value MAP INDEX V        of the feature map, in the order of its memory
    box LABEL SCORE X1 Y1 X2 Y2

Labels count from 0 without background; only the BOXES best are there. The case `none` of tiny_frcnn has an RPN that drops
sides below 1000 pixels, which leaves no proposal.

Needs Debian's python3-torchvision: torch 1.13.0, torchvision 0.14.1 (det-image --rule tv32).
"""
import io
import os
import subprocess
import sys
from collections import OrderedDict

import numpy as np
import torch
from torch import nn
from torchvision.models.detection import FasterRCNN, RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.ssd import SSD, SSDHead
from torchvision.ops.feature_pyramid_network import (FeaturePyramidNetwork, LastLevelMaxPool,
                                                     LastLevelP6P7)

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "..", "golden")
sys.path.append(os.path.join(HERE, "..", "..", "formats"))
import det_stream          # noqa: E402

BIN = os.environ.get("DET_BIN", "bin")
SEED = {"tiny_frcnn": 1, "tiny_retinanet": 1, "tiny_ssd": 1}
# 97x131 and 200x90 are padded, and the longer side of the second binds
PICTURES = [(160, 120, 1), (97, 131, 2), (200, 90, 3), (64, 64, 4), (40, 140, 5)]
CLASSES, VALUES, BOXES = 3, 4, 20


class Trunk(nn.Module):
    """conv1 and four steps of a strided convolution and a residual one."""

    def __init__(self):
        super().__init__()
        self.conv1 = self.conv(3, 8, 2)
        last = 8
        for i, out in enumerate((8, 8, 16, 16), 1):
            setattr(self, f"layer{i}", nn.ModuleDict({
                "conv1": self.conv(last, out, 2), "conv2": self.conv(out, out, 1)}))
            last = out

    @staticmethod
    def conv(n, out, stride):
        return nn.Sequential(OrderedDict(
            conv=nn.Conv2d(n, out, 3, stride, 1, bias=False), bn=nn.BatchNorm2d(out)))

    def forward(self, x):
        x = self.conv1(x).relu()
        maps = []
        for i in range(1, 5):
            step = getattr(self, f"layer{i}")
            y = step["conv1"](x).relu()
            x = (step["conv2"](y) + y).relu()
            maps.append(x)
        return maps


class Pyramid(nn.Module):
    out_channels = 8

    def __init__(self, channels, extra):
        super().__init__()
        self.trunk = Trunk()
        self.fpn = FeaturePyramidNetwork(channels, 8, extra)
        self.skip = 4 - len(channels)

    def forward(self, x):
        maps = self.trunk(x)[self.skip:]
        return self.fpn(OrderedDict((str(i), m) for i, m in enumerate(maps)))


class Row(nn.Module):
    """SSD's three maps, the finest one's vectors scaled to a learned length."""

    def __init__(self):
        super().__init__()
        self.trunk = Trunk()
        self.scale = nn.Parameter(torch.ones(8))

    def forward(self, x):
        _, fine, middle, coarse = self.trunk(x)
        fine = self.scale.view(1, -1, 1, 1) * nn.functional.normalize(fine)
        return OrderedDict([("0", fine), ("1", middle), ("2", coarse)])


def frcnn(**kw):
    return FasterRCNN(
        Pyramid([8, 8, 16, 16], LastLevelMaxPool()), min_size=96, max_size=160,
        rpn_anchor_generator=AnchorGenerator(((32,), (64,), (128,), (256,), (512,)),
                                             ((.5, 1., 2.),) * 5),
        rpn_pre_nms_top_n_test=50, rpn_post_nms_top_n_test=50, box_detections_per_img=BOXES,
        box_head=TwoMLPHead(8 * 49, 24), box_predictor=FastRCNNPredictor(24, CLASSES + 1), **kw)


def retinanet():
    return RetinaNet(Pyramid([8, 16, 16], LastLevelP6P7(8, 8)), CLASSES, min_size=96, max_size=160,
                     detections_per_img=BOXES)


def ssd():
    boxes = DefaultBoxGenerator([[2], [2, 3], [2, 3]], scales=[.1, .2, .45, .8], steps=[8, 16, 32])
    return SSD(Row(), boxes, (96, 96), CLASSES + 1, image_mean=[.48235, .45882, .40784],
               image_std=[1., 1., 1.], detections_per_img=BOXES,
               head=SSDHead([8, 16, 16], boxes.num_anchors_per_location(), CLASSES + 1))


def our_name(key):
    """What det calls torchvision's tensor."""
    suffix = key.rsplit(".", 1)[1]
    suffix = {"running_mean": "mean", "running_var": "var"}.get(suffix, suffix)
    name = key.rsplit(".", 1)[0]
    if name == "backbone":
        return "backbone/conv4_3_norm.weight"
    if name.startswith("backbone.trunk."):
        name = name[15:]
        name = name[:-5] if name.endswith(".conv") else name
        return f"backbone/{name}.{suffix}"
    if name.startswith("backbone.fpn."):
        name = name[13:]
        return f"backbone/{name[:-2] if name.endswith('.0') else name}.{suffix}"
    if name.startswith("rpn.head."):
        name = name[4:]
        return f"rpn/{'head.conv' if name == 'head.conv.0.0' else name}.{suffix}"
    if name.startswith("roi_heads."):
        return f"head/{name.rsplit('.', 1)[1]}.{suffix}"
    if ".module_list." in name:
        level = ("conv4_3_norm", "fc7", "conv6_2")[int(name[-1])]
        return f"head/{level}_mbox_{'conf' if 'classification' in name else 'loc'}.{suffix}"
    name = name[5:]
    if name.endswith(("cls_logits", "bbox_reg")):
        return f"head/{name.split('.')[0]}.out.{suffix}"
    return f"head/{name[:-2]}.{suffix}"


def run(*args, data=None):
    return subprocess.run(args, input=data, check=True, stdout=subprocess.PIPE).stdout


def weights(arch):
    """The tensors of the seeded model, as the test makes it."""
    m = run(f"{BIN}/det-model", "new", "--arch", arch, "--seed", str(SEED[arch]))
    text = run("awk", "-f", f"{GOLDEN}/norms.awk", data=run(f"{BIN}/det-show", "--data", data=m))
    m = run(f"{BIN}/det-show", "--build", "-", data=text)
    return {r.name: r.array for r in det_stream.Reader(io.BytesIO(m)) if r.kind == "TENS"}


def load(model, tensors, name_of=our_name):
    left = set(tensors)
    state = model.state_dict()
    for key, value in state.items():
        if key.endswith("num_batches_tracked"):
            continue
        name = name_of(key)
        left.discard(name)
        assert tuple(value.shape) == tensors[name].shape, (key, name)
        state[key] = torch.from_numpy(np.array(tensors[name]))
    assert not left, left
    model.load_state_dict(state)
    return model.eval()


def picture(w, h, n):
    ppm = subprocess.run(["awk", "-v", f"w={w}", "-v", f"h={h}", "-v", f"n={n}", "-f",
                          f"{GOLDEN}/picture.awk"], check=True, stdout=subprocess.PIPE,
                         env=dict(os.environ, LC_ALL="C")).stdout
    pixels = np.frombuffer(ppm[-3 * w * h:], np.uint8).reshape(h, w, 3)
    return torch.from_numpy(pixels.transpose(2, 0, 1).astype(np.float32)) / 255


def case(out, model, maps, shift, size):
    got = {}
    hook = model.backbone.register_forward_hook(lambda m, i, o: got.update(zip(maps, o.values())))
    with torch.no_grad():
        boxes = model([picture(*size)])[0]
    hook.remove()
    print("picture %d %d %d" % size, file=out)
    for name, m in got.items():
        flat = m.flatten()
        for i in range(VALUES):
            at = (2 * i + 1) * flat.numel() // (2 * VALUES)
            print(f"value {name} {at} {float(flat[at]):.6g}", file=out)
    for label, score, b in zip(boxes["labels"], boxes["scores"], boxes["boxes"]):
        print("box", int(label) - shift, f"{float(score):.6f}",
              " ".join(f"{float(v):.3f}" for v in b), file=out)
    return len(boxes["labels"])


def main():
    for arch, make, maps, shift in (
            ("tiny_frcnn", frcnn, ("p2", "p3", "p4", "p5", "p6"), 1),
            ("tiny_retinanet", retinanet, ("p3", "p4", "p5", "p6", "p7"), 0),
            ("tiny_ssd", ssd, ("conv4_3", "fc7", "conv6_2"), 1)):
        tensors = weights(arch)
        model = load(make(), tensors)
        with open(f"{sys.argv[1]}/{arch}.txt", "w") as out:
            print(f"seed {SEED[arch]}", file=out)
            found = [case(out, model, maps, shift, p) for p in PICTURES]
            if arch == "tiny_frcnn":
                print("none", file=out)
                none = load(frcnn(), tensors)
                none.rpn.min_size = 1000.
                found.append(case(out, none, maps, shift, PICTURES[0]))
        print(arch, "boxes:", *found)


if __name__ == "__main__":
    main()
