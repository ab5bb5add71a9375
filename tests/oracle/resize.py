#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Compares det-image's resize kernels with the libraries that they follow, on a picture of
noise and on photographs given as arguments; with --golden prints the small numbers that
tests/unit/test_image_resize.c holds.

Needs Debian's python3-opencv, python3-pil, python3-torch; compared with OpenCV 4.6.0,
Pillow 9.4.0, torch 1.13.1, and Darknet's resize_image of 2018 restated in numpy float32.

    DET_BIN=bin tests/oracle/resize.py photo.jpg ...
"""
import os
import subprocess
import sys
import tempfile

import cv2
import numpy as np
import torch
from PIL import Image

BIN = os.environ.get("DET_BIN", "bin")


def ours(path, *options):
    image = subprocess.run([f"{BIN}/det-image", *options, path], check=True, stdout=subprocess.PIPE)
    with tempfile.NamedTemporaryFile(suffix=".npy") as f:
        subprocess.run([f"{BIN}/det-show", "--npy", "image"], input=image.stdout, check=True, stdout=f)
        f.flush()
        return np.load(f.name)[0].transpose(1, 2, 0)


def darknet(im, w, h):
    """src/image.c resize_image, rows and columns at once; every step in float32."""
    f = np.float32
    ih, iw, _ = im.shape
    part = np.zeros((ih, w, 3), f)
    for c in range(w):
        if c == w - 1 or iw == 1:
            part[:, c] = im[:, iw - 1]
        else:
            sx = f(c) * (f(iw - 1) / f(w - 1))
            ix = int(sx)
            dx = sx - f(ix)
            part[:, c] = (f(1) - dx) * im[:, ix] + dx * im[:, ix + 1]
    out = np.zeros((h, w, 3), f)
    for r in range(h):
        sy = f(r) * (f(ih - 1) / f(h - 1))
        iy = int(sy)
        dy = sy - f(iy)
        out[r] = (f(1) - dy) * part[iy]
        if r == h - 1 or ih == 1:
            continue
        out[r] += dy * part[iy + 1]
    return out


def torch_resize(im, w, h):
    x = torch.from_numpy(im.transpose(2, 0, 1)[None].copy())
    y = torch.nn.functional.interpolate(x, size=(h, w), mode="bilinear", align_corners=False)
    return y[0].numpy().transpose(1, 2, 0)


def compare(name, path, rgb, w, h):
    size = ["--fit", "stretch", "--size", f"{w}x{h}"]
    bytes_ = ["--scale", "1"]
    unit = (rgb / np.float64(255)).astype(np.float32)
    mean, std = np.float32([.485, .456, .406]), np.float32([.229, .224, .225])
    normal = (unit - mean) / std
    norm = ["--mean", ".485,.456,.406", "--std", ".229,.224,.225", "--normalize", "before"]
    cases = [
        ("opencv bytes", ours(path, *size, *bytes_, "--kernel", "opencv"), cv2.resize(rgb, (w, h)).astype(np.float32)),
        ("opencv floats", ours(path, *size, *norm, "--kernel", "opencv"), cv2.resize(normal, (w, h))),
        ("pil bytes", ours(path, *size, *bytes_, "--kernel", "pil"),
         np.asarray(Image.fromarray(rgb).resize((w, h), Image.BILINEAR)).astype(np.float32)),
        ("torch floats", ours(path, *size, *norm, "--kernel", "torch"), torch_resize(normal, w, h)),
        ("darknet floats", ours(path, *size, "--kernel", "darknet"), darknet(unit, w, h)),
    ]
    for kernel, got, want in cases:
        diff = np.abs(got - want)
        print(f"{name} {rgb.shape[1]}x{rgb.shape[0]} -> {w}x{h} {kernel}: max {diff.max():.3g}, {(diff > 0).mean():.2%} differ")


def by_factor(path, rgb, short, long):
    """py-faster-rcnn: BGR minus mean in float, cv2.resize by a factor."""
    mean = np.array([[[102.9801, 115.9465, 122.7717]]])
    im = rgb[:, :, ::-1].astype(np.float32)
    im -= mean
    s = float(short) / min(im.shape[:2])
    if np.round(s * max(im.shape[:2])) > long:
        s = float(long) / max(im.shape[:2])
    want = cv2.resize(im, None, None, fx=s, fy=s, interpolation=cv2.INTER_LINEAR)
    got = ours(path, "--fit", "short", "--short", str(short), "--long", str(long), "--rule", "caffe", "--kernel", "opencv",
               "--channels", "bgr", "--scale", "1", "--mean", "102.9801,115.9465,122.7717", "--normalize", "before")
    print(f"py-faster-rcnn {rgb.shape[1]}x{rgb.shape[0]} -> {want.shape[1]}x{want.shape[0]}, ours {got.shape[1]}x{got.shape[0]}: "
          f"max {np.abs(got - want).max() if got.shape == want.shape else 'shape'}")


def sizes():
    """Sizes of torchvision 0.14's detectors; needs python3-torchvision."""
    from torchvision.models.detection.transform import GeneralizedRCNNTransform
    t = GeneralizedRCNNTransform(800, 1333, [0, 0, 0], [1, 1, 1]).eval()
    rng = np.random.default_rng(2)
    bad = 0
    with tempfile.TemporaryDirectory() as d:
        for _ in range(100):
            h, w = (int(v) for v in rng.integers(100, 1500, 2))
            want = tuple(t.resize(torch.zeros(3, h, w), None)[0].shape[1:])
            cv2.imwrite(f"{d}/x.png", np.zeros((h, w, 3), np.uint8))
            got = ours(f"{d}/x.png", "--fit", "short", "--short", "800", "--long", "1333", "--rule", "tv32").shape[:2]
            bad += got != want
    print(f"torchvision sizes: {bad} of 100 differ")


def golden():
    """A 7x5 picture whose bytes are (x*37 + y*61 + c*89) mod 256, shrunk and enlarged: tests/unit/resize_golden.h."""
    y, x, c = np.mgrid[0:5, 0:7, 0:3]
    rgb = ((x * 37 + y * 61 + c * 89) % 256).astype(np.uint8)
    unit = (rgb / np.float64(255)).astype(np.float32)
    print("/* SPDX-License-Identifier: MIT")
    print(" *")
    print(" * Made by tests/oracle/resize.py --golden: height x width x 3, row by row. */")
    print("/* clang-format off */")
    for w, h in ((4, 3), (9, 6)):
        cases = [("unsigned char opencv", cv2.resize(rgb, (w, h))),
                 ("unsigned char pil", np.asarray(Image.fromarray(rgb).resize((w, h), Image.BILINEAR))),
                 ("float torch", torch_resize(unit, w, h)), ("float darknet", darknet(unit, w, h)),
                 ("float opencvf", cv2.resize(unit, (w, h)))]
        for name, im in cases:
            values = [f"{v:.8g}F".replace("F", "" if "char" in name else ("f" if "." in f"{v:.8g}" or "e" in f"{v:.8g}" else ".f"))
                      for v in im.reshape(-1)]
            print(f"static const {name}_{w}x{h}[] = {{")
            for i in range(0, len(values), 12):
                print("\t" + ", ".join(values[i:i + 12]) + ",")
            print("};")


def main():
    if sys.argv[1:] == ["--golden"]:
        return golden()
    try:
        sizes()
    except ImportError:
        print("torchvision sizes: not compared, torchvision is missing")
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as d:
        for w, h in ((97, 61), (640, 480), (33, 200), (1, 7), (5, 1)):
            rgb = rng.integers(0, 256, (h, w, 3), dtype=np.uint8)
            path = f"{d}/noise.png"
            Image.fromarray(rgb).save(path)
            for ow, oh in ((320, 320), (416, 416), (48, 30), (97, 61), (300, 61), (320, 240), (13, 2)):
                compare("noise", path, rgb, ow, oh)
            if h > 7:
                by_factor(path, rgb, 100, 300)
        for path in sys.argv[1:]:
            rgb = np.asarray(Image.open(path).convert("RGB"))
            print(path, "decoded bytes differ from Pillow's:", np.abs(ours(path, "--scale", "1") - rgb).max())
            bgr = cv2.imread(path)
            print(path, "decoded bytes differ from OpenCV's:", np.abs(ours(path, "--scale", "1", "--channels", "bgr") - bgr).max())
            for ow, oh in ((320, 320), (416, 312), (1066, 800)):
                compare(os.path.basename(path), path, rgb, ow, oh)
            by_factor(path, rgb, 600, 1000)


main()
