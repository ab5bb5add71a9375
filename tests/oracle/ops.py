#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes tests/unit/golden/ops.txt: what torch computes for single operators.

    /usr/bin/python3 tests/oracle/ops.py >tests/unit/golden/ops.txt

Debian's python3-torch and python3-numpy. Inputs and weights come from seeds, by the rule of
tests/unit/nets.h, so the file holds results only. One case:

    case STATEMENT            a line of a network: input x (and z), output y
    in N C H W                seed 7
    in2 N C H W               seed 11; only where there is a z
    out N C H W               followed by lines of values
"""
import numpy as np
import torch
import torch.nn.functional as F


def fill(shape, seed):
    n = int(np.prod(shape))
    v = np.empty(n, np.float32)
    for i in range(n):
        seed = (seed * 1664525 + 1013904223) & 0xFFFFFFFF
        v[i] = np.float32(seed >> 8) * np.float32(2.0**-23) - np.float32(1)
    return v.reshape(shape)


def name_seed(s):
    h = 2166136261
    for c in s.encode():
        h = (h ^ c) * 16777619 & 0xFFFFFFFF
    return h


def made(name, *shape):
    """The weight of this full name."""
    v = fill(shape, name_seed(name))
    if len(shape) > 1:
        k, gain = int(np.prod(shape)) // shape[0], 1.0
        while k > 1:
            gain *= 0.5
            k //= 4
        v = v * np.float32(gain)
    if name.endswith("var"):
        v = np.float32(1.25) + v
    return torch.from_numpy(v)


def weight(suffix, *shape):
    return made("n/y." + suffix, *shape)


def show(stmt, x, y, z=None):
    print("case " + stmt)
    print("in %d %d %d %d" % tuple(x.shape))
    if z is not None:
        print("in2 %d %d %d %d" % tuple(z.shape))
    y = y.reshape(tuple(y.shape) + (1,) * (4 - y.dim()))
    print("out %d %d %d %d" % tuple(y.shape))
    v = ["%.8g" % float(t) for t in y.reshape(-1)]
    for i in range(0, len(v), 8):
        print(" ".join(v[i : i + 8]))


def bn(y, k, eps, prefix="bn."):
    return F.batch_norm(y, weight(prefix + "mean", k), weight(prefix + "var", k),
                        weight(prefix + "weight", k), weight(prefix + "bias", k), False, 0.1, eps)


def main():
    print("# torch %s, numpy %s; made by tests/oracle/ops.py" % (torch.__version__, np.__version__))
    X = lambda *s: torch.from_numpy(fill(s, 7))
    Z = lambda *s: torch.from_numpy(fill(s, 11))

    x = X(2, 3, 7, 6)
    show("y = conv(x) out=4 k=3 pad=1 act=relu", x,
         F.relu(F.conv2d(x, weight("weight", 4, 3, 3, 3), weight("bias", 4), padding=1)))
    show("y = conv(x) out=2 k=3,2 stride=2,1 pad=2,0 dilate=2,1", x,
         F.conv2d(x, weight("weight", 2, 3, 3, 2), weight("bias", 2), (2, 1), (2, 0), (2, 1)))
    show("y = conv(x) out=4 k=3 stride=2 pad=1,2,0,1 act=sigmoid", x,
         torch.sigmoid(F.conv2d(F.pad(x, (2, 1, 1, 0)), weight("weight", 4, 3, 3, 3), weight("bias", 4), 2)))
    show("y = conv(x) out=3 k=3 pad=1 groups=3 bn act=leaky", x,
         F.leaky_relu(bn(F.conv2d(x, weight("weight", 3, 1, 3, 3), None, padding=1, groups=3), 3, 1e-5), 0.1))
    show("y = conv(x) out=2 bn eps=0.001 bias=1 act=silu", x,
         F.silu(bn(F.conv2d(x, weight("weight", 2, 3, 1, 1), weight("bias", 2)), 2, 1e-3)))
    show("y = fc(x) out=5 act=relu", x, F.relu(F.linear(x.flatten(1), weight("weight", 5, 126), weight("bias", 5))))
    for k, s, p, ceil in ((2, 2, 0, 0), (3, 2, 1, 0), (3, 2, 0, 1), (3, 2, 1, 1), (2, 2, 1, 1), (3, 1, 1, 0)):
        keys = "k=%d stride=%d pad=%d%s" % (k, s, p, " round=ceil" if ceil else "")
        show("y = maxpool(x) " + keys, x, F.max_pool2d(x, k, s, p, 1, bool(ceil)))
        show("y = avgpool(x) " + keys, x, F.avg_pool2d(x, k, s, p, bool(ceil), True))
        show("y = avgpool(x) %s count=valid" % keys, x, F.avg_pool2d(x, k, s, p, bool(ceil), False))
    show("y = maxpool(x) global", x, F.adaptive_max_pool2d(x, 1))
    show("y = avgpool(x) global", x, F.adaptive_avg_pool2d(x, 1))
    x, z = X(1, 2, 3, 4), Z(1, 1, 7, 10)
    show("y = upsample(x)", x, F.interpolate(x, scale_factor=2))
    show("y = upsample(x, z)", x, F.interpolate(x, size=(7, 10)), z)
    show("y = upsample(x) mode=bilinear", x, F.interpolate(x, scale_factor=2, mode="bilinear"))
    show("y = upsample(x, z) mode=bilinear", x, F.interpolate(x, size=(7, 10), mode="bilinear"), z)
    show("y = upsample(x, z) mode=bilinear align", x,
         F.interpolate(x, size=(7, 10), mode="bilinear", align_corners=True), z)
    x, z = X(2, 4, 4, 6), Z(2, 4, 4, 6)
    show("y = concat(x, z)", x, torch.cat((x, z), 1), z)
    show("y = slice(x) from=1 n=2", x, x[:, 1:3])
    show("y = slice(x) groups=2 group=1", x, x.chunk(2, 1)[1])
    show("y = add(x, z) act=relu", x, F.relu(x + z), z)
    show("y = reorg(x) stride=2 order=pixel", x, F.pixel_unshuffle(x, 2))
    show("y = reorg(x) stride=2 order=pixel reverse", x, F.pixel_shuffle(x, 2))
    show("y = flatten(x)", x, x.flatten(1))
    show("y = softmax(x)", x, F.softmax(x, 1))
    show("y = softmax(x) over=all", x, F.softmax(x.flatten(1), 1).reshape(x.shape))
    show("y = softmax(x) groups=2", x, F.softmax(x.reshape(2, 2, 2, 4, 6), 2).reshape(x.shape))
    for name, f in (("relu", F.relu), ("relu6", F.relu6), ("sigmoid", torch.sigmoid), ("mish", F.mish),
                    ("silu", F.silu)):
        show("y = %s(x)" % name, x, f(x))
    show("y = leaky(x) alpha=0.2", x, F.leaky_relu(x, 0.2))
    show("y = bn(x)", x, bn(x, 4, 1e-5, ""))
    show("y = l2norm(x) eps=0", x, F.normalize(x, dim=1) * weight("weight", 4)[None, :, None, None])
    gn = lambda x, g, eps: F.group_norm(x, g, weight("weight", x.shape[1]), weight("bias", x.shape[1]), eps)
    show("y = groupnorm(x) groups=2", x, gn(x, 2, 1e-5))
    show("y = groupnorm(x) groups=4 eps=0.001 act=silu", x, F.silu(gn(x, 4, 1e-3)))
    show("y = lrn(x) size=3 alpha=0.5 k=2", x, F.local_response_norm(x, 3, 0.5, 0.75, 2))
    show("y = lrn(x) size=5 alpha=0.001", x, F.local_response_norm(x, 5, 0.001, 0.75, 1))


if __name__ == "__main__":
    main()
