#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns networks of a model file into ONNX, so that onnxruntime can compute the same
network with the same weights:

    det2onnx.py MODEL.det OUT.onnx [HxW [NET ...]]   NET: backbone, and what runs on its maps
    det2onnx.py --compare MODEL.det HxW   runs both on one picture of noise and prints the
                                          largest difference of every output (needs
                                          det-backbone on PATH)

Knows the operators of det_net.py, except shortcuts of differing shape. Batch norm is left
as it is: folding it is the reader's affair. Made and run with onnx 1.23.2, onnxruntime
1.31.1.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import det_net  # noqa: E402
from det_net import det_stream  # noqa: E402


class Onnx:
    def __init__(self, net):
        self.net, self.nodes, self.inits = net, [], {}
        for a in net.layers:
            self.layer(a)

    def const(self, name, array):
        """A tensor under its name, once."""
        if name not in self.inits:
            self.inits[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def weight(self, a, suffix):
        net = a.name[:a.name.rfind('/') + 1]
        return self.const('%s%s.%s' % (net, a.stored, suffix), a.weights[suffix])

    def node(self, op, ins, out, **attrs):
        self.nodes.append(helper.make_node(op, ins, [out], **attrs))
        return out

    def norm(self, x, a, prefix, out):
        """Batch norm; Darknet's form has eps outside the root."""
        form = a.bn() if prefix else a.keys.get('form', 'standard')
        names = [self.weight(a, prefix + s) for s in ('weight', 'bias', 'mean')]
        if form == 'darknet':
            var = (np.sqrt(a.weights[prefix + 'var'].astype(np.float64)) + float(a.keys.get('eps', 1e-6))) ** 2
            names.append(self.const(names[0] + '.v', var.astype(np.float32)))
            return self.node('BatchNormalization', [x] + names, out, epsilon=0.)
        names.append(self.weight(a, prefix + 'var'))
        return self.node('BatchNormalization', [x] + names, out, epsilon=float(a.keys.get('eps', 1e-5)))

    def act(self, x, a):
        kind, alpha = a.act()
        out = a.name
        if kind == 'linear':
            return self.node('Identity', [x], out)
        if kind == 'leaky':
            return self.node('LeakyRelu', [x], out, alpha=alpha)
        if kind == 'relu6':
            lo, hi = (self.const('clip.%d' % v, np.float32(v)) for v in (0, 6))
            return self.node('Clip', [x, lo, hi], out)
        if kind == 'mish':
            t = self.node('Tanh', [self.node('Softplus', [x], out + '.sp')], out + '.th')
            return self.node('Mul', [x, t], out)
        if kind == 'silu':
            return self.node('Mul', [x, self.node('Sigmoid', [x], out + '.sg')], out)
        return self.node({'relu': 'Relu', 'sigmoid': 'Sigmoid'}[kind], [x], out)

    def finish(self, x, a):
        if a.bn():
            x = self.norm(x, a, 'bn.', a.name + '.n')
        return self.act(x, a)

    def conv(self, a):
        names = [a.ins[0], self.weight(a, 'weight')]
        if 'bias' in a.weights:
            names.append(self.weight(a, 'bias'))
        x = self.node('Conv', names, a.name + '.c', kernel_shape=a.two('k', '1'),
                      strides=a.two('stride', '1'), pads=a.pads(), dilations=a.two('dilate', '1'),
                      group=int(a.keys.get('groups', 1)))
        self.finish(x, a)

    def fc(self, a):
        x = self.node('Flatten', a.ins, a.name + '.f')
        names = [x, self.weight(a, 'weight')]
        if 'bias' in a.weights:
            names.append(self.weight(a, 'bias'))
        x = self.node('Gemm', names, a.name + '.g', transB=1)
        x = self.node('Unsqueeze', [x, self.const('axes', np.array([2, 3]))], a.name + '.u')
        self.finish(x, a)

    def pool(self, a):
        kind = 'MaxPool' if a.op == 'maxpool' else 'AveragePool'
        if 'global' in a.keys:
            self.node('Global' + kind, a.ins, a.name)
            return
        more = {}
        if kind == 'AveragePool':
            more = {'count_include_pad': int(a.keys.get('count', 'pad') == 'pad')}
        self.node(kind, a.ins, a.name, kernel_shape=a.two('k', '1'), pads=a.pads(),
                  strides=a.two('stride', '1'), ceil_mode=int(a.keys.get('round') == 'ceil'), **more)

    def reorg(self, a):
        """Darknet's order reads the input as (C/(s*s),H*s,W*s), moves its pixels to channels,
        and reads the result as (C*s*s,H/s,W/s)."""
        if a.keys.get('order') != 'darknet' or 'reverse' in a.keys:
            raise SystemExit('reorg: only order=darknet')
        s = int(a.keys.get('stride', 2))
        n, c, h, w = self.net.shape[a.ins[0]]
        big = self.const(a.name + '.b', np.array([n, c // (s * s), h * s, w * s]))
        x = self.node('Reshape', [a.ins[0], big], a.name + '.r')
        x = self.node('SpaceToDepth', [x], a.name + '.d', blocksize=s)
        self.node('Reshape', [x, self.const(a.name + '.s', np.array(self.net.shape[a.name]))], a.name)

    def l2norm(self, a):
        """Its eps lies inside the root, so the root is written out."""
        s = self.node('ReduceSumSquare', a.ins, a.name + '.q', axes=[1], keepdims=1)
        s = self.node('Add', [s, self.const(a.name + '.e', np.float32(a.keys.get('eps', 1e-10)))], a.name + '.p')
        x = self.node('Div', [a.ins[0], self.node('Sqrt', [s], a.name + '.r')], a.name + '.d')
        self.scale(a, x)

    def scale(self, a, x):
        """Times a weight, plus a bias, of each channel, where there are any; the activation."""
        for suffix, op in (('weight', 'Mul'), ('bias', 'Add')):
            if suffix in a.weights:
                x = self.node(op, [x, self.const(a.name + '.' + suffix, a.weights[suffix].reshape(-1, 1, 1))],
                              a.name + '.' + op)
        self.act(x, a)

    def upsample(self, a):
        if a.keys.get('mode', 'nearest') != 'nearest':
            raise SystemExit('upsample: only mode=nearest')
        size = self.const(a.name + '.s', np.array(self.net.shape[a.name]))
        self.node('Resize', [a.ins[0], '', '', size], a.name, mode='nearest', nearest_mode='floor',
                  coordinate_transformation_mode='asymmetric')

    def slice(self, a):
        c = self.net.shape[a.name][1]
        first = c * int(a.keys['group']) if 'groups' in a.keys else int(a.keys.get('from', 0))
        self.node('Slice', [a.ins[0]] + [self.const('%s.%d' % (a.name, j), np.array([v])) for j, v in
                                         enumerate((first, first + c, 1))], a.name)

    def layer(self, a):
        if a.op in ('conv', 'fc', 'reorg', 'l2norm', 'upsample', 'slice'):
            getattr(self, a.op)(a)
        elif a.op in ('maxpool', 'avgpool'):
            self.pool(a)
        elif a.op == 'concat':
            self.node('Concat', a.ins, a.name, axis=1)
        elif a.op == 'add':
            self.act(self.node('Sum', a.ins, a.name + '.sum'), a)
        elif a.op in ('dropout', 'flatten'):
            self.node('Identity' if a.op == 'dropout' else 'Flatten', a.ins, a.name)
        elif a.op == 'softmax':
            self.node('Softmax', a.ins, a.name, axis=1)
        elif a.op == 'bn':
            self.act(self.norm(a.ins[0], a, '', a.name + '.n'), a)
        elif a.op == 'scale':
            self.scale(a, a.ins[0])
        elif a.op in ('relu', 'relu6', 'leaky', 'sigmoid', 'mish', 'silu', 'act'):
            self.act(a.ins[0], a)
        else:
            raise SystemExit("operator '%s' is not known here" % a.op)

    def model(self):
        net = self.net
        nodes = self.nodes + [helper.make_node('Identity', [layer], [alias])
                              for alias, layer in net.outputs if alias != layer]
        outs = [helper.make_tensor_value_info(alias, TensorProto.FLOAT, None) for alias, _ in net.outputs]
        value = helper.make_tensor_value_info(net.input, TensorProto.FLOAT, net.shape[net.input])
        graph = helper.make_graph(nodes, 'net', [value], outs, list(self.inits.values()))
        return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=8)


def compare(path, size):
    import onnxruntime
    net = det_net.load(path, size)
    x = np.random.default_rng(0).random(net.shape[net.input], dtype=np.float32)
    with tempfile.TemporaryDirectory() as d:
        onnx.save(Onnx(net).model(), d + '/m.onnx')
        names = [a for a, _ in net.outputs]
        want = onnxruntime.InferenceSession(d + '/m.onnx').run(names, {net.input: x})
        with open(d + '/in.det', 'wb') as f:
            w = det_stream.Writer(f)
            w.begin()
            w.item(id=0, path='noise')
            w.tensor('image', x)
            w.end()
        with open(d + '/out.det', 'wb') as f:
            subprocess.run(['det-backbone', '-m', path, d + '/in.det'], stdout=f, check=True)
        with open(d + '/out.det', 'rb') as f:
            got = {r.name: r.array for r in det_stream.Reader(f) if r.kind == 'TENS'}
    worst = 0.
    for n, v in zip(names, want):
        v = v.reshape(got[n].shape)
        rel = float(np.abs(got[n] - v).max() / np.abs(v).max())
        worst = max(worst, rel)
        print('%s %s: largest difference %.3g of the largest value' % (n, v.shape, rel))
    return worst


def main(args):
    if args and args[0] == '--compare':
        return int(compare(args[1], tuple(map(int, args[2].split('x')))) > 1e-4)
    size = tuple(map(int, args[2].split('x'))) if len(args) > 2 else None
    onnx.save(Onnx(det_net.load(args[0], size, args[3:] or ['backbone'])).model(), args[1])
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
