#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A step of training of SSD300-VGG16 and RetinaNet R50-FPN against torchvision's, by torch's
autograd: every term of the loss, the gradient of every weight.

    DET_BIN=bin DET_DUMP=.../train_dump tests/oracle/train_nets.py VOC [ARCH ...]

VOC is a folder with `images` and `annotations` (PASCAL's XML); two of its pictures, stretched
to the net's size, are the batch, with all their objects. Both sides have the same weights
(tv_models.py), pixels and boxes; batch norms are frozen. Exit status 1 where a term differs
by more than 1e-4, relative where it is above 1, or a gradient by more than 1e-3 of its norm.
The yardstick is torch in double; beside it stands how far torch in float is from that: where
that is further than 1e-3, so may we be (rectifiers that are almost 0 go either way).

DET_DUMP is tests/oracle/train_dump.c, linked with libdet.a.

Needs Debian's python3-torchvision (torch 1.13.0, torchvision 0.14.1) and python3-opencv.
"""
import copy
import glob
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

import cv2
import numpy as np
import torch
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import box_iou
from torchvision.ops.misc import FrozenBatchNorm2d

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path += [HERE, os.path.join(HERE, "..", "..", "formats")]
import det_stream          # noqa: E402
import tv_models           # noqa: E402

BIN = os.environ.get("DET_BIN", "bin")
DUMP = os.environ.get("DET_DUMP", "train_dump")
# arch: height, width, torchvision's label of class 0, the objective's line
CASES = {
    "ssd300_vgg16": (300, 300, 1, "ssd"),
    "retinanet_resnet50_fpn": (256, 320, 0, "retinanet"),
    "retinanet_resnet50_fpn_v2": (256, 320, 0, "retinanet box=giou"),
}


def read_voc(folder, h, w, most=2):
    """The pictures with the most objects, as (N,3,H,W) about 0, and lists of (label, box)."""
    found = []
    for path in sorted(glob.glob(os.path.join(folder, "annotations", "*.xml"))):
        tree = ElementTree.parse(path)
        found.append((-len(tree.findall("object")), path, tree))
    images, boxes, classes = [], [], []
    for _, path, tree in sorted(found, key=lambda f: f[:2])[:most]:
        name = os.path.splitext(os.path.basename(path))[0]
        picture = cv2.imread(os.path.join(folder, "images", name + ".jpg"))
        scale = np.array([w / picture.shape[1], h / picture.shape[0]] * 2)
        picture = cv2.resize(picture, (w, h)).astype(np.float32)
        images.append((picture[:, :, ::-1].transpose(2, 0, 1) / 255 - 0.45) / 0.25)
        boxes.append([])
        for o in tree.findall("object"):
            if o.find("name").text not in classes:
                classes.append(o.find("name").text)
            b = np.array([float(o.find("bndbox").find(k).text)
                          for k in ("xmin", "ymin", "xmax", "ymax")]) * scale
            label = 3 * classes.index(o.find("name").text)
            boxes[-1].append((label, *(float(np.float32(v)) for v in b)))
    return torch.from_numpy(np.stack(images)), boxes


def matched_by(matcher, targets, anchors):
    return [matcher(box_iou(t["boxes"], a)) for t, a in zip(targets, anchors)]


def torch_step(model, arch, images, boxes, first):
    """Terms, and gradients by torchvision's names."""
    model.zero_grad()
    for p in model.parameters():
        p.requires_grad_(True)
    targets = [{"boxes": torch.tensor([b[1:] for b in i], dtype=torch.float32),
                "labels": torch.tensor([b[0] + first for b in i])} for i in boxes]
    maps = list(model.backbone(images).values())
    head = model.head(maps)
    sizes = [tuple(images.shape[2:])] * len(images)
    anchors = model.anchor_generator(ImageList(images.float(), sizes), [m.float() for m in maps])
    matched = matched_by(model.proposal_matcher, targets, anchors)
    anchors = [a.to(images.dtype) for a in anchors]
    for t in targets:
        t["boxes"] = t["boxes"].to(images.dtype)
    if arch.startswith("ssd"):
        loss = model.compute_loss(targets, head, anchors, matched)
    else:
        loss = model.head.compute_loss(targets, head, anchors, matched)
    terms = {"cls": loss["classification"], "box": loss["bbox_regression"]}
    sum(terms.values()).backward()
    return ({k: float(v) for k, v in terms.items()},
            {k: p.grad.numpy().copy() for k, p in model.named_parameters()})


def our_step(path, images, boxes, line, folder):
    image, text, grads = (os.path.join(folder, n) for n in ("image.f32", "boxes.txt", "g.det"))
    images.numpy().astype("<f4").tofile(image)
    with open(text, "w") as f:
        for i, image_boxes in enumerate(boxes):
            for b in image_boxes:
                print(i, b[0], *("%.9g" % v for v in b[1:]), file=f)
    n, _, h, w = images.shape
    out = subprocess.run([DUMP, path, str(n), str(h), str(w), image, text, "1", grads, line],
                         check=True, stdout=subprocess.PIPE, text=True).stdout
    terms = {k: float(v) for k, v in (row.split() for row in out.splitlines())}
    with open(grads, "rb") as f:
        return terms, {r.name: np.array(r.array) for r in det_stream.Reader(f)
                       if r.kind == "TENS"}


def names_of(path, state):
    """det's name of each of torchvision's, told by the weights themselves."""
    with open(path, "rb") as f:
        ours = {np.ascontiguousarray(r.array, "<f4").tobytes(): r.name
                for r in det_stream.Reader(f) if r.kind == "TENS"}
    return {k: ours[v.numpy().astype("<f4").tobytes()] for k, v in state.items()
            if v.numpy().astype("<f4").tobytes() in ours}


def compare(arch, ours, floats, exact, names):
    off = {k: abs(ours[0][k] - v) / max(1, abs(v)) for k, v in exact[0].items()}
    print(arch, "terms:", ", ".join(
        f"{k} {v:.6f}, off {off[k]:.1e} (torch in float: "
        f"{abs(floats[0][k] - v) / max(1, abs(v)):.1e})" for k, v in exact[0].items()))
    rows = []
    for key, g in exact[1].items():
        norm = max(float(np.linalg.norm(g)), 1e-30)
        mine = ours[1][names[key]].reshape(g.shape)
        rows.append((float(np.linalg.norm(mine - g)) / norm,
                     float(np.linalg.norm(floats[1][key] - g)) / norm, key))
    rows.sort(reverse=True)
    for r in rows if os.environ.get("VERBOSE") else []:
        print("%.1e %.1e %s" % r)
    print(arch, f"gradients of {len(rows)} weights: worst {rows[0][0]:.1e} ({rows[0][2]}; torch "
          f"in float {rows[0][1]:.1e}), median {rows[len(rows) // 2][0]:.1e}; torch in float: "
          f"worst {max(r[1] for r in rows):.1e}", flush=True)
    return max(off.values()) < 1e-4 and all(d < max(1e-3, t) for d, t, _ in rows)


def tell_apart(model):
    """No two weights alike, so that names can be told."""
    gen = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for m in model.modules():
            if isinstance(m, torch.nn.GroupNorm):
                m.weight.copy_(torch.rand(m.weight.shape, generator=gen) * 0.5 + 0.75)
                m.bias.copy_(torch.randn(m.bias.shape, generator=gen) * 0.1)


def run(arch, voc, folder):
    h, w, first, line = CASES[arch]
    pth, det = os.path.join(folder, "m.pth"), os.path.join(folder, "m.det")
    model = tv_models.build(arch)
    tell_apart(model)
    if arch.endswith("_v2"):    # the published weights of the first versions have epsilon 0
        for m in model.modules():
            if isinstance(m, FrozenBatchNorm2d):
                m.eps = 1e-5
    state = model.state_dict()
    torch.save(state, pth)
    with open(det, "wb") as out:
        subprocess.run([f"{BIN}/det-model", "import", "torch", "--arch", arch, pth], check=True,
                       stdout=out)
    images, boxes = read_voc(voc, h, w)
    names = names_of(det, state)
    ours = our_step(det, images, boxes, line, folder)
    floats = torch_step(model, arch, images, boxes, first)
    exact = torch_step(copy.deepcopy(model).double(), arch, images.double(), boxes, first)
    print(arch, f"{h}x{w},", "objects:", ", ".join(str(len(b)) for b in boxes))
    return compare(arch, ours, floats, exact, names)


def main():
    good = True
    for arch in sys.argv[2:] or CASES:
        with tempfile.TemporaryDirectory() as folder:
            good = run(arch, sys.argv[1], folder) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
