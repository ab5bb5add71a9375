# SPDX-License-Identifier: MIT
"""eval_peer.py pycocotools|faster_coco_eval GT.json RESULTS.json: the twelve numbers by one of
the evaluators that people use. Prints them at full length; 3 where it is not installed."""
import contextlib
import importlib.util
import io
import sys

which, truth, results = sys.argv[1:]
if importlib.util.find_spec(which) is None:
    sys.exit(3)
if which == "pycocotools":
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
else:
    from faster_coco_eval import COCO, COCOeval_faster as COCOeval
with contextlib.redirect_stdout(io.StringIO()):
    gt = COCO(truth)
    e = COCOeval(gt, gt.loadRes(results), "bbox")
    e.evaluate()
    e.accumulate()
    e.summarize()
print(" ".join(repr(float(v)) for v in e.stats[:12]))
