#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes tests/unit/optim_golden.h: steps of torch's optimizers and rates of its schedules.

    /usr/bin/python3 tests/oracle/optim.py >tests/unit/optim_golden.h

Debian's python3-torch 1.13.1, in double. Weight i begins at (i % 5 - 2) / 2, its gradient at
step t (from 0) is ((7 i + 5 t) % 11 - 5) / 4, whatever the weights; the rate is lr .8^t. There
are a matrix `n/a.weight` of 2x3 and its bias `n/a.bias` of 2, numbered on. The values are those
of all eight after steps 1, 2 and 9.
"""
import torch
from torch.optim import SGD, Adam, AdamW, lr_scheduler as S

# name, class, its options, clip by norm, clip by value, rate and decay of the bias
STEPS = [
    ("sgd", SGD, dict(lr=.1), 0, 0, 1, 1),
    ("sgd_momentum", SGD, dict(lr=.1, momentum=.9, weight_decay=.05), 0, 0, 1, 1),
    ("sgd_nesterov", SGD, dict(lr=.1, momentum=.9, weight_decay=.05, nesterov=True), 0, 0,
     1, 1),
    ("sgd_rules", SGD, dict(lr=.1, momentum=.9, weight_decay=.05), 0, 0, 2, 0),
    ("sgd_norm", SGD, dict(lr=.1, momentum=.9), 1.5, 0, 1, 1),
    ("sgd_value", SGD, dict(lr=.1, momentum=.9), 0, .5, 1, 1),
    ("adam", Adam, dict(lr=.1), 0, 0, 1, 1),
    ("adam_decay", Adam, dict(lr=.1, betas=(.8, .95), eps=1e-3, weight_decay=.05), 0, 0, 1,
     1),
    ("adamw", AdamW, dict(lr=.1, weight_decay=.05), 0, 0, 1, 0),
]

# name, how, iterations
RATES = [
    ("step", lambda o: S.StepLR(o, 7, .3), 30),
    ("multistep", lambda o: S.MultiStepLR(o, [5, 11, 23], .2), 30),
    ("poly", lambda o: S.PolynomialLR(o, 30, .9), 30),
    ("exp", lambda o: S.ExponentialLR(o, .93), 30),
    ("cosine", lambda o: S.CosineAnnealingLR(o, 30), 30),
    ("cosine_floor", lambda o: S.CosineAnnealingLR(o, 30, .5 * .01), 30),
    ("restarts", lambda o: S.CosineAnnealingWarmRestarts(o, 7), 30),
    ("restarts_2", lambda o: S.CosineAnnealingWarmRestarts(o, 4, 2, .5 * .1), 30),
    ("warmup", lambda o: S.LinearLR(o, .001, 1, 8), 30),
    ("warmup_step", lambda o: S.ChainedScheduler(
        [S.LinearLR(o, .1, 1, 8), S.MultiStepLR(o, [5, 20], .1)]), 30),
]


def start():
    w = torch.tensor([(i % 5 - 2) / 2 for i in range(8)], dtype=torch.float64)
    return [torch.nn.Parameter(w[:6].clone()), torch.nn.Parameter(w[6:].clone())]


def values(name, v):
    print("static const double %s[] = {" % name)
    for i in range(0, len(v), 3):
        print("\t" + " ".join("%.15g," % x for x in v[i:i + 3]))
    print("};")


def steps(name, kind, args, norm, value, rate, decay):
    w = start()
    bias = dict(params=[w[1]], lr=args["lr"] * rate)
    if "weight_decay" in args:
        bias["weight_decay"] = args["weight_decay"] * decay
    o = kind([dict(params=[w[0]]), bias], **args)
    out = []
    for t in range(9):
        g = torch.tensor([((7 * i + 5 * t) % 11 - 5) / 4 for i in range(8)],
                         dtype=torch.float64)
        w[0].grad, w[1].grad = g[:6].clone(), g[6:].clone()
        if norm:
            torch.nn.utils.clip_grad_norm_(w, norm)
        if value:
            torch.nn.utils.clip_grad_value_(w, value)
        o.step()
        for group in o.param_groups:
            group["lr"] *= .8
        if t in (0, 1, 8):
            out += w[0].tolist() + w[1].tolist()
    values(name, out)


def rates(name, how, n):
    o = SGD([torch.nn.Parameter(torch.zeros(1))], lr=.5)
    s = how(o)
    out = []
    for _ in range(n):
        out.append(o.param_groups[0]["lr"])
        o.step()
        s.step()
    values("rates_" + name, out)


print("/* Made by tests/oracle/optim.py with torch %s; do not edit. */" % torch.__version__)
print("/* clang-format off */")
for case in STEPS:
    steps(*case)
for case in RATES:
    rates(*case)
print("/* clang-format on */")
