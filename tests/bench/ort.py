#!/usr/bin/env python3
"""Times an ONNX file in onnxruntime: ort.py MODEL.onnx THREADS [RUNS]; same line as net.c."""
import resource
import statistics
import sys
import time

import numpy
import onnxruntime

path, threads = sys.argv[1], int(sys.argv[2])
runs = int(sys.argv[3]) if len(sys.argv) > 3 else 9
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
options.inter_op_num_threads = 1
options.log_severity_level = 3
session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
node = session.get_inputs()[0]
feed = {node.name: numpy.random.default_rng(0).random(node.shape, dtype=numpy.float32)}
for _ in range(2):
    session.run(None, feed)
ms = []
for _ in range(runs):
    begin = time.perf_counter()
    session.run(None, feed)
    ms.append((time.perf_counter() - begin) * 1e3)
print("ort %s threads %d median %.1f ms min %.1f max %.1f  peak %d MiB" % (
    onnxruntime.__version__, threads, statistics.median(ms), min(ms), max(ms),
    resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10))
