# SPDX-License-Identifier: MIT
"""Networks of a model file as a flat list of layers, for programs that compute them with
something else (det2onnx.py, det2ncnn.py, peer.py):

    net = det_net.load('M.det', size=(416, 416), nets=['backbone', 'head'])
    net.input, net.shape[net.input]        'image', (1, 3, 416, 416)
    for l in net.layers:                   in the order in which they are computed
        l.name, l.op, l.ins, l.keys        'c0', 'conv', ['image'], {'out': '32', ...}
        l.weights                          {'weight': array, ...}; shared ones are one array
        net.shape[l.name]                  (N, C, H, W)
    net.outputs                            [(name, layer), ...] of the last net

Blocks are expanded, weights= resolved, and where several nets are asked for each takes what
the ones before put out, under its name. Layers of all but the first are called NET/LAYER.
Knows the operators of detectors' convolutional parts; another is an error.
"""
import math
import os
import re
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../formats'))
import det_stream  # noqa: E402

CALL = re.compile(r'(\S+)\s*=\s*(\w+)\s*\(([^)]*)\)(.*)')


class Layer:
    def __init__(self, name, op, ins, keys, stored):
        self.name, self.op, self.ins, self.keys = name, op, ins, keys
        self.stored = stored    # the layer under whose name its weights lie
        self.weights = {}

    def two(self, key, default):
        v = [int(x) for x in self.keys.get(key, default).split(',')]
        return v * 2 if len(v) == 1 else v

    def pads(self):
        """top, left, bottom, right"""
        p = [int(x) for x in self.keys.get('pad', '0').split(',')]
        if self.op.endswith('pool') and self.keys.get('round') == 'darknet':
            return [p[0] // 2] * 2 + [p[0] - p[0] // 2] * 2
        return p * 4 if len(p) == 1 else p * 2 if len(p) == 2 else p

    def bn(self):
        """None, 'standard' or 'darknet'"""
        v = self.keys.get('bn', 'none')
        return None if v == 'none' else v or 'standard'

    def act(self):
        """(name, alpha)"""
        own = self.op if self.op in ('relu', 'relu6', 'leaky', 'sigmoid', 'mish', 'silu') else 'linear'
        return self.keys.get('act', own), float(self.keys.get('alpha', .1))

    def affine(self, channels):
        """scale, shift in doubles: the layer's bias, batch norm and scale as one map."""
        w = {k: v.astype(np.float64) for k, v in self.weights.items() if v.ndim == 1}
        s, t = np.ones(channels), np.zeros(channels)
        if self.op == 'scale':
            return w['weight'], w.get('bias', t)
        form, prefix = self.bn(), 'bn.'
        if self.op == 'bn':
            form, prefix = self.keys.get('form', 'standard'), ''
        elif 'bias' in w:
            t = w['bias']
        if form:
            eps = float(self.keys.get('eps', 1e-6 if form == 'darknet' else 1e-5))
            var = w[prefix + 'var']
            root = np.sqrt(var) + eps if form == 'darknet' else np.sqrt(var + eps)
            s = w[prefix + 'weight'] / root
            t = (t - w[prefix + 'mean']) * s + w[prefix + 'bias']
        return s, t

    def folded(self):
        """weight, bias in f32 with all that is affine folded in."""
        w = self.weights['weight']
        s, t = self.affine(w.shape[0])
        return ((w * s.reshape((-1,) + (1,) * (w.ndim - 1))).astype(np.float32),
                t.astype(np.float32))


def value(text, params):
    """$parameters and arithmetic of a key's value."""
    text = re.sub(r'\$(\w+)', lambda m: str(params[m.group(1)]), text)
    if re.fullmatch(r'[\d+*/()-]+', text) and re.search(r'[*/(+]|\d-', text):
        return str(eval(text.replace('/', '//')))
    return text


def pairs(words):
    return dict(w.partition('=')[::2] for w in words.split())


class Text:
    """One net's text: its inputs, outputs and expanded layers."""

    def __init__(self, text):
        self.inputs, self.outputs, self.layers, self.blocks, self.alias = [], [], [], {}, {}
        lines = [line.split('#')[0].strip() for line in text.split('\n')]
        lines = iter([line for line in lines if line])
        for line in lines:
            words = line.split()
            if words[0] == 'input':
                self.inputs.append((words[1], [int(w) for w in words[2:5]]))
            elif words[0] == 'output':
                for w in words[1:]:
                    name, _, layer = w.partition('=')
                    self.outputs.append((name, self.alias.get(layer or name, layer or name)))
            elif words[0] == 'block':
                self.block(line, lines)
            elif words[0] != 'net':
                name, op, ins, keys = CALL.match(line).groups()
                ins = [self.alias.get(i.strip(), i.strip()) for i in ins.split(',')]
                self.alias[name] = self.call(name, op, ins, pairs(keys), {}, None)
        stored = {a.name: a.stored for a in self.layers}
        for a in self.layers:
            while stored.get(a.stored, a.stored) != a.stored:
                a.stored = stored[a.stored]

    def block(self, line, lines):
        head, _, rest = line[6:].partition('(')
        ins, _, params = rest.partition(')')
        body = []
        for line in lines:
            if line == 'end':
                break
            body.append(line)
        self.blocks[head.strip()] = [i.strip() for i in ins.split(',')], pairs(params), body

    def call(self, name, op, ins, keys, params, stored):
        """Adds a layer, or those of a block, and says which one is the result."""
        keys = {a: value(b, params) for a, b in keys.items()}
        stored = keys.pop('weights', stored or name)
        if op not in self.blocks:
            self.layers.append(Layer(name, op, ins, keys, stored))
            return name
        names, defaults, body = self.blocks[op]
        times, first = keys.pop('times', None), int(keys.pop('first', 0))
        for i in range(int(times or 1)):
            inside = '.%d.' % (first + i) if times else '.'
            scope, mine = dict(zip(names, ins)), dict(defaults, **keys)
            for line in body:
                if line.startswith('return'):
                    ins = [scope[line.split()[1]]]
                    continue
                n, o, given, k = CALL.match(line).groups()
                given = [scope[g.strip()] for g in given.split(',')]
                scope[n] = self.call(name + inside + n, o, given, pairs(k), mine, stored + inside + n)
        return ins[0]


def window(size, before, after, k, stride, dilate, rule):
    n = size + before + after - dilate * (k - 1) - 1
    if rule != 'ceil':
        return n // stride + 1
    out = math.ceil(n / stride) + 1
    return out - 1 if (out - 1) * stride >= size + before else out


class Net:
    def __init__(self):
        self.layers, self.outputs, self.shape, self.input = [], [], {}, None

    def add(self, name, text, prefix, weights, size):
        known = dict(self.outputs)
        for n, dims in text.inputs:
            if n in known:
                continue
            if self.input:
                raise SystemExit("net '%s' wants '%s', which no net puts out" % (name, n))
            self.input = known[n] = n
            self.shape[n] = (1, dims[0]) + tuple(size or dims[1:])
        for a in text.layers:
            a.name = prefix + a.name
            a.ins = [known.get(i, prefix + i) for i in a.ins]
            start = '%s/%s.' % (name, a.stored)
            for suffix in ('weight', 'bias', 'mean', 'var', 'bn.weight', 'bn.bias', 'bn.mean', 'bn.var'):
                if start + suffix in weights:
                    a.weights[suffix] = weights[start + suffix]
            self.shape[a.name] = self.infer(a)
            self.layers.append(a)
        self.outputs = [(n, prefix + layer) for n, layer in text.outputs]

    def infer(self, a):
        n, c, h, w = self.shape[a.ins[0]]
        if a.op == 'conv' or a.op.endswith('pool'):
            if 'global' in a.keys:
                return n, c, 1, 1
            k, s, d, p = a.two('k', '1'), a.two('stride', '1'), a.two('dilate', '1'), a.pads()
            return (n, int(a.keys['out']) if a.op == 'conv' else c,
                    window(h, p[0], p[2], k[0], s[0], d[0], a.keys.get('round')),
                    window(w, p[1], p[3], k[1], s[1], d[1], a.keys.get('round')))
        if a.op == 'fc':
            return n, int(a.keys['out']), 1, 1
        if a.op == 'concat':
            return n, sum(self.shape[i][1] for i in a.ins), h, w
        if a.op == 'upsample':
            if len(a.ins) > 1:
                return (n, c) + self.shape[a.ins[1]][2:]
            s = a.two('scale', '2')
            return n, c, h * s[0], w * s[1]
        if a.op == 'reorg':
            s = int(a.keys.get('stride', 2))
            return n, c * s * s, h // s, w // s
        if a.op == 'slice':
            if 'groups' in a.keys:
                return n, c // int(a.keys['groups']), h, w
            return n, int(a.keys.get('n', 0)) or c - int(a.keys.get('from', 0)), h, w
        if a.op == 'flatten':
            return n, c * h * w, 1, 1
        if a.op in ('add', 'softmax', 'relu', 'relu6', 'leaky', 'sigmoid', 'mish', 'silu', 'act',
                    'bn', 'scale', 'l2norm', 'groupnorm', 'dropout'):
            return n, c, h, w
        raise SystemExit("operator '%s' is not known here" % a.op)

    def flop(self):
        """Of convolutions and fully connected layers, a multiplication and an addition being two."""
        total = 0
        for a in self.layers:
            if a.op in ('conv', 'fc'):
                n, k, h, w = self.shape[a.name]
                total += 2 * n * h * w * a.weights['weight'].size
        return total


def load(path, size=None, nets=('backbone',)):
    texts, weights = {}, {}
    with open(path, 'rb') as f:
        for r in det_stream.Reader(f):
            if r.kind == 'TEXT' and r.name.startswith('net/'):
                texts[r.name[4:]] = r.text
            elif r.kind == 'TENS':
                weights[r.name] = r.array
    net = Net()
    for n in nets:
        if n not in texts:
            raise SystemExit("%s: no net '%s'" % (path, n))
        net.add(n, Text(texts[n]), '' if n == nets[0] else n + '/', weights, size)
    return net


def noise(shape):
    """What tests/bench/net.c feeds: [0,1), from the index of the value alone."""
    i = np.arange(int(np.prod(shape)), dtype=np.uint32)
    for shift, factor in ((16, 0x7feb352d), (15, 0x846ca68b)):
        i = (i ^ (i >> np.uint32(shift))) * np.uint32(factor)
    i ^= i >> np.uint32(16)
    return ((i >> np.uint32(8)).astype(np.float32) * np.float32(2 ** -24)).reshape(shape)
