#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns the backbone of a model file into ONNX, so that onnxruntime can compute the same
network with the same weights:

    det2onnx.py MODEL.det OUT.onnx [HxW]
    det2onnx.py --compare MODEL.det HxW   runs both on one picture of noise and prints the
                                          largest difference of every output (needs
                                          det-backbone on PATH)

Knows the operators that imported Darknet nets have, except local layers and shortcuts of
differing shape. Made and run with onnx 1.23.2, onnxruntime 1.31.1.
"""
import os
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../formats'))
import det_stream  # noqa: E402


CALL = re.compile(r'(\S+)\s*=\s*(\w+)\s*\(([^)]*)\)(.*)')


def value(text, params):
    """$parameters and arithmetic of a key's value."""
    text = re.sub(r'\$(\w+)', lambda m: str(params[m.group(1)]), text)
    if re.fullmatch(r'[\d+*/()-]+', text):
        return str(eval(text.replace('/', '//')))
    return text


def expand(lines):
    """Blocks of net.md, section 3, replaced by their layers."""
    blocks, out, at = {}, [], 0
    alias = {}

    def names(ins, scope, prefix):
        return [scope.get(i.strip(), prefix + i.strip()) for i in ins.split(',')]

    def call(name, op, ins, keys, params):
        k = dict(w.partition('=')[::2] for w in keys.split())
        k = {a: value(b, params) for a, b in k.items()}
        if op not in blocks:
            words = [a + ('=' + b if b else '') for a, b in k.items()]
            out.append('%s = %s(%s) %s' % (name, op, ', '.join(ins), ' '.join(words)))
            return name
        inputs, defaults, body = blocks[op]
        times, first = k.pop('times', None), int(k.pop('first', 0))
        for i in range(int(times or 1)):
            prefix = name + ('.%d.' % (first + i) if times else '.')
            scope, mine = dict(zip(inputs, ins)), dict(defaults, **k)
            for line in body:
                if line.startswith('return'):
                    ins = [scope.get(line.split()[1], prefix + line.split()[1])]
                    continue
                n, o, i2, k2 = CALL.match(line).groups()
                scope[n] = call(prefix + n, o, names(i2, scope, prefix), k2, mine)
        return ins[0]

    while at < len(lines):
        line = lines[at]
        at += 1
        if line.startswith('block '):
            head, _, rest = line[6:].partition('(')
            ins, _, params = rest.partition(')')
            body = lines[at:at + lines[at:].index('end')]
            at += len(body) + 1
            blocks[head.strip()] = ([i.strip() for i in ins.split(',')],
                                    dict(p.partition('=')[::2] for p in params.split()),
                                    [b for b in body if b])
            continue
        m = CALL.match(line)
        if not m:
            words = line.split()
            if words and words[0] == 'output':
                for i, w in enumerate(words[1:], 1):
                    a, _, layer = w.partition('=')
                    words[i] = '%s=%s' % (a, alias.get(layer or a, layer or a))
                line = ' '.join(words)
            out.append(line)
            continue
        name, op, ins, keys = m.groups()
        alias[name] = call(name, op, names(ins, alias, ''), keys, {})
    return out


class Net:
    def __init__(self, path, size):
        self.weights, text = {}, ''
        with open(path, 'rb') as f:
            for r in det_stream.Reader(f):
                if r.kind == 'TEXT' and r.name == 'net/backbone':
                    text = r.text
                elif r.kind == 'TENS':
                    self.weights[r.name] = r.array
        self.nodes, self.inits, self.shape = [], [], {}
        self.outputs = []
        self.size = size
        for line in expand([line.split('#')[0].strip() for line in text.split('\n')]):
            self.statement(line)

    def statement(self, line):
        words = line.split()
        if not words or words[0] == 'net':
            return
        if words[0] == 'input':
            c, h, w = map(int, words[2:5])
            if self.size:
                h, w = self.size
            self.input = words[1]
            self.shape[words[1]] = (1, c, h, w)
        elif words[0] == 'output':
            for w in words[1:]:
                alias, _, layer = w.partition('=')
                self.outputs.append((alias, layer or alias))
        else:
            name, op, ins, keys = CALL.match(line).groups()
            k = dict(w.partition('=')[::2] for w in keys.split())
            self.layer(name, op, [i.strip() for i in ins.split(',')], k)

    def w(self, layer, suffix):
        return self.weights['backbone/%s.%s' % (layer, suffix)]

    def const(self, name, array):
        self.inits.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, op, ins, out, **attrs):
        self.nodes.append(helper.make_node(op, ins, [out], **attrs))
        return out

    def norm(self, x, name, k, out):
        """Batch norm of conv and fc; Darknet's form has eps outside the root."""
        var, eps = self.w(name, 'bn.var').astype(np.float64), None
        if k['bn'] == 'darknet':
            var, eps = (np.sqrt(var) + float(k.get('eps', 1e-6))) ** 2, 0.
        names = [self.const('%s.%s' % (name, s), v) for s, v in (
            ('g', self.w(name, 'bn.weight')), ('b', self.w(name, 'bn.bias')),
            ('m', self.w(name, 'bn.mean')), ('v', var.astype(np.float32)))]
        if eps is None:
            eps = float(k.get('eps', 1e-5))
        return self.node('BatchNormalization', [x] + names, out, epsilon=eps)

    def act(self, x, k, out):
        a = k.get('act', 'linear')
        if a == 'linear':
            return self.node('Identity', [x], out)
        if a == 'leaky':
            return self.node('LeakyRelu', [x], out, alpha=float(k.get('alpha', .1)))
        if a == 'relu6':
            lo, hi = (self.const('%s.%d' % (out, v), np.float32(v)) for v in (0, 6))
            return self.node('Clip', [x, lo, hi], out)
        if a == 'mish':
            t = self.node('Tanh', [self.node('Softplus', [x], out + '.sp')], out + '.th')
            return self.node('Mul', [x, t], out)
        if a == 'silu':
            return self.node('Mul', [x, self.node('Sigmoid', [x], out + '.sg')], out)
        return self.node({'relu': 'Relu', 'sigmoid': 'Sigmoid'}[a], [x], out)

    def finish(self, x, name, k):
        if 'bn' in k and k['bn'] != 'none':
            x = self.norm(x, name, k, name + '.n')
        return self.act(x, k, name)

    def pads(self, k):
        p = list(map(int, k.get('pad', '0').split(',')))
        return p * 4 if len(p) == 1 else p * 2 if len(p) == 2 else p

    @staticmethod
    def two(v):
        v = list(map(int, v.split(',')))
        return v * 2 if len(v) == 1 else v

    def conv(self, name, ins, k):
        names = [ins[0], self.const(name + '.w', self.w(name, 'weight'))]
        if 'bn' not in k or k['bn'] == 'none':
            names.append(self.const(name + '.bias', self.w(name, 'bias')))
        x = self.node('Conv', names, name + '.c', kernel_shape=self.two(k.get('k', '1')),
                      strides=self.two(k.get('stride', '1')), pads=self.pads(k),
                      dilations=self.two(k.get('dilate', '1')), group=int(k.get('groups', 1)))
        self.finish(x, name, k)

    def fc(self, name, ins, k):
        x = self.node('Flatten', ins, name + '.f')
        names = [x, self.const(name + '.w', self.w(name, 'weight'))]
        if 'bn' not in k or k['bn'] == 'none':
            names.append(self.const(name + '.bias', self.w(name, 'bias')))
        x = self.node('Gemm', names, name + '.g', transB=1)
        if 'bn' not in k or k['bn'] == 'none':
            x = self.node('Unsqueeze', [x, self.const(name + '.ax', np.array([2, 3]))], name + '.u')
        self.finish(x, name, k)

    def pool(self, name, op, ins, k):
        kind = 'MaxPool' if op == 'maxpool' else 'AveragePool'
        if 'global' in k:
            self.node('Global' + kind, ins, name)
            return
        p, more = self.pads(k), {}
        if k.get('round') == 'darknet':
            total = int(k.get('pad', 0))
            p = [total // 2] * 2 + [total - total // 2] * 2
        if kind == 'AveragePool':
            more = {'count_include_pad': int(k.get('count', 'pad') == 'pad')}
        self.node(kind, ins, name, kernel_shape=self.two(k.get('k', '1')), pads=p,
                  strides=self.two(k.get('stride', '1')),
                  ceil_mode=int(k.get('round') == 'ceil'), **more)

    def reorg(self, name, ins, k):
        """Darknet's reorg is a depth-to-space of C/(s*s) channels read back as (C*s*s,H/s,W/s)."""
        s = int(k.get('stride', 2))
        if k.get('order') != 'darknet' or 'reverse' in k:
            raise SystemExit('reorg: only order=darknet')
        n, c, h, w = self.infer(ins[0])
        x = self.node('DepthToSpace', ins, name + '.d', blocksize=s, mode='DCR')
        self.node('Reshape', [x, self.const(name + '.s', np.array([n, c * s * s, h // s, w // s]))], name)

    def infer(self, tensor):
        """The shape that onnx itself infers for a tensor so far."""
        g = self.graph([helper.make_tensor_value_info(tensor, TensorProto.FLOAT, None)])
        m = onnx.shape_inference.infer_shapes(helper.make_model(g, opset_imports=[helper.make_opsetid('', 13)]))
        return [d.dim_value for d in m.graph.output[0].type.tensor_type.shape.dim]

    def layer(self, name, op, ins, k):
        if op in ('conv', 'fc'):
            getattr(self, op)(name, ins, k)
        elif op in ('maxpool', 'avgpool'):
            self.pool(name, op, ins, k)
        elif op == 'upsample':
            s = float(k.get('scale', 2))
            self.node('Resize', [ins[0], '', self.const(name + '.s', np.array([1, 1, s, s], np.float32))],
                      name, mode='nearest', nearest_mode='floor', coordinate_transformation_mode='asymmetric')
        elif op == 'concat':
            self.node('Concat', ins, name, axis=1)
        elif op == 'add':
            self.act(self.node('Sum', ins, name + '.sum'), k, name)
        elif op == 'reorg':
            self.reorg(name, ins, k)
        elif op in ('dropout', 'flatten'):
            self.node('Identity' if op == 'dropout' else 'Flatten', ins, name)
        elif op == 'softmax':
            self.node('Softmax', ins, name, axis=1)
        elif op == 'slice':
            g, i = int(k['groups']), int(k['group'])
            c = self.infer(ins[0])[1] // g
            self.node('Slice', [ins[0]] + [self.const('%s.%d' % (name, j), np.array([v])) for j, v in
                                           enumerate((i * c, (i + 1) * c, 1))], name)
        elif op in ('relu', 'relu6', 'leaky', 'sigmoid', 'mish', 'silu', 'act'):
            self.act(ins[0], dict(k, act=k.get('act', op)), name)
        else:
            raise SystemExit("operator '%s' is not known here" % op)

    def graph(self, outputs):
        value = helper.make_tensor_value_info(self.input, TensorProto.FLOAT, self.shape[self.input])
        return helper.make_graph(self.nodes, 'backbone', [value], outputs, self.inits)

    def model(self):
        nodes = [helper.make_node('Identity', [layer], [alias]) for alias, layer in self.outputs if alias != layer]
        self.nodes += nodes
        outs = [helper.make_tensor_value_info(alias, TensorProto.FLOAT, None) for alias, _ in self.outputs]
        return helper.make_model(self.graph(outs), opset_imports=[helper.make_opsetid('', 13)], ir_version=8)


def compare(path, size):
    import onnxruntime
    net = Net(path, size)
    x = np.random.default_rng(0).random(net.shape[net.input], dtype=np.float32)
    with tempfile.TemporaryDirectory() as d:
        onnx.save(net.model(), d + '/m.onnx')
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
    onnx.save(Net(args[0], size).model(), args[1])
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
