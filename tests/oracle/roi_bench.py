#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""torchvision's roi_align on random boxes distributed as in tests/bench/roi.c.

    roi_bench.py [ROIS [THREADS]]

Prints milliseconds, best and median of 9, in the form of that program's lines. Needs
python3-torch and python3-torchvision."""
import sys
import time

import torch
import torchvision

n = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
threads = int(sys.argv[2]) if len(sys.argv) > 2 else torch.get_num_threads()
torch.set_num_threads(threads)
torch.manual_seed(1)
maps = [torch.rand(1, 256, 200 >> i, 272 >> i) for i in range(4)]
side = 16 * 2 ** (torch.rand(n) * 5.643856)
aspect = 2 ** (torch.rand(n) * 2 - 1)
x, y = torch.rand(n) * 1088, torch.rand(n) * 800
boxes = torch.stack([
    (x - side * aspect / 2).clamp(min=0), (y - side / aspect / 2).clamp(min=0),
    (x + side * aspect / 2).clamp(max=1088), (y + side / aspect / 2).clamp(max=800)], 1)
pool = torchvision.ops.MultiScaleRoIAlign(["0", "1", "2", "3"], 7, 2)
features = {str(i): m for i, m in enumerate(maps)}
times = []
with torch.no_grad():
    for _ in range(9):
        t = time.perf_counter()
        pool(features, [boxes], [(800, 1088)])
        times.append((time.perf_counter() - t) * 1e3)
times.sort()
print(f"align\t{n}\t{threads}\t{times[0]:.2f}\t{times[4]:.2f}\t"
      f"torchvision-{torchvision.__version__}")
