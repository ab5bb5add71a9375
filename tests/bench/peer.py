#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Times a network in one of the programs that the engine is set beside, on the input that
net.c feeds, and prints net.c's line:

    peer.py ort   MODEL.onnx THREADS RUNS [WANT.f32]
    peer.py ncnn  MODEL      THREADS RUNS [WANT.f32]             what det2ncnn.py wrote
    peer.py torch MODEL.det  THREADS RUNS WANT.f32|- HxW [NET ...]

    ort 1.31.1 threads 1 median 284.1 ms min 283.0 max 286.2 peak 245 MiB base 61 MiB others 0 % differs 2e-06

Two runs to warm up (one if it takes a second); then RUNS, but more until half a second is
over and no more after three. peak: the memory of the
whole process, of which base was taken by Python and the peer before the model. WANT.f32 holds
det's outputs one after another (net.c -o); differs: the largest difference, each relative to
the largest value of its output.
"""
import os
import resource
import statistics
import sys
import time

import numpy as np


def mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def others():
    """Seconds of processor time that others have had so far, a hypervisor among them."""
    own = sum(os.times()[:2])
    try:
        with open('/proc/stat') as f:
            t = [int(v) for v in f.readline().split()[1:9]]
    except OSError:
        return 0
    return (sum(t) - t[3] - t[4]) / os.sysconf('SC_CLK_TCK') - own


def noise(shape):
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../oracle'))
    import det_net
    return det_net.noise(shape)


def ort(path, threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    base = mib()
    session = onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])
    node = session.get_inputs()[0]
    feed = {node.name: noise(node.shape)}
    return onnxruntime.__version__, base, lambda: session.run(None, feed)


def ncnn(path, threads):
    import ncnn
    with open(path + '.out') as f:
        start, shape, *outs = f.read().split('\n')[:-1]
    net = ncnn.Net()
    net.opt.num_threads = threads
    for half in ('fp16_storage', 'fp16_packed', 'fp16_arithmetic', 'bf16_storage'):
        setattr(net.opt, 'use_' + half, False)
    base = mib()
    if net.load_param(path + '.param') or net.load_model(path + '.bin'):
        raise SystemExit('ncnn does not take ' + path)
    x = noise(tuple(map(int, shape.split('x'))))

    def run():
        ex = net.create_extractor()
        ex.input(start, ncnn.Mat(x))
        return [ex.extract(o)[1] for o in outs]
    return ncnn.__version__, base, run


def torch(path, threads, size, *nets):
    os.environ['OMP_NUM_THREADS'] = str(threads)
    import torch
    from torch_net import TorchNet
    torch.set_num_threads(threads)
    base = mib()
    net = TorchNet(path, tuple(map(int, size.split('x'))), nets or ['backbone'])
    x = torch.from_numpy(noise(net.input_shape))

    def run():
        with torch.inference_mode():
            return net(x)
    return torch.__version__, base, run


def differs(outs, path):
    want = np.fromfile(path, np.float32)
    at, worst = 0, 0.
    for o in outs:
        o = np.asarray(o, np.float32).ravel()
        w = want[at:at + o.size]
        at += o.size
        if w.size != o.size:
            return float('nan')
        worst = max(worst, float(np.abs(o - w).max() / np.abs(w).max()))
    return worst if at == want.size else float('nan')


def main(peer, path, threads, runs, want='-', *more):
    version, base, run = {'ort': ort, 'ncnn': ncnn, 'torch': torch}[peer](path, int(threads), *more)
    begin = time.perf_counter()
    outs = run()
    if time.perf_counter() - begin < 1:
        run()
    busy = others()
    ms, start, over = [], time.perf_counter(), 0
    while (len(ms) < int(runs) and over < 3) or (over < .5 and len(ms) < 256):
        begin = time.perf_counter()
        run()
        end = time.perf_counter()
        ms.append((end - begin) * 1e3)
        over = end - start
    busy = max(0, others() - busy) / over
    peak = mib()
    line = '%s %s threads %s median %.2f ms min %.2f max %.2f peak %d MiB base %d MiB others %.0f %%' % (
        peer, version, threads, statistics.median(ms), min(ms), max(ms), peak, base, busy * 100)
    if want != '-':
        line += ' differs %.2g' % differs(outs, want)
    print(line)


if __name__ == '__main__':
    main(*sys.argv[1:])
