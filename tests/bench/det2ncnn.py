#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes networks of a model file as ncnn's two files, so that it computes the same network
with the same weights:

    det2ncnn.py MODEL.det OUT HxW [NET ...]     writes OUT.param and OUT.bin

As ncnn's own optimiser would leave it: batch norm folded into the convolutions, activations
fused into them, plain 32 bit weights. ncnn can't share weights: a head that runs on five
levels of a pyramid is there five times. Sources: ncnn's docs, developer-guide/
param-and-model-file-structure.md and operators.md.
"""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../oracle'))
import det_net  # noqa: E402

ACTS = {'relu': ('ReLU', {}), 'leaky': ('ReLU', {}), 'relu6': ('Clip', {0: 0., 1: 6.}),
        'sigmoid': ('Sigmoid', {}), 'mish': ('Mish', {}), 'silu': ('Swish', {})}


class Ncnn:
    def __init__(self, net):
        self.net, self.lines, self.blobs, self.data = net, [], 0, []
        self.readers = {}      # of each value: how many layers (or outputs) take it
        self.copies = {}       # of a value with several: those not yet taken
        for a in net.layers:
            for i in a.ins[:1] if a.op == 'upsample' else a.ins:
                self.readers[i] = self.readers.get(i, 0) + 1
        for _, layer in net.outputs:
            self.readers[layer] = self.readers.get(layer, 0) + 1
        _, c, h, w = net.shape[net.input]
        self.put('Input', net.input, [], [net.input], {0: w, 1: h, 2: c})
        self.split(net.input)
        for a in net.layers:
            self.layer(a)
            self.split(a.name)
        self.outputs = [self.take(layer) for _, layer in net.outputs]

    def put(self, kind, name, ins, outs, params):
        words = []
        for k, v in params.items():
            if isinstance(v, (list, tuple)):
                words.append('%d=%d,%s' % (-23300 - k, len(v), ','.join(map(repr, v))))
            else:
                words.append('%d=%r' % (k, v))
        self.lines.append(' '.join([kind, name, str(len(ins)), str(len(outs))] + ins + outs + words))
        self.blobs += len(outs)

    def split(self, name):
        n = self.readers.get(name, 0)
        if n > 1:
            outs = ['%s@%d' % (name, i) for i in range(n)]
            self.put('Split', name + '@', [name], outs, {})
            self.copies[name] = outs

    def take(self, name):
        return self.copies[name].pop() if name in self.copies else name

    def raw(self, *arrays):
        self.data += [np.ascontiguousarray(a, '<f4').tobytes() for a in arrays]

    def weights(self, w, b):
        self.data.append(b'\0\0\0\0')      # plain floats
        self.raw(w, b)

    @staticmethod
    def fused(a):
        kind, alpha = a.act()
        return {'linear': {}, 'relu': {9: 1}, 'leaky': {9: 2, 10: [alpha]}, 'relu6': {9: 3, 10: [0., 6.]},
                'sigmoid': {9: 4}, 'mish': {9: 5}}.get(kind)

    def emit(self, kind, a, params, fuses=False):
        """The layer, and its activation where that can't be part of it."""
        ins, fused = [self.take(i) for i in a.ins], self.fused(a) if fuses else None
        act, alpha = a.act()
        if act == 'linear' or fused:
            self.put(kind, a.name, ins, [a.name], {**params, **(fused or {})})
            return
        self.put(kind, a.name + '#', ins, [a.name + '#'], params)
        self.activation(a.name + '#', a)

    def activation(self, x, a):
        act, alpha = a.act()
        kind, params = ACTS[act]
        self.put(kind, a.name, [x], [a.name], {0: alpha} if act == 'leaky' else params)

    def conv(self, a):
        w, b = a.folded()
        k, s, d, p = a.two('k', '1'), a.two('stride', '1'), a.two('dilate', '1'), a.pads()
        params = {0: w.shape[0], 1: k[1], 11: k[0], 2: d[1], 12: d[0], 3: s[1], 13: s[0],
                  4: p[1], 14: p[0], 15: p[3], 16: p[2], 5: 1, 6: w.size}
        groups = int(a.keys.get('groups', 1))
        if groups > 1:
            params[7] = groups
        self.emit('ConvolutionDepthWise' if groups > 1 else 'Convolution', a, params, True)
        self.weights(w, b)

    def fc(self, a):
        w, b = a.folded()
        self.emit('InnerProduct', a, {0: w.shape[0], 1: 1, 2: w.size}, True)
        self.weights(w, b)

    def pool(self, a):
        params = {0: int(a.op == 'avgpool')}
        if 'global' in a.keys:
            params[4] = 1
        else:
            k, s, p = a.two('k', '1'), a.two('stride', '1'), a.pads()
            params.update({1: k[1], 11: k[0], 2: s[1], 12: s[0], 3: p[1], 13: p[0], 14: p[3], 15: p[2],
                           5: 0 if a.keys.get('round') == 'ceil' else 1,
                           6: int(a.keys.get('count', 'pad') == 'pad')})
        self.emit('Pooling', a, params)

    def add(self, a):
        if len(a.ins) == 2:
            self.emit('BinaryOp', a, {0: 0})
        else:
            self.emit('Eltwise', a, {0: 1})

    def upsample(self, a):
        if a.keys.get('mode', 'nearest') != 'nearest':
            raise SystemExit('upsample: only mode=nearest')
        _, _, h, w = self.net.shape[a.name]
        a.ins = a.ins[:1]
        self.emit('Interp', a, {0: 1, 3: h, 4: w})

    def reorg(self, a):
        if a.keys.get('order') != 'darknet' or 'reverse' in a.keys:
            raise SystemExit('reorg: only order=darknet')
        s = int(a.keys.get('stride', 2))
        _, c, h, w = self.net.shape[a.ins[0]]
        big, small = a.name + '#b', a.name + '#s'
        self.put('Reshape', big, [self.take(a.ins[0])], [big], {0: w * s, 1: h * s, 2: c // (s * s)})
        self.put('Reorg', small, [big], [small], {0: s, 1: 1})
        self.put('Reshape', a.name, [small], [a.name], {0: w // s, 1: h // s, 2: c * s * s})

    def affine(self, a):
        c = self.net.shape[a.name][1]
        s, t = a.affine(c)
        self.emit('Scale', a, {0: c, 1: 1})
        self.raw(s, t)

    def layer(self, a):
        if a.op in ('conv', 'fc', 'add', 'upsample', 'reorg'):
            getattr(self, a.op)(a)
        elif a.op in ('maxpool', 'avgpool'):
            self.pool(a)
        elif a.op in ('bn', 'scale'):
            self.affine(a)
        elif a.op == 'l2norm':
            c = self.net.shape[a.name][1]
            self.emit('Normalize', a, {0: 0, 1: 0, 2: float(a.keys.get('eps', 1e-10)), 3: c, 9: 0})
            self.raw(a.weights.get('weight', np.ones(c)))
        elif a.op == 'concat':
            self.emit('Concat', a, {0: 0})
        elif a.op == 'dropout':
            self.emit('Noop', a, {})
        elif a.op == 'softmax':
            self.emit('Softmax', a, {0: 0, 1: 1})
        elif a.op in ACTS or a.op == 'act':
            self.activation(self.take(a.ins[0]), a)
        else:
            raise SystemExit("ncnn: operator '%s' is not known here" % a.op)

    def write(self, path):
        # its names are words; outputs are listed behind, where ncnn does not look
        with open(path + '.param', 'w') as f:
            f.write('7767517\n%d %d\n%s\n' % (len(self.lines), self.blobs, '\n'.join(self.lines)))
        with open(path + '.out', 'w') as f:
            f.write('\n'.join([self.net.input, 'x'.join(map(str, self.net.shape[self.net.input][1:]))] +
                              self.outputs) + '\n')
        with open(path + '.bin', 'wb') as f:
            f.writelines(self.data)


def main(path, out, size, *nets):
    Ncnn(det_net.load(path, tuple(map(int, size.split('x'))), nets or ['backbone'])).write(out)


if __name__ == '__main__':
    main(*sys.argv[1:])
