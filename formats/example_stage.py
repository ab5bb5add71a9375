#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A stage of a pipe in another language: drops boxes that are wider than FRACTION of
their picture (default 1/2).

    det-run -n -m M.det dog.jpg      shows the pipe; this goes between two of its stages:
    ... | det-head -m M.det | python3 example_stage.py 0.5 | det-nms -m M.det | ...
"""
import signal
import sys

import det_stream as det

signal.signal(signal.SIGPIPE, signal.SIG_DFL)
limit = float(sys.argv[1]) if len(sys.argv) > 1 else 0.5
out = det.Writer(sys.stdout.buffer)
try:
    for r in det.Reader(sys.stdin.buffer):
        if r.kind == 'STRM':
            r.attrs.append(('history', 'example_stage.py %g' % limit))
        elif r.kind == 'ITEM':
            space = {'input': float(r.get('input', '0x0').split('x')[0]),
                     'image': float(r.get('width', 0))}
        elif r.kind == 'BOXS':
            b = r.boxes
            r.payload = b[b['x2'] - b['x1'] <= limit * space[r.get('space')]].tobytes()
        out.put(r)
except ValueError as e:
    sys.exit('example_stage.py: %s' % e)
