#!/usr/bin/env python3
"""Times one of torchvision's detectors, with random weights, on a picture.

  detector_torch.py ARCH PICTURE.ppm THREADS [RUNS]    prints peer.py's line
  detector_torch.py ARCH PICTURE.ppm --export FILE     writes it as ONNX, for peer.py
"""
import os
import resource
import statistics
import sys
import time

arch, path, what = sys.argv[1:4]
threads = 2 if what == '--export' else int(what)
os.environ['OMP_NUM_THREADS'] = str(threads)

import numpy
import torch
import torchvision


def picture(path):
    """A binary PPM with a head of three lines, as (3,H,W) from 0 to 1."""
    with open(path, 'rb') as f:
        assert f.readline() == b'P6\n'
        width, height = map(int, f.readline().split())
        f.readline()
        pixels = numpy.frombuffer(f.read(), numpy.uint8).reshape(height, width, 3)
    return torch.from_numpy(pixels.transpose(2, 0, 1).astype(numpy.float32) / 255)


torch.set_num_threads(threads)
torch.manual_seed(0)
image = picture(path)
size = {} if arch.startswith('ssd') else {'min_size': min(image.shape[1:]), 'max_size': 1333}
model = getattr(torchvision.models.detection, arch)(weights=None, weights_backbone=None, **size)
model.eval()

if what == '--export':
    with torch.no_grad():
        # equal tensors would be merged, which some readers of ONNX do not like
        for p in model.parameters():
            p.add_(torch.rand_like(p) * 1e-3)
        torch.onnx.export(model, ([image],), sys.argv[4], opset_version=11,
                          input_names=['input'])
    sys.exit()

runs = int(sys.argv[4]) if len(sys.argv) > 4 else 3
ms = []
with torch.inference_mode():
    model([image])
    for _ in range(runs):
        begin = time.perf_counter()
        model([image])
        ms.append((time.perf_counter() - begin) * 1e3)
print('torch %s threads %d median %.1f ms peak %d MiB' % (
    torch.__version__, threads, statistics.median(ms),
    resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10))
