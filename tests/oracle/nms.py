#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""nms.py BIN_DIR: det-nms against onnxruntime's NonMaxSuppression on random boxes.

Both are greedy, per class, drop at IoU > threshold and compute in float. Scores are distinct,
because the order of equal scores is onnxruntime's own. Needs numpy, onnx, onnxruntime.
Prints one line a case and exits 1 on a difference.
"""
import os
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper


def session():
    names = ['boxes', 'scores', 'max', 'iou']
    node = helper.make_node('NonMaxSuppression', names, ['kept'])
    graph = helper.make_graph([node], 'nms', [
        helper.make_tensor_value_info('boxes', TensorProto.FLOAT, [1, None, 4]),
        helper.make_tensor_value_info('scores', TensorProto.FLOAT, [1, None, None]),
        helper.make_tensor_value_info('max', TensorProto.INT64, [1]),
        helper.make_tensor_value_info('iou', TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info('kept', TensorProto.INT64, [None, 3])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 11)], ir_version=8)
    onnx.checker.check_model(model)
    return ort.InferenceSession(model.SerializeToString())


def ours(bin_dir, box, score, label, iou):
    lines = ['STRM', 'ITEM id=0 path=a.jpg width=1000 height=1000', 'BOXS name=boxes space=image']
    for i, (b, s, k) in enumerate(zip(box, score, label)):
        lines.append('  %.17g %.17g %.17g %.17g %.17g %d 0 %d' % (*b, s, k, i))
    text = '\n'.join(lines + ['END.', ''])
    run = lambda data, *cmd: subprocess.run(
        [os.path.join(bin_dir, cmd[0]), *cmd[1:]], input=data, check=True, capture_output=True).stdout
    s = run(text.encode(), 'det-show', '--build', '-')
    s = run(s, 'det-nms', '--iou', repr(iou), '--clip', 'none')
    out = run(s, 'det-show', '--data').decode()
    rows = [l.split() for l in out.splitlines() if l.startswith('  ')]
    return {(int(r[5]), int(r[7])) for r in rows if len(r) == 9}


def main():
    rng, s, bad = np.random.default_rng(1), session(), 0
    for case in range(60):
        n, classes = int(rng.integers(1, 1500)), int(rng.integers(1, 6))
        size = float(rng.choice([50, 200, 1000]))
        box = rng.uniform(0, size, (n, 4)).astype('f')
        box[:, 2:] = box[:, :2] + rng.uniform(1, size / 4, (n, 2)).astype('f')
        if case % 3 == 0:
            box = np.round(box)
        score = rng.permutation(n).astype('f') / np.float32(n)
        label = rng.integers(0, classes, n)
        iou = float(rng.choice([.3, .45, .5, .6, .7]))
        per_class = np.full((1, classes, n), -1, 'f')
        per_class[0, label, np.arange(n)] = score
        kept = s.run(None, {'boxes': box[None, :, [1, 0, 3, 2]], 'scores': per_class,
                            'max': np.array([n], 'i8'), 'iou': np.array([iou], 'f')})[0]
        theirs = {(int(k), int(i)) for _, k, i in kept if label[i] == k}
        got = ours(sys.argv[1], box.astype('d'), score.astype('d'), label, iou)
        same = got == theirs
        bad += not same
        print('%4d boxes %d classes iou %.2f: kept %4d %s' % (
            n, classes, iou, len(theirs), 'same' if same else 'DIFFERENT: ours %d' % len(got)))
    sys.exit(bad != 0)


main()
