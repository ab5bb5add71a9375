#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Compares det-model svd with numpy.linalg.svd in double precision (run with numpy 1.24.2): on
layers of a Faster R-CNN with random weights, at several ranks, the product of the two factors
and the error that is told.

    DET_BIN=bin tests/oracle/svd.py
"""
import os
import re
import subprocess
import tempfile

import numpy as np

BIN = os.environ.get("DET_BIN", "bin")


def run(*args):
    return subprocess.run([f"{BIN}/{args[0]}", *args[1:]], check=True, capture_output=True, text=True)


def tensor(model, name):
    with tempfile.NamedTemporaryFile(suffix=".npy") as f:
        subprocess.run([f"{BIN}/det-show", "--npy", name, model], check=True, stdout=f)
        return np.load(f.name).astype(float)


with tempfile.TemporaryDirectory() as d:
    whole, thin = os.path.join(d, "whole.det"), os.path.join(d, "thin.det")
    run("det-model", "new", "--arch", "tiny_frcnn", "--set", "hidden=300", "--seed", "5", "-o", whole)
    for layer, ranks in (("fc6", (1, 40, 200)), ("fc7", (3, 100, 300))):
        w = tensor(whole, f"head/{layer}.weight")
        u, s, vt = np.linalg.svd(w, full_matrices=False)
        for k in ranks:
            told = run("det-model", "svd", whole, "--rank", f"{layer}={k}", "-o", thin).stderr
            told = float(re.search(r"error ([\d.]+)", told).group(1))
            product = tensor(thin, f"head/{layer}.weight") @ tensor(thin, f"head/{layer}_svd.weight")
            best = u[:, :k] * s[:k] @ vt[:k]
            size = np.linalg.norm(w)
            print(f"{layer} {w.shape[0]}x{w.shape[1]} rank {k}: error {np.linalg.norm(w - product) / size:.6f}, "
                  f"told {told:.4f}, numpy's {np.linalg.norm(w - best) / size:.6f}; "
                  f"products differ by {np.abs(product - best).max() / np.abs(best).max():.1e} of the largest")
