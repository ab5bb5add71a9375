#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A step of training of Faster R-CNN against torchvision's: every term of the loss, the
gradient of every weight.

    DET_BIN=bin DET_DUMP=.../train_dump tests/oracle/train_rcnn.py [--golden OUT.h]

The same weights, the same batch, and samples as large as there are anchors and proposals, so
that nothing is drawn: all anchors and all proposals count on both sides. Proposals are made
by each side from its own maps. Cases: the published fasterrcnn_resnet50_fpn at a small size,
its batch norms frozen, and tiny_frcnn, whose batch norms are trained. Exit status 1 where a
term differs by more than 1e-4, or a gradient by more than 1e-3 of its norm. The deep net is
held against torch in double; where torch in float is further from that than 1e-3, so may we
be (rectifiers that are almost 0 go either way).

--golden writes tiny_frcnn's numbers as tests/unit/golden/train_rcnn.h.

train_dump is train_dump.c beside this file, linked with libdet.a:

    cc -Ilib -I. tests/oracle/train_dump.c build/libdet.a $LIBS -ldl -lm -lpthread

Needs Debian's python3-torchvision: torch 1.13.0, torchvision 0.14.1.
"""
import copy
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch
from torchvision.models.detection import _utils
from torchvision.models.detection.image_list import ImageList

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path += [HERE, os.path.join(HERE, "..", "..", "formats")]
import det_stream          # noqa: E402
import tiny                # noqa: E402
import tv_models           # noqa: E402

BIN = os.environ.get("DET_BIN", "bin")
DUMP = os.environ.get("DET_DUMP", "train_dump")
ALL = 1000000


def fill(n, seed):
    """tests/unit/nets.h"""
    out = np.empty(n, np.float32)
    for i in range(n):
        seed = (seed * 1664525 + 1013904223) & 0xffffffff
        out[i] = (seed >> 8) * 2.0 ** -23 - 1
    return out


def targets_of(boxes, dtype=torch.float32):
    """torchvision's, of lists of (label, x1, y1, x2, y2): its labels count from 1."""
    return [{"boxes": torch.tensor([b[1:] for b in image], dtype=dtype).reshape(-1, 4),
             "labels": torch.tensor([b[0] + 1 for b in image], dtype=torch.int64)}
            for image in boxes]


def loss_terms(model, images, targets):
    """Of a batch of one size, as it is: no transform comes before."""
    sizes = [tuple(images.shape[2:])] * len(images)
    maps = model.backbone(images)
    proposals, first = model.rpn(ImageList(images, sizes), maps, targets)
    _, second = model.roi_heads(maps, proposals, sizes, targets)
    return {"rpn_cls": first["loss_objectness"], "rpn_box": first["loss_rpn_box_reg"],
            "cls": second["loss_classifier"], "box": second["loss_box_reg"]}


def torch_step(model, images, boxes, post, pre=2000):
    """Terms, and gradients by torchvision's names."""
    model.train()
    model.rpn.fg_bg_sampler = _utils.BalancedPositiveNegativeSampler(ALL, .5)
    model.roi_heads.fg_bg_sampler = _utils.BalancedPositiveNegativeSampler(ALL, .25)
    model.rpn._pre_nms_top_n["training"] = pre
    model.rpn._post_nms_top_n["training"] = post
    for p in model.parameters():
        p.requires_grad_(True)
    terms = loss_terms(model, images, targets_of(boxes, images.dtype))
    sum(terms.values()).backward()
    return ({k: float(v) for k, v in terms.items()},
            {k: p.grad.numpy() for k, p in model.named_parameters() if p.grad is not None})


def our_step(path, images, boxes, frozen, post, folder, pre=2000):
    image, text, grads = (os.path.join(folder, n) for n in ("image.f32", "boxes.txt", "g.det"))
    images.numpy().astype("<f4").tofile(image)
    with open(text, "w") as f:
        for i, image_boxes in enumerate(boxes):
            for b in image_boxes:
                print(i, *b, file=f)
    n, _, h, w = images.shape
    out = subprocess.run([DUMP, path, str(n), str(h), str(w), image, text, str(frozen), grads,
                          f"rpn sample={ALL}", f"rcnn sample={ALL} pre={pre} post={post}"],
                         check=True, stdout=subprocess.PIPE, text=True).stdout
    terms = {k: float(v) for k, v in (line.split() for line in out.splitlines())}
    with open(grads, "rb") as f:
        return terms, {r.name: np.array(r.array) for r in det_stream.Reader(f)
                       if r.kind == "TENS"}


def compare(name, ours, exact, floats, rename):
    """Prints the worst; whether all is within the bounds. floats: torch's own in float, whose
    distance from `exact` no gradient need be nearer than."""
    (terms, grads), (want, want_grads) = ours, exact
    off = {k: abs(terms[k] - want[k]) / max(1, abs(want[k])) for k in want}
    print(name, "terms:", ", ".join(f"{k} {want[k]:.5f} off {off[k]:.1e}" for k in want))
    top, rows = max(np.linalg.norm(g) for g in want_grads.values()), []
    for key, g in want_grads.items():
        norm = np.linalg.norm(g)
        mine = grads[rename(key)].reshape(g.shape)
        rows.append((np.linalg.norm(mine - g) / max(norm, 1e-6 * top),
                     np.linalg.norm(floats[1][key] - g) / max(norm, 1e-6 * top), key))
    rows.sort(reverse=True)
    print(name, f"gradients of {len(rows)} weights, worst {rows[0][0]:.1e} (torch in float: "
          f"{rows[0][1]:.1e}, {rows[0][2]}), median {rows[len(rows) // 2][0]:.1e}")
    return (max(off.values()) < 1e-4 and all(d < max(1e-3, t) for d, t, _ in rows))


def resnet_names(path):
    """det's name of each of torchvision's, told apart by the weights themselves."""
    with open(path, "rb") as f:
        ours = {r.name: r.array for r in det_stream.Reader(f) if r.kind == "TENS"}
    by_bytes = {}
    for name, array in ours.items():
        by_bytes.setdefault(np.ascontiguousarray(array, "<f4").tobytes(), []).append(name)
    return by_bytes


def resnet(folder):
    pth, det = os.path.join(folder, "m.pth"), os.path.join(folder, "m.det")
    model = tv_models.build("fasterrcnn_resnet50_fpn")
    state = model.state_dict()
    torch.save(state, pth)
    with open(det, "wb") as out:
        subprocess.run([f"{BIN}/det-model", "import", "torch", "--arch", "fasterrcnn_resnet50_fpn",
                        pth], check=True, stdout=out)
    by_bytes = resnet_names(det)
    names = {k: by_bytes[v.numpy().astype("<f4").tobytes()][0] for k, v in state.items()
             if v.numpy().astype("<f4").tobytes() in by_bytes}
    gen = torch.Generator().manual_seed(2)
    images = torch.randn(2, 3, 160, 192, generator=gen)
    boxes = [[(0, 10., 20., 90., 130.), (16, 80., 40., 180., 150.)], [(7, 30., 30., 64., 62.)]]
    theirs = torch_step(model, images, boxes, 300)
    ours = our_step(det, images, boxes, 1, 300, folder)
    double = copy.deepcopy(model).double()
    double.zero_grad()
    exact = torch_step(double, images.double(), boxes, 300)
    return compare("fasterrcnn_resnet50_fpn", ours, exact, theirs, lambda k: names[k])


# those of tests/unit/test_system_rcnn.c
TINY_BOXES = [[(0, 8., 10., 44., 50.), (2, 50., 20., 90., 80.)], [(1, 20., 30., 80., 62.)]]


def tiny_frcnn(folder, golden):
    det = os.path.join(folder, "t.det")
    with open(det, "wb") as out:
        subprocess.run([f"{BIN}/det-model", "new", "--arch", "tiny_frcnn", "--seed", "3"],
                       check=True, stdout=out)
    with open(det, "rb") as f:
        tensors = {r.name: r.array for r in det_stream.Reader(f) if r.kind == "TENS"}
    model = tiny.load(tiny.frcnn(), tensors)
    images = torch.from_numpy(fill(2 * 3 * 96 * 96, 9).reshape(2, 3, 96, 96))
    theirs = torch_step(model, images, TINY_BOXES, 100)
    ours = our_step(det, images, TINY_BOXES, 0, 100, folder)
    if golden:
        with open(golden, "w") as f:
            write_golden(f, *theirs)
    return compare("tiny_frcnn", ours, theirs, theirs, tiny.our_name)


def write_golden(f, terms, grads):
    print("/* SPDX-License-Identifier: MIT\n *\n * A step of torchvision 0.14's FasterRCNN with "
          "tiny_frcnn's weights of seed 3; made by\n * tests/oracle/train_rcnn.py. */\n", file=f)
    print("static const double golden_terms[] = {",
          ", ".join(f"{terms[k]:.8g}" for k in ("rpn_cls", "rpn_box", "cls", "box")), "};\n", file=f)
    print("/* Of each weight its gradient's norm, and the value that is largest. */", file=f)
    print("static const struct {\n\tconst char *name;\n\tdouble norm;\n\tsize_t at;\n"
          "\tdouble value;\n} golden_grads[] = {", file=f)
    for key, g in grads.items():
        at = int(np.argmax(np.abs(g)))
        print(f'\t{{ "{tiny.our_name(key)}", {np.linalg.norm(g):.6g}, {at}, '
              f'{g.flatten()[at]:.6g} }},', file=f)
    print("};", file=f)


def main():
    golden = sys.argv[2] if sys.argv[1:2] == ["--golden"] else None
    with tempfile.TemporaryDirectory() as folder:
        good = tiny_frcnn(folder, golden)
        if not golden:
            good = resnet(folder) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
