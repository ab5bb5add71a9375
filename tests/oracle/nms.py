#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""nms.py BIN_DIR: det-nms and det-merge against independent implementations.

  greedy          torchvision.ops.nms and batched_nms (with its coordinate trick below 1000
                  boxes: --trick); onnxruntime's NonMaxSuppression where that is installed
  soft, matrix    transcribed here from the published formulas over numpy arrays
  fuse, det-merge the authors' weighted boxes fusion, transcribed over lists of members
  rescore         the formula of det-merge(1)

Boxes are random and degenerate: empty, inverted, identical, tied scores, tiny, far away.
Needs numpy; torch and torchvision, onnx and onnxruntime for their parts. Prints a line a
part with how many lists were compared, and exits 1 where one differs.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np

try:
    import torch
    import torchvision
except ImportError:
    torch = None
try:
    import onnx
    import onnxruntime as ort
except ImportError:
    ort = None

BIN = sys.argv[1]
CASES = int(sys.argv[2]) if len(sys.argv) > 2 else 60


def call(data, *cmd):
    return subprocess.run([os.path.join(BIN, cmd[0]), *cmd[1:]], input=data, check=True,
                          capture_output=True).stdout


def stream(box, score, label):
    lines = ['STRM', 'ITEM id=0 path=a.jpg width=1000 height=1000', 'BOXS name=boxes space=image']
    for i, (b, s, k) in enumerate(zip(box, score, label)):
        lines.append('  %.17g %.17g %.17g %.17g %.17g %d 0 %d' % (*b, s, k, i))
    return call('\n'.join(lines + ['END.', '']).encode(), 'det-show', '--build', '-')


def rows(data):
    out = call(data, 'det-show', '--data').decode().splitlines()
    r = np.array([l.split()[:8] for l in out if l.startswith('  ')], 'd').reshape(-1, 8)
    return {'box': r[:, :4], 'score': r[:, 4], 'label': r[:, 5].astype(int), 'id': r[:, 7].astype(int)}


def ours(box, score, label, *options):
    return rows(call(stream(box, score, label), 'det-nms', '--clip', 'none', *options))


def make(rng, case, top=1300):
    """Lists of many kinds; scores are distinct unless the case is a tie."""
    n, classes = int(rng.integers(1, top)), int(rng.integers(1, 6))
    size = float(rng.choice([50, 200, 1000]))
    box = rng.uniform(0, size, (n, 4)).astype('f')
    box[:, 2:] = box[:, :2] + rng.uniform(1, size / 4, (n, 2)).astype('f')
    if case % 3 == 0:
        box = np.round(box)
    if case % 4 == 1:
        box[rng.integers(0, n, n // 8)] = box[0]            # identical
        flat = rng.integers(0, n, n // 8)
        box[flat, 2] = box[flat, 0]                         # empty
    if case % 5 == 2:
        box[rng.integers(0, n, n // 8 + 1)] *= np.float32(1e6)  # far away
    score = (rng.permutation(n).astype('f') + 1) / np.float32(n + 1)
    label = rng.integers(0, classes, n)
    return box, score, label


def area(b):
    return max(b[2] - b[0], np.float32(0)) * max(b[3] - b[1], np.float32(0))


def iou_row(b, boxes):
    """Overlaps of one box with many, in float32; 0 where they do not meet."""
    w = np.maximum(np.minimum(b[2], boxes[:, 2]) - np.maximum(b[0], boxes[:, 0]), np.float32(0))
    h = np.maximum(np.minimum(b[3], boxes[:, 3]) - np.maximum(b[1], boxes[:, 1]), np.float32(0))
    inter = w * h
    side = np.maximum(boxes[:, 2:] - boxes[:, :2], np.float32(0))
    union = area(b) + side[:, 0] * side[:, 1] - inter
    return np.where(inter > 0, inter / np.where(union > 0, union, 1), 0).astype('f')


def soft(box, score, t, sigma, low):
    """Bodla et al.: take the best, lower the others, again. Returns ids and scores."""
    s, left, out = score.astype('f').copy(), list(range(len(score))), []
    while left:
        i = max(left, key=lambda k: (s[k], -k))
        if s[i] < low:
            break
        left.remove(i)
        out.append((i, float(s[i])))
        if not left:
            break
        v = iou_row(box[i], box[left])
        if sigma:
            s[left] *= np.exp(-v.astype('d') ** 2 / sigma).astype('f')
        else:
            s[left] *= np.where(v > np.float32(t), 1 - v, 1).astype('f')
    return out


def matrix(box, score, sigma):
    """SOLOv2's matrix_nms, for one class: the whole matrix at once, upper triangle."""
    order = np.argsort(-score, kind='stable')
    b, s = box[order], score[order].astype('d')
    m = np.triu(np.stack([iou_row(x, b) for x in b]).astype('d'), 1)
    cover = m.max(0)[:, None]
    if sigma:
        f = np.exp(-(m ** 2 - cover ** 2) / sigma)
    else:
        with np.errstate(all='ignore'):
            f = np.where(cover < 1, (1 - m) / (1 - cover), 1)
    f[np.tril_indices(len(s))] = 1
    return dict(zip(order.tolist(), (s * np.minimum(f.min(0), 1)).tolist()))


def wbf(lists, weights, t, conf):
    """ensemble-boxes: clusters keep their members, and each fused box is made from them."""
    out = []
    for k in sorted({k for l in lists for k in l[2]}):
        all_ = [(s * w, b) for (box, score, label), w in zip(lists, weights)
                for b, s, c in zip(box.astype('d'), score.astype('d'), label) if c == k]
        all_.sort(key=lambda x: -x[0])
        members, fused = [], []
        for s, b in all_:
            v = iou_row(b.astype('f'), np.array([f[1] for f in fused], 'f')) if fused else []
            best = int(np.argmax(v)) if len(v) else -1
            if best < 0 or v[best] <= np.float32(t):
                members.append([(s, b)])
                fused.append((s, b))
                continue
            members[best].append((s, b))
            m = members[best]
            fused[best] = (None, sum(x * y for x, y in m) / sum(x for x, _ in m))
        for m, (_, b) in zip(members, fused):
            s = [x for x, _ in m]
            total = sum(weights)
            score = max(s) / max(weights) if conf == 'max' else np.mean(s) * min(len(m), total) / total
            out.append((k, score, *b))
    return sorted(out)


def same_rows(got, want):
    a = np.array(sorted(zip(got['label'], got['score'], *got['box'].T))).reshape(-1, 6)
    b = np.array(want).reshape(-1, 6)
    if a.shape != b.shape:
        return False
    key = lambda x: x[np.lexsort(np.round(x, 4).T)]
    return np.allclose(key(a), key(b), rtol=1e-6, atol=1e-6)


def report(name, bad, n):
    print('%-28s %4d lists  %s' % (name, n, '%d DIFFER' % bad if bad else 'same'))
    return bad


def greedy_part(rng):
    if not torch:
        print('torchvision is not installed: skipped')
        return 0
    bad = [0, 0, 0]
    for case in range(CASES):
        box, score, label = make(rng, case)
        t = float(rng.choice([.3, .45, .5, .6, .7]))
        if case % 7 == 3:  # ties: torchvision sorts stably
            score = np.round(score, 2)
        tb, ts, tl = (torch.from_numpy(x) for x in (box, score, label))
        one = torchvision.ops.nms(tb, ts, t).tolist()
        got = ours(box, score, label, '--iou', repr(t), '--wide', '--agnostic')['id'].tolist()
        # torchvision computes areas of inverted boxes as they come; there are none here
        bad[0] += got != one
        per = sorted(i for k in set(label.tolist())
                     for i in np.flatnonzero(label == k)[
                         torchvision.ops.nms(tb[tl == k], ts[tl == k], t).numpy()].tolist())
        bad[1] += sorted(ours(box, score, label, '--iou', repr(t), '--wide')['id'].tolist()) != per
        first = int(rng.integers(0, 80))
        batched = torchvision.ops.batched_nms(tb, ts, tl + first, t).tolist()
        got = ours(box, score, label, '--iou', repr(t), '--wide', '--trick', str(first))['id'].tolist()
        # above 1000 boxes batched_nms sorts the survivors unstably
        bad[2] += (sorted(got) != sorted(batched)) if len(box) > 1000 or case % 7 == 3 else got != batched
    return (report('nms', bad[0], CASES) + report('nms of each class', bad[1], CASES) +
            report('batched_nms (%s)' % torchvision.__version__, bad[2], CASES))


def onnx_part(rng):
    if not ort:
        print('onnxruntime is not installed: skipped')
        return 0
    node = onnx.helper.make_node('NonMaxSuppression', ['boxes', 'scores', 'max', 'iou'], ['kept'])
    info, f, i = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
    graph = onnx.helper.make_graph(
        [node], 'nms', [info('boxes', f, [1, None, 4]), info('scores', f, [1, None, None]),
                        info('max', i, [1]), info('iou', f, [1])], [info('kept', i, [None, 3])])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid('', 11)], ir_version=8)
    s, bad = ort.InferenceSession(model.SerializeToString()), 0
    for case in range(0, CASES, 4):  # without the degenerate ones, whose IoU is 0 / 0 there
        box, score, label = make(rng, 3 * case)
        classes, t = int(label.max()) + 1, float(rng.choice([.3, .45, .5, .6, .7]))
        per = np.full((1, classes, len(box)), -1, 'f')
        per[0, label, np.arange(len(box))] = score
        kept = s.run(None, {'boxes': box[None, :, [1, 0, 3, 2]], 'scores': per,
                            'max': np.array([len(box)], 'i8'), 'iou': np.array([t], 'f')})[0]
        theirs = {(int(k), int(j)) for _, k, j in kept if label[j] == k}
        got = ours(box, score, label, '--iou', repr(t))
        bad += set(zip(got['label'].tolist(), got['id'].tolist())) != theirs
    return report('onnxruntime', bad, len(range(0, CASES, 4)))


def decay_part(rng):
    bad = dict.fromkeys(['soft-linear', 'soft-gauss', 'matrix-linear', 'matrix-gauss'], 0)
    for case in range(CASES):
        box, score, label = make(rng, case, 500)
        t, sigma = float(rng.choice([.3, .5])), float(rng.choice([.3, .5, 1]))
        low = float(rng.choice([0, .05]))
        if case % 7 == 3:
            score = np.round(score, 1)
        for method in bad:
            g = sigma if method.endswith('gauss') else 0
            want = {}
            for k in set(label.tolist()):
                at = np.flatnonzero(label == k)
                r = (soft(box[at], score[at], t, g, low) if method.startswith('soft')
                     else matrix(box[at], score[at], g).items())
                want.update({int(at[i]): s for i, s in r if s >= low})
            o = ours(box, score, label, '--method', method, '--iou', repr(t), '--sigma', repr(sigma),
                     '--min-score', repr(low))
            got = dict(zip(o['id'].tolist(), o['score'].tolist()))
            bad[method] += (set(got) != set(want) or
                            any(abs(got[i] - want[i]) > 1e-6 for i in got) or
                            any(np.diff(o['score']) > 0))
    return sum(report(m, b, CASES) for m, b in bad.items())


def fusion_part(rng):
    bad = [0, 0, 0]
    for case in range(CASES):
        n = int(rng.integers(2, 5))
        weights = [float(w) for w in rng.choice([.5, 1, 2, 3], n)]
        base, _, label = make(rng, 0, 60)
        lists = []
        for _ in range(n):  # the same objects, seen with some noise, some not
            see = rng.uniform(size=len(base)) < .7
            noise = rng.normal(0, 1, (int(see.sum()), 4)).astype('f')
            s = rng.uniform(.01, 1, int(see.sum())).astype('f')
            lists.append(((base[see] + noise).astype('f').astype('d'), s.astype('d'), label[see]))
        t, conf = float(rng.choice([.4, .55, .7])), ['avg', 'max'][case % 2]
        with tempfile.TemporaryDirectory() as tmp:
            names = []
            for i, l in enumerate(lists):
                names.append(os.path.join(tmp, '%d.det' % i))
                with open(names[-1], 'wb') as f:
                    f.write(stream(*l))
            merge = lambda *o: rows(call(b'', 'det-merge', '--iou', repr(t), *o, *names))
            w = ','.join('%g' % x for x in weights)
            bad[0] += not same_rows(merge('--method', 'wbf', '--weights', w, '--fuse-score', conf),
                                    wbf(lists, weights, t, conf))
            got = merge('--method', 'rescore', '--boost', '.5', '--weights',
                        ','.join(['1'] * n))['score']
        want = []
        for b, s, k in zip(*lists[0]):
            e = 0
            for ob, os_, ol in lists[1:]:
                v = iou_row(b.astype('f'), ob.astype('f')) if len(ob) else np.zeros(0, 'f')
                ok = (v > np.float32(t)) & (ol == k)
                e = max(e, (os_ * v * ok).max() if len(v) else 0)
            want.append(1 - (1 - s) * (1 - .5 * e))
        bad[2] += len(got) != len(want) or not np.allclose(got, want, atol=1e-6)
        one = ours(*lists[0], '--method', 'fuse', '--iou', repr(t), '--fuse-score', conf)
        bad[1] += not same_rows(one, wbf(lists[:1], [1], t, conf))
    return (report('det-merge --method wbf', bad[0], CASES) + report('det-nms --method fuse', bad[1], CASES) +
            report('det-merge --method rescore', bad[2], CASES))


def nan_part():
    """NaN never gets as far as a list: nothing may build such a stream quietly."""
    bad = 0
    for v in ('nan', 'inf', '-inf'):
        text = 'STRM\nITEM id=0 path=a\nBOXS name=boxes space=image\n  0 0 %s 1 .5 0\nEND.\n' % v
        s = subprocess.run([BIN + '/det-show', '--build', '-'], input=text.encode(), capture_output=True)
        if s.returncode == 0:
            r = subprocess.run([BIN + '/det-nms', '--clip', 'none'], input=s.stdout, capture_output=True)
            bad += r.returncode != 2
    return report('NaN and infinity are refused', bad, 3)


np_rng = np.random.default_rng(1)
sys.exit(sum([greedy_part(np_rng), onnx_part(np_rng), decay_part(np_rng), fusion_part(np_rng),
              nan_part()]) != 0)
