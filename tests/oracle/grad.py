#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes tests/unit/golden/grad.txt: gradients of small nets by torch's autograd.

    /usr/bin/python3 tests/oracle/grad.py >tests/unit/golden/grad.txt

Debian's python3-torch 1.13.1 and python3-numpy 1.24.2, in double from values that are floats.
Inputs, weights and the gradients of outputs come from seeds, by the rules of
tests/unit/nets.h and grad_rig.h, so the file holds results only. One net:

    net NAME [darknet] [MOMENTUM]   in training, torch's batch norm or Darknet's
    in N C H W                of each input, in order
    text LINE                 of the net, which is called n
    value NAME COUNT          an output, an input's gradient (NAME/grad), a weight's
                              (n/LAYER.suffix/grad), a running statistic after the run;
                              lines of values follow
"""
import re

import torch
import torch.nn.functional as F

from ops import fill, made

NETS = [
    ("bn", "", [(3, 4, 5, 3)], """
input x 4 5 3
a = bn(x) act=leaky
b = bn(a) eps=.01
output b"""),
    ("bn-momentum", "0.3", [(2, 3, 4, 4)], """
input x 3 4 4
a = bn(x)
output a"""),
    ("bn-darknet", "darknet", [(3, 4, 5, 3)], """
input x 4 5 3
a = bn(x) form=darknet act=mish
s = add(a, x)
b = bn(s) form=darknet
output b"""),
    ("groupnorm", "", [(2, 6, 4, 5)], """
input x 6 4 5
a = groupnorm(x) groups=3 act=silu
b = groupnorm(a) groups=1 eps=.001
output b"""),
    ("pools", "", [(2, 3, 9, 8)], """
input x 3 9 8
a = maxpool(x) k=3 stride=2 pad=1
b = avgpool(x) k=3 stride=2 pad=1
c = concat(a, b)
d = softmax(c)
output d"""),
    ("pyramid", "", [(2, 3, 4, 5), (2, 3, 8, 9)], """
input x 3 4 5
input z 3 8 9
u = upsample(x, z)
s = add(u, z) act=mish
v = upsample(x) mode=bilinear
w = upsample(v, z) mode=bilinear align
y = add(s, w) act=relu
n = l2norm(y)
r = lrn(n) alpha=.3 size=3
output s r"""),
    ("acts", "", [(2, 3, 5, 7)], """
input x 3 5 7
a = scale(x)
b = silu(a)
c = mish(a)
d = sigmoid(a)
e = relu6(a)
f = leaky(a) alpha=.2
y = add(b, c, d, e, f)
output y"""),
    ("resnet", "", [(2, 3, 9, 11)], """
input x 3 9 11
c1 = conv(x) out=8 k=3 stride=2 pad=1 bn act=relu
p1 = maxpool(c1) k=3 stride=1 pad=1
a = conv(p1) out=8 k=3 pad=1 bn act=leaky
b = conv(a) out=8 k=1 bn
s = add(p1, b) act=relu
d = conv(s) out=16 k=3 pad=2 dilate=2 groups=2 act=silu
y = fc(d) out=5
output y s"""),
    ("darknet", "darknet", [(3, 3, 8, 8)], """
input x 3 8 8
a = conv(x) out=6 k=3 pad=1 bn=darknet act=leaky
b = conv(a) out=4 k=3 stride=2 pad=1 bn=darknet act=mish
c = conv(b) out=5
u = upsample(c)
y = concat(u, a)
output y"""),
]


class Net:
    def __init__(self, text, shapes, form, momentum):
        self.form, self.momentum = form, momentum
        self.value, self.weights, self.inputs, self.outputs = {}, {}, [], []
        self.moved = {}
        shapes = list(shapes)
        for line in text.strip().split("\n"):
            w = line.split()
            if w[0] == "input":
                v = torch.from_numpy(fill(shapes.pop(0), 7 + 4 * len(self.inputs)))
                v = v.double().requires_grad_()
                self.inputs.append(w[1])
                self.value[w[1]] = v
            elif w[0] == "output":
                self.outputs = w[1:]
            else:
                name, op, ins, keys = re.match(r"(\S+) = (\w+)\(([^)]*)\)(.*)", line).groups()
                keys = dict((k.split("=") + ["1"])[:2] for k in keys.split())
                ins = [self.value[i.strip()] for i in ins.split(",")]
                y = getattr(self, op)(name, keys, *ins)
                self.value[name] = self.act(y, keys)

    def weight(self, name, suffix, *shape, grad=True):
        full = "n/%s.%s" % (name, suffix)
        v = made(full, *shape).double().requires_grad_(grad)
        if grad:
            self.weights[full] = v
        return v

    def act(self, y, k):
        a = k.get("act", "linear")
        if a == "leaky":
            return F.leaky_relu(y, float(k.get("alpha", 0.1)))
        return y if a == "linear" else getattr(F, a)(y)

    def norm(self, name, prefix, y, darknet_eps, eps):
        """Batch normalisation in training of y, written out where torch has none."""
        c = y.shape[1]
        g, b = self.weight(name, prefix + "weight", c), self.weight(name, prefix + "bias", c)
        mean = self.weight(name, prefix + "mean", c, grad=False)
        var = self.weight(name, prefix + "var", c, grad=False)
        momentum = self.momentum or (0.01 if self.form else 0.1)
        if self.form or darknet_eps:
            m, v = y.mean((0, 2, 3)), y.var((0, 2, 3), unbiased=bool(self.form))
            u = y.var((0, 2, 3), unbiased=True)
            root = v.sqrt() + eps if darknet_eps else (v + eps).sqrt()
            shape = (1, c, 1, 1)
            out = (y - m.view(shape)) / root.view(shape) * g.view(shape) + b.view(shape)
            mean = (1 - momentum) * mean + momentum * m.detach()
            var = (1 - momentum) * var + momentum * u.detach()
        else:
            out = F.batch_norm(y, mean, var, g, b, True, momentum, eps)
        self.moved["n/%s.%smean" % (name, prefix)] = mean
        self.moved["n/%s.%svar" % (name, prefix)] = var
        return out

    def bn(self, name, k, x):
        darknet = k.get("form") == "darknet"
        return self.norm(name, "", x, darknet, float(k.get("eps", 1e-6 if darknet else 1e-5)))

    def groupnorm(self, name, k, x):
        c = x.shape[1]
        return F.group_norm(x, int(k["groups"]), self.weight(name, "weight", c),
                            self.weight(name, "bias", c), float(k.get("eps", 1e-5)))

    def scale(self, name, k, x):
        shape = (1, x.shape[1], 1, 1)
        w = self.weight(name, "weight", x.shape[1]).view(shape)
        return x * w + self.weight(name, "bias", x.shape[1]).view(shape)

    def maxpool(self, name, k, x):
        return F.max_pool2d(x, int(k["k"]), int(k.get("stride", 1)), int(k.get("pad", 0)))

    def avgpool(self, name, k, x):
        return F.avg_pool2d(x, int(k["k"]), int(k.get("stride", 1)), int(k.get("pad", 0)))

    def concat(self, name, k, *x):
        return torch.cat(x, 1)

    def add(self, name, k, *x):
        return sum(x)

    def softmax(self, name, k, x):
        return F.softmax(x, 1)

    def upsample(self, name, k, x, like=None):
        size = like.shape[2:] if like is not None else [2 * d for d in x.shape[2:]]
        if k.get("mode") == "bilinear":
            return F.interpolate(x, size, mode="bilinear", align_corners="align" in k)
        return F.interpolate(x, size, mode="nearest")

    def l2norm(self, name, k, x):
        w = self.weight(name, "weight", x.shape[1]).view(1, -1, 1, 1)
        return x / (x.pow(2).sum(1, keepdim=True) + 1e-10).sqrt() * w

    def lrn(self, name, k, x):
        return F.local_response_norm(x, int(k["size"]), float(k["alpha"]), 0.75, 1.0)

    def conv(self, name, k, x):
        size, groups, out = int(k.get("k", 1)), int(k.get("groups", 1)), int(k["out"])
        w = self.weight(name, "weight", out, x.shape[1] // groups, size, size)
        bias = None if "bn" in k else self.weight(name, "bias", out)
        y = F.conv2d(x, w, bias, int(k.get("stride", 1)), int(k.get("pad", 0)),
                     int(k.get("dilate", 1)), groups)
        return self.finish(name, k, y)

    def fc(self, name, k, x):
        x = x.reshape(x.shape[0], -1)
        w = self.weight(name, "weight", int(k["out"]), x.shape[1])
        bias = None if "bn" in k else self.weight(name, "bias", int(k["out"]))
        return self.finish(name, k, F.linear(x, w, bias)[:, :, None, None])

    def finish(self, name, k, y):
        if "bn" not in k:
            return y
        darknet = k["bn"] == "darknet"
        return self.norm(name, "bn.", y, darknet, 1e-6 if darknet else 1e-5)

    def __getattr__(self, op):
        acts = {"relu": F.relu, "relu6": F.relu6, "sigmoid": torch.sigmoid, "mish": F.mish,
                "silu": F.silu}
        if op == "leaky":
            return lambda name, k, x: F.leaky_relu(x, float(k.get("alpha", 0.1)))
        return lambda name, k, x: acts[op](x)


def show(name, v):
    v = v.detach().reshape(-1)
    print("value %s %d" % (name, len(v)))
    t = ["%.8g" % float(x) for x in v]
    for i in range(0, len(t), 8):
        print(" ".join(t[i : i + 8]))


def main():
    for name, options, shapes, text in NETS:
        momentum = [float(o) for o in options.split() if o[0].isdigit()]
        net = Net(text, shapes, "darknet" in options, momentum[0] if momentum else 0)
        loss = 0
        for i, o in enumerate(net.outputs):
            y = net.value[o]
            loss = loss + (torch.from_numpy(fill(tuple(y.shape), 101 + i)).double() * y).sum()
        loss.backward()
        print(("net %s %s" % (name, options)).strip())
        for i in net.inputs:
            print("in %d %d %d %d" % tuple(net.value[i].shape))
        for line in text.strip().split("\n"):
            print("text " + line)
        for o in net.outputs:
            show(o, net.value[o])
        for i in net.inputs:
            show(i + "/grad", net.value[i].grad)
        for w, v in net.weights.items():
            show(w + "/grad", v.grad)
        for w, v in net.moved.items():
            show(w, v)


main()
