#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The experiment of lib/recipes/bccd.mk, Faster R-CNN with FPN, trained by torchvision: a
control of det-train's result.

    D=bccd.out/frcnn-fpn
    det-image -m $D/begin.det --train --recipe $D/recipe --seed 1 <bccd.out/trainval.gt |
        DET_BIN=bin DET_DUMP=.../train_dump COCO_PYTHON=python3 tests/oracle/bccd_control.py \\
            -m $D/begin.det --recipe $D/run/recipe --iterations 1900 \\
            --test bccd.out/test.gt --trained $D/run/last.det [--resume] -o control

Only the trainer differs: the stream of augmented pictures is det-train's, and so are the
weights at the beginning (squeezenet_fpn.py), the recipe (SGD, its schedule, clipping and
average of weights) and the number of steps; forward, targets, samples, losses, backward, the
optimizer and detection are torch's and torchvision's. First it is shown that both sides
compute the same:

  first batch   every loss term and gradient, of samples as large as there are anchors and
                proposals (train_rcnn.py); only where DET_DUMP is given. The trunk has no
                norms and ten million rectifiers, of which some are almost 0 and go either
                way: torch's own gradients move as far where its input does by 1e-6
  detections    with --trained: of the test split, by the pipe of bccd.mk and by torchvision,
                with the weights that det-train ended with, and the AP of both

What is left: samples are drawn by torch, not by det; det cuts proposals at the picture, where
augmentation moved its edge into the input, torchvision at the input's.

The folder gets log.tsv as det-train writes it, with seconds an iteration by the clock and of
the processor; state.pt every 100 steps, from which --resume goes on (the stream is read from
its beginning again); in the end control.det, the model with the averaged weights, and boxes,
which det-eval scores, and pycocotools where COCO_PYTHON is a Python that has it. det's tools
detect with control.det too.

Needs Debian's python3-torchvision (torch 1.13.0, torchvision 0.14.1) and python3-opencv;
pycocotools 2.0.11. DET_DUMP is tests/oracle/train_dump.c, linked with libdet.a.
"""
import argparse
import copy
import io
import math
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
import torchvision

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path += [HERE, os.path.join(HERE, "..", "..", "formats")]
import det_stream          # noqa: E402
import squeezenet_fpn      # noqa: E402
import train_rcnn          # noqa: E402
import tv_compare          # noqa: E402

BIN = os.environ.get("DET_BIN", "bin")
LEAST, CROWD = 0.01, 2
TERMS = ("rpn_cls", "rpn_box", "cls", "box")
CORNERS = ("x1", "y1", "x2", "y2")
LOG = 50


# --- the stream ---

def corners(boxes):
    return np.stack([boxes[k] for k in CORNERS], 1)


def to_input(xy, item):
    """Corners in the picture as corners in the input."""
    sx, sy, tx, ty, flip, vflip = item.map
    w, h = item.number("width"), item.number("height")
    x = w - xy[:, [2, 0]] if flip else xy[:, [0, 2]]
    y = h - xy[:, [3, 1]] if vflip else xy[:, [1, 3]]
    return np.stack([sx * x[:, 0] + tx, sy * y[:, 0] + ty, sx * x[:, 1] + tx,
                     sy * y[:, 1] + ty], 1)


def objects(item, gt, shape, label_of):
    """(label, x1, y1, x2, y2) in the input, cut at the picture; as lib/train/batch.c."""
    sx, sy, tx, ty = item.map[:4]
    edge = [np.clip(np.rint(v), 0, n) for v, n in (
        (tx, shape[3]), (ty, shape[2]), (sx * item.number("width") + tx, shape[3]),
        (sy * item.number("height") + ty, shape[2]))]
    boxes = gt.boxes
    xy = corners(boxes) if gt.get("space") == "input" else to_input(corners(boxes), item)
    cut = np.stack([np.clip(xy[:, i], edge[i % 2], edge[i % 2 + 2]) for i in range(4)], 1)
    area = np.ones(len(boxes), bool)
    for b in (xy, cut):
        area &= ((b[:, 2:] - b[:, :2]) >= LEAST).all(1)
    area &= (boxes["flags"] & CROWD) == 0
    return [(label_of[int(k)], *map(float, b)) for k, b, a in
            zip(boxes["label"], cut.astype(np.float32), area) if a and int(k) in label_of]


def examples(f, classes):
    """Pictures (3,H,W) and their objects, one by one; the item and its boxes too."""
    item = gt = None
    for r in det_stream.Reader(f):
        if r.kind == "STRM":
            label_of = {i: classes.index(n) for i, (n, _) in enumerate(r.classes) if n in classes}
        elif r.kind == "ITEM":
            item, gt = r, None
        elif r.kind == "BOXS" and r.name == "gt":
            gt = r
        elif r.kind == "TENS" and r.name == "image" and gt is not None:
            image = torch.from_numpy(np.array(r.array[0], np.float32))
            yield image, objects(item, gt, r.shape, label_of), item, gt


def batches(f, classes, size, skip):
    """Of `size` pictures each, after the first `skip`; all of one size."""
    images, boxes = [], []
    for i, (image, objs, _, _) in enumerate(examples(f, classes)):
        if i < skip:
            continue
        images.append(image)
        boxes.append(objs)
        if len(images) == size:
            yield torch.stack(images), boxes
            images, boxes = [], []


# --- the recipe ---

def read_recipe(path):
    keys, section = {}, None
    with open(path) as f:
        for line in f:
            line = line.split("#")[0].strip()
            if line.startswith("["):
                section = line
            elif line and section == "[det-train]":
                k, _, v = line.partition("=")
                keys[k] = v
    want = {"optimizer": "sgd", "decay-mult": ":bias=0,:norm=0", "nesterov": "0",
            "accumulate": "1", "bn": "batch", "bn-form": "torch", "clip-value": "0"}
    for k, v in want.items():
        if keys.get(k, v) != v:
            sys.exit(f"{path}: {k}={keys[k]}: {v} expected, no other is known here")
    if not keys["schedule"].startswith("cosine="):
        sys.exit(f"{path}: schedule={keys['schedule']}: cosine=FLOOR expected")
    return keys


class Rates:
    """lib/train/schedule.c: cosine with a floor, after a warm-up that rises from 1/1000."""

    def __init__(self, keys, total):
        self.lr, self.total = float(keys["lr"]), total
        self.floor = float(keys["schedule"].partition("=")[2])
        self.warmup = float(keys.get("warmup", 0))

    def at(self, i):
        cosine = self.floor + (1 - self.floor) * .5 * (1 + math.cos(math.pi * i / self.total))
        ramp = .001 + .999 * i / self.warmup if i < self.warmup else 1
        return self.lr * cosine * ramp


def optimizer_of(model, keys):
    """Decay on matrices alone: not on biases, nor on scales and shifts of norms."""
    params = list(model.parameters())
    groups = [{"params": [p for p in params if p.dim() > 1], "weight_decay": float(keys["decay"])},
              {"params": [p for p in params if p.dim() == 1], "weight_decay": 0.}]
    return torch.optim.SGD(groups, lr=float(keys["lr"]), momentum=float(keys["momentum"]))


def floats(model):
    return {k: v for k, v in model.state_dict().items() if v.is_floating_point()}


class Average:
    """lib/train/optim.c: of weights and running statistics, the first soon forgotten."""

    def __init__(self, model, decay):
        self.decay = decay
        self.value = {k: v.clone() for k, v in floats(model).items()}

    def move(self, model, t):
        d = min(self.decay, (1 + t) / (10 + t))
        for k, v in floats(model).items():
            self.value[k] += (1 - d) * (v - self.value[k])

    def model(self, model):
        out = copy.deepcopy(model)
        out.load_state_dict(self.value, strict=False)
        return out.eval()


# --- that both compute the same ---

def distances(grads, want):
    """Of each weight's gradient, relative to its norm: the greatest and the median."""
    d = sorted(float(np.linalg.norm(grads[k].reshape(g.shape) - g) / np.linalg.norm(g))
               for k, g in want.items())
    return f"worst {d[-1]:.1e}, median {d[len(d) // 2]:.1e}"


def compare_step(path, model, images, boxes):
    """Terms and gradients of the first batch; all anchors and proposals are sampled."""
    if "DET_DUMP" not in os.environ:
        print("first batch: not compared, DET_DUMP is not set")
        return
    pre, post = (n["training"] for n in (model.rpn._pre_nms_top_n, model.rpn._post_nms_top_n))
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    want, moved = (train_rcnn.torch_step(copy.deepcopy(model), x, boxes, post, pre)
                   for x in (images, images * (1 + 1e-6 * noise)))
    with tempfile.TemporaryDirectory() as folder:
        terms, grads = train_rcnn.our_step(path, images, boxes, 0, post, folder, pre)
    grads = {k: grads[squeezenet_fpn.our_name(k)] for k in want[1]}
    off = {k: abs(terms[k] - v) / max(1, abs(v)) for k, v in want[0].items()}
    print("first batch, terms:", ", ".join(f"{k} {v:.6f} off {off[k]:.1e}"
                                           for k, v in want[0].items()),
          "" if max(off.values()) < 1e-4 else "ABOVE 1e-4")
    print(f"first batch, gradients of {len(grads)} weights: {distances(grads, want[1])}; torch "
          f"itself, input moved by 1e-6: {distances(moved[1], want[1])}", flush=True)


def pipe(path, test):
    """The boxes of det's own tools, as bccd.mk finds them."""
    data = prepared(path, test)
    for tool, *args in (("det-backbone",), ("det-propose",), ("det-roipool",),
                        ("det-head", "--thresh", ".001"), ("det-nms",)):
        data = tv_compare.tool(tool, "-m", path, *args, stdin=data)
    return data


def prepared(path, test):
    with open(test, "rb") as f:
        return tv_compare.tool("det-image", "-m", path, stdin=f.read())


def found_by_det(data):
    """Of each item its boxes in the input: corners, scores, labels."""
    item = None
    for r in tv_compare.records(data):
        if r.kind == "ITEM":
            item = r
        elif r.kind == "BOXS" and r.name == "boxes":
            xy, score, label = tv_compare.triple(r.boxes)
            yield to_input(xy, item), score, label


def detect(path, model, classes, test, boxes):
    """Writes torchvision's boxes of the test split as a stream, and gives them."""
    all_found = []
    begun = time.process_time()
    with open(boxes, "wb") as out:
        w = det_stream.Writer(out)
        w.begin(f"bccd_control.py, torchvision {torchvision.__version__}", classes)
        for image, _, item, gt in examples(io.BytesIO(prepared(path, test)), classes):
            _, found = squeezenet_fpn.detect(model, image)
            b = np.zeros(len(found["scores"]), det_stream.BOX)
            for i, k in enumerate(CORNERS):
                b[k] = found["boxes"][:, i]
            b["score"], b["label"] = found["scores"], found["labels"] - 1
            w.put(item)
            w.put(gt)
            w.boxes("boxes", b, "input")
            all_found.append((found["boxes"].astype(float), found["scores"].astype(float),
                              found["labels"] - 1))
        w.end()
    return all_found, (time.process_time() - begun) / max(1, len(all_found))


def score(boxes, test):
    """AP and AP50 by det-eval, and where there is one by pycocotools."""
    rows = tv_compare.tool("det-eval", "--tsv", boxes).decode().split("\n")
    values = {r.split("\t")[3]: float(r.split("\t")[4]) for r in rows
              if r.startswith("coco\tfigures")}
    text = f"AP {values['AP']:.4f} AP50 {values['AP50']:.4f} (det-eval)"
    python = os.environ.get("COCO_PYTHON")
    if not python:
        return text
    exact = ("-f", "coco", "--decimals", "-1", "--score-decimals", "-1")
    with tempfile.TemporaryDirectory() as d:
        tv_compare.tool("det-export", *exact, "--truth", "-o", f"{d}/truth.json", test)
        tv_compare.tool("det-export", *exact, "-o", f"{d}/results.json", boxes)
        ap = subprocess.run([python, os.path.join(HERE, "coco.py"), "--score", f"{d}/truth.json",
                             f"{d}/results.json"], check=True, stdout=subprocess.PIPE).stdout
    return text + ", AP {:.4f} AP50 {:.4f} (pycocotools)".format(*map(float, ap.split()))


def compare_boxes(trained, test, folder):
    """By det and by torchvision with the same weights: boxes, and what they are worth."""
    model, classes = squeezenet_fpn.build(trained)
    data = pipe(trained, test)
    theirs, _ = detect(trained, model, classes, test, os.path.join(folder, "trained.boxes"))
    with open(os.path.join(folder, "trained.det.boxes"), "wb") as f:
        f.write(data)
    both = list(zip(found_by_det(data), theirs))
    hits = sum(tv_compare.matched(a, b) + tv_compare.matched(b, a) for a, b in both)
    total = sum(len(a[0]) + len(b[0]) for a, b in both)
    print(f"detections of {len(both)} pictures: {hits} of {total} boxes have a partner (IoU > "
          f".99, score within 1e-4), {100 * hits / max(1, total):.2f} %")
    print("det-train's model, by det's tools:  ", score(f.name, test))
    print("det-train's model, by torchvision:  ",
          score(os.path.join(folder, "trained.boxes"), test), flush=True)


# --- training ---

class Log:
    """log.tsv of det-train, and seconds an iteration, by the clock and of the processor."""

    def __init__(self, path, at):
        rows = []
        if at and os.path.exists(path):
            with open(path) as f:
                rows = [r for r in f.read().splitlines()[1:] if int(r.split("\t")[0]) <= at]
        self.f = open(path, "w")
        self.put("iteration", "images", *TERMS, "loss", "lr", "gradient", "most", "seconds",
                 "cpu")
        for r in rows:
            print(r, file=self.f, flush=True)
        self.begin()

    def begin(self):
        self.sums, self.norms = np.zeros(len(TERMS)), []
        self.time, self.cpu = time.monotonic(), time.process_time()

    def put(self, *row):
        text = "\t".join(f"{v:.6g}" if isinstance(v, float) else str(v) for v in row)
        print(text, file=self.f, flush=True)
        print(text, flush=True)

    def add(self, terms, norm):
        self.sums += [float(terms[k].detach()) for k in TERMS]
        self.norms.append(norm)

    def row(self, iteration, images, lr):
        n = len(self.norms)
        terms = [float(v) / n for v in self.sums]
        self.put(iteration, images, *terms, sum(terms), lr, sum(self.norms) / n, max(self.norms),
                 (time.monotonic() - self.time) / n, (time.process_time() - self.cpu) / n)
        self.begin()


def save(path, **state):
    torch.save(dict(state, random=torch.get_rng_state()), path + ".part")
    os.replace(path + ".part", path)


def step(model, optimizer, images, boxes, lr, clip):
    terms = train_rcnn.loss_terms(model, images, train_rcnn.targets_of(boxes))
    optimizer.zero_grad()
    sum(terms.values()).backward()
    norm = float(torch.nn.utils.clip_grad_norm_(model.parameters(), clip, error_if_nonfinite=True))
    for g in optimizer.param_groups:
        g["lr"] = lr
    optimizer.step()
    return terms, norm


def train(a, keys, model, classes):
    """To the end of a.iterations; the averaged model."""
    state_path, size = os.path.join(a.output, "state.pt"), int(keys["batch"])
    rates = Rates(keys, a.iterations)
    optimizer, average = optimizer_of(model, keys), Average(model, float(keys["ema"]))
    at = 0
    if a.resume and os.path.exists(state_path):
        state = torch.load(state_path)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        average.value, at = state["average"], state["iteration"]
        torch.set_rng_state(state["random"])
        print(f"going on after iteration {at}")
    log = Log(os.path.join(a.output, "log.tsv"), at)
    model.train()
    stream = batches(sys.stdin.buffer, classes, size, at * size) if at < a.iterations else ()
    for images, boxes in stream:
        if not at:
            with torch.random.fork_rng():   # the control is the same with and without it
                compare_step(a.model, model, images, boxes)
            log.begin()
        lr = rates.at(at)
        log.add(*step(model, optimizer, images, boxes, lr, float(keys["clip"])))
        at += 1
        average.move(model, at)
        if at % LOG == 0 or at == a.iterations:
            log.row(at, at * size, lr)
        if at % a.every == 0 or at == a.iterations:
            save(state_path, model=model.state_dict(), optimizer=optimizer.state_dict(),
                 average=average.value, iteration=at)
        if at == a.iterations:
            break
    if at < a.iterations:
        sys.exit(f"the stream ended after {at} of {a.iterations} iterations")
    return average.model(model)


def arguments():
    p = argparse.ArgumentParser(description="see the head of this file")
    p.add_argument("-m", "--model", required=True, help="where training begins")
    p.add_argument("-o", "--output", required=True, help="folder")
    p.add_argument("--recipe", required=True)
    p.add_argument("--iterations", type=int, help="in place of the recipe's")
    p.add_argument("--warmup", help="in place of the recipe's")
    p.add_argument("--test", required=True, help="det-gt's stream of the test split")
    p.add_argument("--trained", help="what det-train made of it")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--every", type=int, default=100, help="steps from one state.pt to the next")
    p.add_argument("--resume", action="store_true")
    return p.parse_args()


def main():
    a = arguments()
    torch.set_num_threads(a.threads)
    os.makedirs(a.output, exist_ok=True)
    keys = read_recipe(a.recipe)
    keys["warmup"] = a.warmup or keys.get("warmup", "0")
    a.iterations = a.iterations or int(keys["iterations"])
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}, {a.threads} threads;"
          f" {a.iterations} iterations,", " ".join(f"{k}={keys[k]}" for k in (
              "batch", "lr", "schedule", "warmup", "momentum", "decay", "clip", "ema")))
    if a.trained:
        compare_boxes(a.trained, a.test, a.output)
    torch.manual_seed(a.seed)
    model, classes = squeezenet_fpn.build(a.model)
    averaged = train(a, keys, model, classes)
    control = os.path.join(a.output, "control.det")
    squeezenet_fpn.write(control, a.model, averaged)
    _, seconds = detect(a.model, averaged, classes, a.test, os.path.join(a.output, "boxes"))
    print("torchvision's model, by torchvision:", score(os.path.join(a.output, "boxes"), a.test),
          f"{1000 * seconds:.0f} ms/image")
    by_det = os.path.join(a.output, "control.det.boxes")
    with open(by_det, "wb") as f:
        f.write(pipe(control, a.test))
    print("torchvision's model, by det's tools:", score(by_det, a.test))


if __name__ == "__main__":
    main()
