#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Seeded torchvision detectors whose scores spread, and what they compute.

    tests/oracle/tv_models.py ARCH OUT.pth [SEED] [legacy]

writes the state_dict of a torchvision detection model with seeded random weights.

Plain random weights make useless tests: activations die or explode with depth, and every
score is the same. So each convolution and fully connected layer, in the order in which the
model runs them on one picture of noise, is scaled (its bias drawn small) so that its output
has standard deviation 1, or, for the layers that give scores and deltas, the deviation of
SPREAD below; frozen batch normalisation gets random scales, shifts, means and variances
first. RetinaNet's class bias stays at the prior, -log(99). Objectness is kept small: random
features have long tails (13 deviations here), and where sigmoids round to 1 torchvision's
own order is that of an unstable sort.

Needs Debian's python3-torchvision: torch 1.13.0, torchvision 0.14.1.
"""
import math
import sys

import torch
import torchvision
from torchvision.models import detection

# layers that end in scores or deltas: what deviation their outputs get
SPREAD = {
    "rpn.head.cls_logits": 0.25,
    "rpn.head.bbox_pred": 0.3,
    "roi_heads.box_predictor.cls_score": 2.5,
    "roi_heads.box_predictor.bbox_pred": 1.5,
    "head.classification_head.cls_logits": 0.4,
    "head.regression_head.bbox_reg": 0.3,
    "head.classification_head.module_list": 2.5,
    "head.regression_head.module_list": 1.0,
}


def spread_of(name):
    for key, value in SPREAD.items():
        if name.startswith(key):
            return value
    return 1.0


def freeze_norms(module, eps):
    """As the published files have it: frozen, epsilon 0 (torchvision's overwrite_eps)."""
    for name, m in module.named_children():
        if isinstance(m, torch.nn.BatchNorm2d):
            setattr(module, name, torchvision.ops.misc.FrozenBatchNorm2d(m.num_features, eps))
        else:
            freeze_norms(m, eps)


def randomise_norms(model, gen):
    for m in model.modules():
        if isinstance(m, torchvision.ops.misc.FrozenBatchNorm2d):
            n = m.weight.numel()
            m.weight.copy_(torch.rand(n, generator=gen) * 0.5 + 0.5)
            m.bias.copy_(torch.randn(n, generator=gen) * 0.1)
            m.running_mean.copy_(torch.randn(n, generator=gen) * 0.1)
            m.running_var.copy_(torch.rand(n, generator=gen) + 0.5)


def scale_layers(model, gen):
    """Forward hooks that rescale each layer when it first runs."""
    seen = set()
    hooks = []

    def hook_for(name):
        def hook(module, _, out):
            if name in seen or out.numel() == 0:
                return out
            seen.add(name)
            bias = torch.zeros(1)
            if module.bias is not None:
                bias = module.bias.view([1, -1] + [1] * (out.dim() - 2))
            y = out - bias
            k = spread_of(name) / max(float(y.std()), 1e-12)
            module.weight.mul_(k)
            return y * k + bias
        return hook

    for name, m in model.named_modules():
        if isinstance(m, (torch.nn.Conv2d, torch.nn.Linear)):
            m.weight.copy_(torch.randn(m.weight.shape, generator=gen))
            if m.bias is not None:
                m.bias.copy_(torch.randn(m.bias.shape, generator=gen) * 0.1)
            if name.endswith("cls_logits") and "classification" in name:
                m.bias.fill_(-math.log(99))
            hooks.append(m.register_forward_hook(hook_for(name)))
    picture = torch.rand(3, 480, 640, generator=gen)
    picture = torch.nn.functional.avg_pool2d(picture, 9, 1, 4) * 4 - 1.5
    model([picture.clamp(0, 1)])
    for h in hooks:
        h.remove()


def build(arch, seed=1):
    make = getattr(detection, arch)
    kw = {"weights": None, "weights_backbone": None}
    with torch.no_grad():
        torch.manual_seed(seed)
        gen = torch.Generator().manual_seed(seed)
        model = make(**kw).eval()
        freeze_norms(model, 0.0)
        randomise_norms(model, gen)
        if arch == "ssd300_vgg16":
            model.backbone.scale_weight.mul_(torch.rand(512, generator=gen) * 0.5 + 0.75)
        scale_layers(model, gen)
    return model


def main():
    arch, out = sys.argv[1], sys.argv[2]
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    model = build(arch, seed)
    torch.save(model.state_dict(), out, _use_new_zipfile_serialization="legacy" not in sys.argv)
    n = sum(p.numel() for p in model.parameters())
    print(f"{arch}: seed {seed}, {n} parameters", file=sys.stderr)


if __name__ == "__main__":
    main()
