# SPDX-License-Identifier: MIT
"""A model's networks computed by torch, layer by layer, batch norm folded into the
convolutions and activations done in place. A value is dropped after its last use."""
import os
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../oracle'))
import det_net  # noqa: E402

ACTS = {'linear': lambda x, alpha: x,
        'relu': lambda x, alpha: F.relu_(x),
        'relu6': lambda x, alpha: F.hardtanh_(x, 0, 6),
        'leaky': lambda x, alpha: F.leaky_relu_(x, alpha),
        'sigmoid': lambda x, alpha: x.sigmoid_(),
        'mish': lambda x, alpha: F.mish(x, inplace=True),
        'silu': lambda x, alpha: F.silu(x, inplace=True)}


class TorchNet:
    def __init__(self, path, size, nets):
        net = det_net.load(path, size, nets)
        self.input, self.outputs = net.input, [layer for _, layer in net.outputs]
        self.input_shape = net.shape[net.input]
        self.steps, shared, last = [], {}, {}
        for a in net.layers:
            self.steps.append((a.name, a.ins, self.step(a, net, shared), a.act()))
            for i in a.ins:
                last[i] = a.name
        keep = set(self.outputs)
        self.drop = {}
        for value, reader in last.items():
            if value not in keep:
                self.drop.setdefault(reader, []).append(value)

    @staticmethod
    def pad(a, fill=0.):
        """(symmetric padding for the operator, sides to pad before it)"""
        top, left, bottom, right = a.pads()
        if top == bottom and left == right:
            return (top, left), None
        return (0, 0), lambda x: F.pad(x, (left, right, top, bottom), value=fill)

    def weights(self, a, shared):
        if a.stored not in shared:
            shared[a.stored] = [torch.from_numpy(v) for v in a.folded()]
        return shared[a.stored]

    def step(self, a, net, shared):
        c = net.shape[a.name][1]
        if a.op == 'conv':
            w, b = self.weights(a, shared)
            s, d, g = a.two('stride', '1'), a.two('dilate', '1'), int(a.keys.get('groups', 1))
            p, before = self.pad(a)
            return lambda x: F.conv2d(before(x) if before else x, w, b, s, p, d, g)
        if a.op == 'fc':
            w, b = self.weights(a, shared)
            return lambda x: F.linear(x.flatten(1), w, b)[:, :, None, None]
        if a.op in ('maxpool', 'avgpool') and 'global' in a.keys:
            return lambda x: F.adaptive_avg_pool2d(x, 1) if a.op == 'avgpool' else F.adaptive_max_pool2d(x, 1)
        if a.op in ('maxpool', 'avgpool'):
            k, s, ceil = a.two('k', '1'), a.two('stride', '1'), a.keys.get('round') == 'ceil'
            p, before = self.pad(a, float('-inf'))
            if a.op == 'maxpool':
                return lambda x: F.max_pool2d(before(x) if before else x, k, s, p, ceil_mode=ceil)
            return lambda x: F.avg_pool2d(x, k, s, p, ceil, a.keys.get('count', 'pad') == 'pad')
        if a.op == 'concat':
            return lambda *x: torch.cat(x, 1)
        if a.op == 'add':
            return lambda x, y: x + y
        if a.op == 'upsample':
            size = net.shape[a.name][2:]
            return lambda x, *like: F.interpolate(x, size, mode='nearest')
        if a.op == 'reorg':
            s, shape = int(a.keys.get('stride', 2)), net.shape[a.name]
            n, ci, h, w = net.shape[a.ins[0]]
            return lambda x: (x.reshape(n, ci // (s * s), h, s, w, s).permute(0, 3, 5, 1, 2, 4)
                              .reshape(shape))
        if a.op in ('bn', 'scale'):
            s, t = (torch.from_numpy(v).float()[:, None, None] for v in a.affine(c))
            return lambda x: x * s + t
        if a.op == 'l2norm':
            w, eps = torch.from_numpy(a.weights['weight'])[:, None, None], float(a.keys.get('eps', 1e-10))
            return lambda x: x * torch.rsqrt(x.square().sum(1, keepdim=True) + eps) * w
        if a.op == 'softmax':
            return lambda x: F.softmax(x, 1)
        if a.op == 'dropout':
            return lambda x: x
        if a.op in ACTS or a.op == 'act':
            return lambda x: x.clone()
        raise SystemExit("torch: operator '%s' is not known here" % a.op)

    def __call__(self, x):
        values = {self.input: x}
        for name, ins, step, (act, alpha) in self.steps:
            values[name] = ACTS[act](step(*[values[i] for i in ins]), alpha)
            for v in self.drop.get(name, ()):
                del values[v]
        return [values[o] for o in self.outputs]
