#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Stage by stage, det's tools against torchvision on photos of sizes that trip traps.

    DET_BIN=bin tests/oracle/tv_compare.py ARCH WEIGHTS.pth PHOTO...

WEIGHTS.pth is from tv_models.py; it is imported with `det-model import torch --arch ARCH`.
Photos are cut to the sizes in SIZES and kept as PNG, so that no JPEG decoder differs. At
each stage both sides start from the picture, nothing is handed over. Printed: the largest
difference of each kind of tensor relative to the largest value of that tensor (the input:
absolute), and the share of boxes that find a partner of the same class with IoU > .99 and a
score within 1e-4, both ways. Exit status 1 where the bounds of BOUNDS do not hold.

Needs Debian's python3-torchvision (torch 1.13.0, torchvision 0.14.1, which computes the
resize scale in float32: det-image --rule tv32), python3-opencv, python3-numpy.
"""
import os
import subprocess
import sys
import tempfile

import cv2
import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path += [HERE, os.path.join(HERE, "..", "..", "formats")]
import det_stream          # noqa: E402
import tv_models           # noqa: E402

BIN = os.environ.get("DET_BIN", "bin")
SIZES = [(334, 500), (375, 500), (427, 640), (289, 600), (576, 768),
         (500, 500), (512, 773), (424, 640), (500, 334), (230, 500)]
BOUNDS = {"input": 1e-5, "features": 1e-4, "rpn": 1e-4, "rois": 1e-4, "head": 1e-4, "boxes": .999}


def tool(name, *args, stdin=None):
    return subprocess.run([f"{BIN}/{name}", *args], input=stdin, check=True,
                          stdout=subprocess.PIPE).stdout


def records(data):
    import io
    return list(det_stream.Reader(io.BytesIO(data)))


def tensors(data):
    return {r.name: r.array for r in records(data) if r.kind == "TENS"}


def boxes(data, name):
    for r in records(data):
        if r.kind == "BOXS" and r.name == name:
            return r.boxes
    raise KeyError(name)


def rows(m, k):
    """(1, A*k, H, W) -> (H*W*A, k)"""
    _, c, h, w = m.shape
    return m.reshape(c // k, k, h, w).transpose(2, 3, 0, 1).reshape(-1, k)


def iou(a, b):
    lt = np.maximum(a[:, None, :2], b[None, :, :2])
    rb = np.minimum(a[:, None, 2:], b[None, :, 2:])
    wh = np.clip(rb - lt, 0, None)
    inter = wh[..., 0] * wh[..., 1]
    area = lambda x: (x[:, 2] - x[:, 0]) * (x[:, 3] - x[:, 1])
    return inter / np.maximum(area(a)[:, None] + area(b)[None] - inter, 1e-12)


def matched(a, b):
    """Of a = (boxes, scores, labels), how many have a partner in b."""
    if len(a[0]) == 0:
        return 0
    if len(b[0]) == 0:
        return 0
    # RetinaNet keeps boxes that clipping left without area: those by their corners
    same = np.abs(a[0][:, None] - b[0][None]).max(2) < .01
    good = ((iou(a[0], b[0]) > .99) | same) & (np.abs(a[1][:, None] - b[1][None]) < 1e-4)
    good &= a[2][:, None] == b[2][None]
    return int(good.any(1).sum())


class Tally:
    def __init__(self):
        self.worst, self.hits, self.total, self.bad = {}, {}, {}, 0

    def tensor(self, kind, ours, theirs, scale=None):
        ours, theirs = np.asarray(ours), np.asarray(theirs)
        if ours.shape != theirs.shape:
            print(f"  {kind}: shape {ours.shape}, the other side has {theirs.shape}")
            self.bad += 1
            return
        d = float(np.abs(ours - theirs).max()) / (scale or float(np.abs(theirs).max()))
        self.worst[kind] = max(self.worst.get(kind, 0), d)

    def boxes(self, kind, ours, theirs):
        h = matched(ours, theirs) + matched(theirs, ours)
        n = len(ours[0]) + len(theirs[0])
        self.hits[kind] = self.hits.get(kind, 0) + h
        self.total[kind] = self.total.get(kind, 0) + n
        if h < n:
            print(f"  {kind}: {n - h} of {len(ours[0])} + {len(theirs[0])} without a partner")

    def report(self):
        for kind, d in self.worst.items():
            bound = BOUNDS[kind.split()[0]]
            ok = d <= bound
            self.bad += not ok
            print(f"{kind:22s} largest difference {d:.2e} (bound {bound:g}){'' if ok else '  FAILED'}")
        for kind, n in self.total.items():
            share = self.hits[kind] / max(n, 1)
            ok = share >= BOUNDS["boxes"]
            self.bad += not ok
            print(f"{kind:22s} {self.hits[kind]} of {n} matched ({100 * share:.3f} %)"
                  f"{'' if ok else '  FAILED'}")
        return self.bad


def run_torch(model, image):
    """The model's outputs, and what its parts gave on the way."""
    got, hooks = {}, []

    def keep(name):
        return lambda m, i, o: got.__setitem__(name, (i, o))
    for part in ("transform", "backbone", "rpn.head", "rpn", "roi_heads.box_predictor", "head"):
        try:
            m = model.get_submodule(part)
        except AttributeError:
            continue
        hooks.append(m.register_forward_hook(keep(part)))
    with torch.no_grad():
        out = model([image])[0]
    for h in hooks:
        h.remove()
    return out, got


def triple(b, shift=0):
    xy = np.stack([b["x1"], b["y1"], b["x2"], b["y2"]], 1)
    return xy, b["score"].astype(np.float64), b["label"] + shift


def ref_triple(out):
    return (out["boxes"].numpy().astype(np.float64), out["scores"].numpy().astype(np.float64),
            out["labels"].numpy())


def compare(arch, m, tally, png, out, got, shift):
    image = tool("det-image", "-m", m, "--rule", "tv32", png)
    feats = tool("det-backbone", "-m", m, stdin=image)
    ours = tensors(feats)
    sizes = got["transform"][1][0].image_sizes
    theirs = got["transform"][1][0].tensors.numpy()
    # absolute where the deviation is 1; SSD's input is not divided by one and goes to +-123
    tally.tensor("input", tensors(image)["image"], theirs, 123 if arch.startswith("ssd") else 1)
    theirs = got["backbone"][1]
    for name, ref in zip(ours, theirs.values()):
        tally.tensor("features", ours[name], ref.numpy())
    if "rpn" in got:
        r = tensors(tool("det-backbone", "-m", m, "--net", "rpn", "--keep", stdin=feats))
        cls, box = got["rpn.head"][1]
        maps = [r[k] for k in r if k.endswith("/cls")]
        for a, b in zip(maps, cls):
            tally.tensor("rpn cls", a, b.numpy())
        for a, b in zip([r[k] for k in r if k.endswith("/box")], box):
            tally.tensor("rpn box", a, b.numpy())
        p = tool("det-propose", "-m", m, stdin=feats)
        b = boxes(p, "proposals")
        ref = got["rpn"][1][0][0].numpy().astype(np.float64)
        zeros = np.zeros(len(ref))
        tally.boxes("proposals", (triple(b)[0], np.zeros(len(b)), np.zeros(len(b))),
                    (ref, zeros, zeros))
        rois = tool("det-roipool", "-m", m, stdin=p)
        h = tensors(tool("det-backbone", "-m", m, "--net", "head", stdin=rois))
        ref_cls, ref_box = got["roi_heads.box_predictor"][1]
        # proposals may come in another order: compare row by row of matched proposals
        near = iou(triple(b)[0], ref).argmax(1)
        hit = iou(triple(b)[0], ref).max(1) > .9999
        n = len(near)
        tally.tensor("head cls", h["cls"].reshape(n, -1)[hit], ref_cls.numpy()[near][hit])
        tally.tensor("head box", h["box"].reshape(n, -1)[hit], ref_box.numpy()[near][hit])
        final = rois
    else:
        head = got["head"][1]
        h = tensors(tool("det-backbone", "-m", m, "--net", "head", stdin=feats)) \
            if arch != "ssd300_vgg16" or "/cls" not in "".join(ours) else ours
        k = head["cls_logits"].shape[-1]
        cls = np.concatenate([rows(v, k) for n, v in h.items() if n.endswith("/cls")])
        box = np.concatenate([rows(v, 4) for n, v in h.items() if n.endswith("/box")])
        tally.tensor("head cls", cls, head["cls_logits"][0].numpy())
        tally.tensor("head box", box, head["bbox_regression"][0].numpy())
        final = feats
    d = tool("det-nms", "-m", m, stdin=tool("det-head", "-m", m, stdin=final))
    tally.boxes("boxes", triple(boxes(d, "boxes"), shift), ref_triple(out))
    return sizes


def main():
    arch, weights, photos = sys.argv[1], sys.argv[2], sys.argv[3:]
    model = getattr(tv_models.detection, arch)(weights=None, weights_backbone=None).eval()
    tv_models.freeze_norms(model, 0.0)
    model.load_state_dict(torch.load(weights))
    tally = Tally()
    # labels: ours index a table without background, torchvision's 0 is the background
    # (RetinaNet's table has it as class 0)
    shift = 0 if arch.startswith("retinanet") else 1
    with tempfile.TemporaryDirectory() as d:
        m = f"{d}/m.det"
        subprocess.run([f"{BIN}/det-model", "import", "torch", weights, "--arch", arch, "-o", m],
                       check=True)
        for i, (h, w) in enumerate(SIZES):
            png = f"{d}/{i}.png"
            bgr = cv2.resize(cv2.imread(photos[i % len(photos)]), (w, h), interpolation=cv2.INTER_AREA)
            cv2.imwrite(png, bgr)
            x = torch.from_numpy(bgr[:, :, ::-1].transpose(2, 0, 1).copy()).float() / 255
            out, got = run_torch(model, x)
            sizes = compare(arch, m, tally, png, out, got, shift)
            print(f"{os.path.basename(photos[i % len(photos)])} {h}x{w} -> {tuple(sizes[0])}:"
                  f" {len(out['boxes'])} boxes", flush=True)
    return 1 if tally.report() else 0


if __name__ == "__main__":
    sys.exit(main())
