# SPDX-License-Identifier: MIT
"""squeezenet_frcnn_fpn (lib/arch) as torchvision's FasterRCNN, with the weights of a model file.

All is torchvision's own: SqueezeNet 1.1, FeaturePyramidNetwork, RPN, RoIHeads. What is set:
the padding of the trunk, sizes, numbers of proposals, and anchors that are not rounded, at
strides that are 4, 8, 16, 32 whatever the size of the maps. Pictures come prepared, so the
model's transform is not used: call backbone, rpn and roi_heads, as detect() does.

Needs Debian's python3-torchvision: torch 1.13.0, torchvision 0.14.1.
"""
import os
import sys

import torch
from torch import nn
from torchvision.models import squeezenet1_1
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import MultiScaleRoIAlign

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path += [HERE, os.path.join(HERE, "..", "..", "formats")]
import det_stream          # noqa: E402
import tiny                # noqa: E402

FPN, HIDDEN = 128, 256
SIDES = ((16, 23), (32, 45), (64, 91), (128, 181))
STRIDES = (4, 8, 16, 32)
# torchvision's number of what det has by name
TRUNK = dict(zip((0, 3, 4, 6, 7, 9, 10, 11, 12), ["conv1"] + [f"fire{i}" for i in range(2, 10)]))


class Anchors(AnchorGenerator):
    def generate_anchors(self, scales, aspect_ratios, dtype=torch.float32, device="cpu"):
        h = torch.tensor(aspect_ratios, dtype=torch.float64).sqrt()[:, None]
        side = torch.tensor(scales, dtype=torch.float64)[None]
        w, h = (side / h).flatten(), (side * h).flatten()
        return (torch.stack([-w, -h, w, h], 1) / 2).to(dtype)

    def grid_anchors(self, grid_sizes, strides):
        return super().grid_anchors(grid_sizes, [(s, s) for s in STRIDES])


def trunk():
    net = squeezenet1_1(weights=None).features
    net[0].padding = (1, 1)
    for m in net:
        if isinstance(m, nn.MaxPool2d):
            m.padding, m.ceil_mode = 1, False
    return net


def our_name(key):
    """What det calls torchvision's tensor."""
    part, rest = key.split(".", 1)
    if part == "backbone":
        words = rest.split(".")
        if words[0] == "body":
            layer = words[2].replace("squeeze", "squeeze1x1")
            return ".".join([f"backbone/{TRUNK[int(words[1])]}", *([layer] if len(words) > 3 else []),
                             words[-1]])
        if words[3] == "1":         # fpn.BLOCKS.NUMBER.1: the norm behind the convolution
            return tiny.our_name(".".join(["backbone", *words[:3], "bn", words[-1]]))
    return tiny.our_name(key)


def read(path):
    """The tensors of a model file by name, and its classes."""
    with open(path, "rb") as f:
        records = list(det_stream.Reader(f))
    return ({r.name: r.array for r in records if r.kind == "TENS"},
            [name for name, _ in records[0].classes])


def write(path, begin, model):
    """The model file `begin` with the weights of the model."""
    state = {our_name(k): v for k, v in model.state_dict().items()
             if not k.endswith("num_batches_tracked")}
    with open(begin, "rb") as f, open(path, "wb") as out:
        w = det_stream.Writer(out)
        for r in det_stream.Reader(f):
            if r.kind == "TENS":
                r.payload = state[r.name].numpy().astype("<f4").tobytes()
            w.put(r)


def build(path):
    """With the weights of `path`; scores from .001 on are kept, as in lib/recipes/bccd.mk."""
    tensors, classes = read(path)
    backbone = BackboneWithFPN(trunk(), {"4": "0", "7": "1", "12": "2"}, [128, 256, 512], FPN,
                               norm_layer=nn.BatchNorm2d)
    model = FasterRCNN(
        backbone, rpn_anchor_generator=Anchors(SIDES, ((.5, 1., 2.),) * 4),
        rpn_pre_nms_top_n_train=1000, rpn_post_nms_top_n_train=500,
        rpn_pre_nms_top_n_test=500, rpn_post_nms_top_n_test=300,
        box_roi_pool=MultiScaleRoIAlign(["0", "1", "2"], 7, 2, canonical_scale=56,
                                        canonical_level=3),
        box_head=TwoMLPHead(FPN * 49, HIDDEN),
        box_predictor=FastRCNNPredictor(HIDDEN, len(classes) + 1), box_score_thresh=.001)
    return tiny.load(model, tensors, our_name), classes


def detect(model, image):
    """Of one prepared picture (3,H,W): proposals, and torchvision's dictionary."""
    sizes = [tuple(image.shape[1:])]
    with torch.inference_mode():
        maps = model.backbone(image[None])
        proposals, _ = model.rpn(ImageList(image[None], sizes), maps)
        found, _ = model.roi_heads(maps, proposals, sizes)
    return proposals[0].numpy(), {k: v.numpy() for k, v in found[0].items()}
