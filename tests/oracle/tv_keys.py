#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Names and shapes in torchvision's state dicts, as tests/unit/golden/NAME.keys.

    tests/oracle/tv_keys.py OUTDIR

A line each: the name, then the dims. Needs Debian's python3-torchvision (0.14.1). Detectors
have frozen batch normalisation, as their published weights do.
"""
import sys

import tv_models
from torchvision import models


def main():
    out = sys.argv[1]
    makers = {n: getattr(models, n) for n in
              ("vgg16", "resnet18", "squeezenet1_0", "squeezenet1_1")}
    makers.update({n: getattr(models.detection, n) for n in
                   ("fasterrcnn_resnet50_fpn", "retinanet_resnet50_fpn",
                    "retinanet_resnet50_fpn_v2", "ssd300_vgg16")})
    for name, make in makers.items():
        if name in ("vgg16", "resnet18", "squeezenet1_0", "squeezenet1_1"):
            m = make(weights=None)
        else:
            m = make(weights=None, weights_backbone=None)
            if not name.endswith("_v2"):
                tv_models.freeze_norms(m, 0.0)
        with open(f"{out}/{name}.keys", "w") as f:
            for k, v in m.state_dict().items():
                print(k, *v.shape, file=f)


if __name__ == "__main__":
    main()
