#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""torch_files.py WEIGHTS_DUMP [FILE ...]   compare
torch_files.py --golden                     print tests/unit/torch_golden.h

Saves tensors of every kind with torch (both containers; made with torch 1.13.0, Debian 12) and
as safetensors (written here, by the format's text), reads them with weights_dump (of
weights_dump.c) and compares names, types, shapes and the bits of every value. FILEs are read by
both sides too. Prints a line for each file; exits 1 on a difference.
"""
import argparse
import collections
import io
import json
import os
import struct
import subprocess
import sys
import tempfile

import numpy as np
import torch

NAMES = {torch.float32: 'f32', torch.float64: 'f64', torch.float16: 'f16', torch.bfloat16: 'bf16',
         torch.int8: 'i8', torch.uint8: 'u8', torch.int16: 'i16', torch.int32: 'i32',
         torch.int64: 'i64', torch.bool: 'bool'}
SAFE = {'f32': 'F32', 'f64': 'F64', 'f16': 'F16', 'bf16': 'BF16', 'i8': 'I8', 'u8': 'U8',
        'i16': 'I16', 'i32': 'I32', 'i64': 'I64', 'bool': 'BOOL'}


def small():
    """A few tensors that show each trap once."""
    base = torch.arange(12, dtype=torch.float32).reshape(3, 4) / 4
    d = collections.OrderedDict()
    d['conv.weight'] = base
    d['conv.turned'] = base.t()              # shared storage, strides
    d['conv.part'] = base[1:, ::2]           # offset and strides
    d['conv.same'] = base[0].expand(2, 4)    # stride 0
    d['half'] = torch.tensor([1.5, -2, 65504], dtype=torch.float16)
    d['brain'] = torch.tensor([1.5, -2, 3e38], dtype=torch.bfloat16)
    d['double'] = torch.tensor([[0.1], [1e-300]], dtype=torch.float64)
    d['count'] = torch.tensor(7)             # rank 0, int64
    d['flags'] = torch.tensor([True, False])
    d['empty'] = torch.zeros(0, 3)
    return d


def types():
    g = torch.Generator().manual_seed(1)
    out = {}
    for t, name in NAMES.items():
        v = torch.randn(5, 7, generator=g) * 50
        out['t.' + name] = v > 0 if t == torch.bool else v.abs().to(t) if t == torch.uint8 else v.to(t)
    return out


def strided():
    g = torch.Generator().manual_seed(2)
    big = torch.randn(2, 3, 4, 5, 6, generator=g)
    return {'a': big.permute(4, 2, 0, 1, 3), 'b': big[1, :, 1:3, ::2, -1], 'c': big[..., 3],
            'd': big.transpose(0, 4)[2:5:2], 'e': big[0, 0, 0, 0, 0], 'f': big[:, :0],
            'g': torch.randn(4, 3, 2, 2, generator=g).contiguous(memory_format=torch.channels_last),
            'h': big.select(2, 1).unsqueeze(0).expand(3, 2, 3, 5, 6)}


def net():
    torch.manual_seed(3)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(),
                               torch.nn.Flatten(), torch.nn.Linear(4, 2))


def checkpoint():
    """What training scripts save: the state of Adam holds more tensors than the net."""
    m = net()
    opt = torch.optim.Adam(m.parameters())
    sched = torch.optim.lr_scheduler.MultiStepLR(opt, [3, 5])
    m(torch.randn(2, 3, 3, 3)).sum().backward()
    opt.step()
    return m.state_dict(), {'epoch': 3, 'model': m.state_dict(), 'optimizer': opt.state_dict(),
                            'lr_scheduler': sched.state_dict(), 'best': .25, 'big': 1 << 80,
                            'args': argparse.Namespace(lr=.1, names=['a', 'b']), 'tags': {'x', 'y'}}


def cases():
    inner, outer = checkpoint()
    nested = {'backbone': {'w': torch.ones(2), 'deep': [torch.zeros(1), (torch.ones(1), 5)]}, 'n': 3}
    flat = {'backbone.w': torch.ones(2), 'backbone.deep.0': torch.zeros(1),
            'backbone.deep.1.0': torch.ones(1)}
    yield 'small', small(), small()
    yield 'types', types(), types()
    yield 'strided', strided(), strided()
    yield 'module', net().state_dict(), net().state_dict()
    yield 'parameters', dict(net().named_parameters()), dict(net().named_parameters())
    yield 'parallel', {'module.' + k: v for k, v in inner.items()}, inner
    yield 'checkpoint', outer, inner
    yield 'state_dict', {'state_dict': inner, 'epoch': 1}, inner
    yield 'twice', {'model': {'state_dict': inner}}, inner
    yield 'nested', nested, flat
    yield 'many', {'p%d' % i: torch.full((3,), float(i)) for i in range(3000)}, None
    yield 'alone', torch.ones(2, 2), {'tensor': torch.ones(2, 2)}


def floats(t):
    return t.detach().to(torch.float32).contiguous().numpy().astype('>f4').tobytes().hex()


def expected(d):
    return {k: (NAMES[v.dtype], 'x'.join(map(str, v.shape)), floats(v)) for k, v in d.items()}


def safetensors(d):
    head, data = {'__metadata__': {'format': 'pt'}}, b''
    for k, v in d.items():
        t = v.detach().contiguous()
        raw = (t.view(torch.int16) if t.dtype == torch.bfloat16 else t).numpy().tobytes()
        head[k] = {'dtype': SAFE[NAMES[v.dtype]], 'shape': list(v.shape),
                   'data_offsets': [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(head).encode()
    text += b' ' * (-len(text) % 8)
    return struct.pack('<Q', len(text)) + text + data


def compare(dump, path, what, want):
    r = subprocess.run([dump, path], capture_output=True, text=True)
    got = {}
    for line in r.stdout.splitlines():
        name, *rest = line.split('\t')
        got[name] = tuple(rest)
    same = r.returncode == 0 and got == want
    print('%s %s: %d tensors%s' % ('ok' if same else 'DIFFERENT', what, len(want),
                                   '' if same else ': ' + r.stderr.strip()))
    for k in sorted(set(got) | set(want)):
        if not same and got.get(k) != want.get(k):
            print('  ', k, str(got.get(k))[:100], str(want.get(k))[:100])
    return same


def load_safetensors(path):
    raw = open(path, 'rb').read()
    n, = struct.unpack('<Q', raw[:8])
    head = json.loads(raw[8:8 + n])
    back = {v: k for k, v in NAMES.items()}
    out = {}
    for k, v in head.items():
        if k == '__metadata__':
            continue
        b, e = v['data_offsets']
        t = back[{x: y for y, x in SAFE.items()}[v['dtype']]]
        out[k] = torch.frombuffer(bytearray(raw[8 + n + b:8 + n + e]), dtype=t).reshape(v['shape'])
    return out


def golden():
    def array(name, b):
        print('static const unsigned char %s[] = {' % name)
        for i in range(0, len(b), 19):
            print('\t' + ' '.join('%d,' % x for x in b[i:i + 19]))
        print('};')
    print('/* SPDX-License-Identifier: MIT')
    print(' *')
    print(' * Files that torch %s saved: made by tests/oracle/torch_files.py --golden.' % torch.__version__)
    print(' */')
    print('/* clang-format off */')
    for name, new in (('golden_zip', True), ('golden_legacy', False)):
        f = io.BytesIO()
        torch.save({'model': small(), 'epoch': 3}, f, _use_new_zipfile_serialization=new)
        array(name, f.getvalue())
    print('/* clang-format on */')


def main():
    if sys.argv[1:] == ['--golden']:
        return golden()
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    dump, good = sys.argv[1], True
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, 'f')
        for what, obj, want in cases():
            want = expected(obj if want is None else want)
            for new in (True, False):
                for proto in (2, 3, 4, 5) if new else (2, 4):
                    torch.save(obj, path, _use_new_zipfile_serialization=new, pickle_protocol=proto)
                    kind = '%s, %s, protocol %d' % (what, 'zip' if new else 'legacy', proto)
                    good &= compare(dump, path, kind, want)
            if all(isinstance(v, torch.Tensor) for v in (obj.values() if isinstance(obj, dict) else [0])):
                with open(path, 'wb') as f:
                    f.write(safetensors(obj))
                good &= compare(dump, path, what + ', safetensors', expected(obj))
    for path in sys.argv[2:]:
        d = load_safetensors(path) if path.endswith('.safetensors') else torch.load(path, 'cpu')
        good &= compare(dump, path, os.path.basename(path), expected(d))
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
