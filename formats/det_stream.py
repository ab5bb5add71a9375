#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads and writes det streams (stream.md), in Python 3 with NumPy and nothing else.

    import det_stream as det
    for r in det.Reader(sys.stdin.buffer):     checks everything stream.md asks for
        r.kind, r.name, r.attrs                'TENS', 'image', [('name', 'image')]
        r.array                                the tensor, as a NumPy array
        r.boxes                                the box list, as an array of BOX
    w = det.Writer(sys.stdout.buffer)
    w.put(r)                                   a record as it came
    w.tensor('image', array)                   a new one; likewise w.boxes, w.text, w.item
    w.begin(history='mytool 1.0'); w.end()     for streams that start here

A stage of a pipe is a loop over a Reader that puts what it does not change:
example_stage.py. On the command line: det_stream.py FILE lists records, --copy FILE
writes them again to standard output.
"""
import os
import signal
import struct
import sys
import zlib

import numpy as np

MAGIC = b'\x89DET\r\n\x1a\0'
MAJOR, MINOR = 1, 0
MAX_ATTRS, MAX_PAYLOAD = 1 << 20, 1 << 34
HEAD = struct.Struct('<8sHH4sIIQIBBH8Q20s')     # 124 bytes, then its CRC-32
# bf16 is not NumPy's: its arrays hold the bits as uint16
DTYPES = {1: '<f4', 2: '<f2', 3: '<u2', 4: 'u1', 5: '<i4', 6: '<i8'}
CODES = {'float32': 1, 'float16': 2, 'uint8': 4, 'int32': 5, 'int64': 6}
NAMES = {1: 'f32', 2: 'f16', 3: 'bf16', 4: 'u8', 5: 'i32', 6: 'i64'}
KNOWN = ('STRM', 'ITEM', 'TENS', 'BOXS', 'TEXT', 'END.', 'FAIL')
KEY = frozenset(b'abcdefghijklmnopqrstuvwxyz0123456789_-.')
NAME = KEY | frozenset(b'ABCDEFGHIJKLMNOPQRSTUVWXYZ/:+')
BOX = np.dtype([('x1', '<f8'), ('y1', '<f8'), ('x2', '<f8'), ('y2', '<f8'),
                ('score', '<f8'), ('area', '<f8'), ('label', '<i4'),
                ('flags', '<u4'), ('source', '<i4'), ('reserved', '<u4')])


class Corrupt(ValueError):
    """Bytes that no correct writer has made, or an end where none may be."""


class Unsupported(ValueError):
    """Well formed, but newer than this reader."""


def pad(n):
    return -n % 64


def escape(v):
    return v.replace('\\', '\\\\').replace('\n', '\\n').replace('\r', '\\r')


def unescape(v):
    parts = v.split('\\\\')
    return '\\'.join(p.replace('\\n', '\n').replace('\\r', '\r') for p in parts)


def parse_attrs(text):
    """Bytes of attributes to a list of pairs, keys may repeat."""
    out = []
    if text and not text.endswith(b'\n'):
        raise Corrupt("the attributes' last line has no end")
    for line in text.split(b'\n')[:-1]:
        key, eq, value = line.partition(b'=')
        left = value.replace(b'\\\\', b'').replace(b'\\n', b'').replace(b'\\r', b'')
        if not eq or not key or not KEY.issuperset(key):
            raise Corrupt('an attribute is not of the form key=value')
        if b'\\' in left or b'\r' in value or b'\0' in value:
            raise Corrupt("an attribute's value is not escaped as it must be")
        out.append((key.decode(), unescape(value.decode('utf-8', 'surrogateescape'))))
    names = [v for k, v in out if k == 'name']
    if len(names) > 1:
        raise Corrupt('two names in one record')
    for n in names:
        raw = n.encode('utf-8', 'surrogateescape')
        if not 1 <= len(raw) <= 255 or not NAME.issuperset(raw):
            raise Corrupt('a name is not 1 to 255 of letters, digits and /._-:+')
    return out


def format_attrs(attrs):
    text = ''.join('%s=%s\n' % (k, escape(v)) for k, v in attrs)
    return text.encode('utf-8', 'surrogateescape')


class Record:
    """kind, attrs (list of pairs), payload (bytes); dtype code and shape of a tensor;
    has_crc and minor are kept so that a record is passed on as it came."""

    def __init__(self, kind, attrs=(), payload=b'', dtype=0, shape=(), has_crc=True,
                 minor=MINOR):
        self.kind, self.attrs, self.payload = kind, list(attrs), payload
        self.dtype, self.shape = dtype, tuple(shape)
        self.has_crc, self.minor = has_crc, minor

    def get(self, key, default=None):
        return next((v for k, v in self.attrs if k == key), default)

    @property
    def name(self):
        return self.get('name', '')

    @property
    def array(self):
        """The tensor (bf16: its bits as uint16). Read-only: it shares the payload."""
        return np.frombuffer(self.payload, DTYPES[self.dtype]).reshape(self.shape)

    @property
    def boxes(self):
        """The box list; NaN and infinity are refused, as any reader must."""
        b = np.frombuffer(self.payload, BOX)
        if self.get('space') not in ('input', 'image'):
            raise Corrupt("box list '%s' has no space: input or image expected" % self.name)
        for i in range(len(b)):
            if not all(np.isfinite(b[f][i]) for f in BOX.names[:6]):
                raise Corrupt("box %d of '%s' holds NaN or infinity" % (i, self.name))
            if b['reserved'][i]:
                raise Unsupported("box %d of '%s' has a reserved field set"
                                  % (i, self.name))
        return b

    @property
    def classes(self):
        """The class table of a STRM: pairs of name and source id (-1: none)."""
        lines = self.text.split('\n')
        pairs = [line.partition('\t')[::2] for line in lines[:len(lines) - (not lines[-1])]]
        if not all(i == '' or i.isascii() and i.isdigit() for _, i in pairs):
            raise Corrupt('class table: a source id is not a whole number')
        return [(n, int(i or -1)) for n, i in pairs]

    @property
    def map(self):
        """(sx, sy, tx, ty, flip, vflip) of an ITEM: x_in = sx * x + tx, flipped before."""
        words = self.get('map', '1 1 0 0').split(' ')
        try:
            m = tuple(float(w) for w in words[:4]) + ('flip' in words[4:], 'vflip' in words[4:])
        except ValueError:
            m = ()
        if len(m) != 6 or not np.isfinite(m).all() or m[0] == 0 or m[1] == 0 \
                or words[4:] not in ([], ['flip'], ['vflip'], ['flip', 'vflip']):
            raise Corrupt("an item's map can't be undone")
        return m

    def number(self, key, default=0):
        v = self.get(key, str(default))
        if not (v.isascii() and v.isdigit()):
            raise Corrupt("attribute %s: '%s' is not a whole number" % (key, v))
        return int(v)

    def check(self):
        """Decodes what has a meaning of its own, for its errors."""
        if self.kind == 'STRM':
            self.classes
        elif self.kind == 'ITEM':
            self.map, [self.number(k) for k in ('id', 'width', 'height')]
        elif self.kind == 'BOXS':
            self.boxes

    @property
    def text(self):
        return self.payload.decode('utf-8', 'replace')

    def line(self):
        what = 'x'.join(map(str, self.shape)) or 'scalar'
        what = '%s %s' % (NAMES[self.dtype], what) if self.kind == 'TENS' else \
            '%d bytes' % len(self.payload)
        rest = ' '.join('%s=%r' % kv for kv in self.attrs if kv[0] != 'name')
        return '%s  %s  %s  %s' % (self.kind, self.name, what, rest)


def check_fields(kind, size, flags, crc, dtype, rank, dims, attrs):
    """What a head must be once its CRC is right (stream.md, sections 3 and 5)."""
    if flags & ~1:
        raise Unsupported('a reserved flag is set (%#x)' % flags)
    if not flags & 1 and crc:
        raise Corrupt('a payload check without its flag')
    if flags & 1 and not size:
        raise Corrupt('a payload check without a payload')
    if not all(0x20 < c < 0x7f for c in kind):
        raise Corrupt("a record's kind is not four printable letters")
    if rank > 8:
        raise Corrupt('%d dims: at most 8 allowed' % rank)
    if any(dims[rank:]):
        raise Corrupt('a dim beyond the rank is not zero')
    kind = kind.decode('ascii')
    if kind not in KNOWN:
        if not ord(kind[0]) & 0x20:
            raise Unsupported("a record of unknown kind '%s', which may not be ignored" % kind)
        return
    if kind == 'TENS':
        if dtype not in DTYPES:
            raise Unsupported('a tensor of unknown dtype %d' % dtype)
        want = room = np.dtype(DTYPES[dtype]).itemsize
        for d in dims[:rank]:
            want, room = want * d, room * max(d, 1)
        if room > MAX_PAYLOAD:
            raise Corrupt("a tensor's shape overflows")
        if want != size:
            raise Corrupt("a tensor's payload has %d bytes where its shape takes %d"
                          % (size, want))
    elif dtype or rank:
        raise Corrupt('a %s record with a dtype or shape' % kind)
    if kind in ('TENS', 'BOXS', 'TEXT') and not any(k == 'name' for k, _ in attrs):
        raise Corrupt('a %s record without a name' % kind)
    if kind == 'BOXS' and size % 64:
        raise Corrupt('a box list of %d bytes: a multiple of 64 expected' % size)
    if kind in ('ITEM', 'END.', 'FAIL') and size:
        raise Corrupt('a %s record with a payload' % kind)


class Reader:
    """Iterates over the records of a binary file object, END included."""

    def __init__(self, f):
        self.f, self.inside, self.began = f, False, False
        self.records = self.items = 0

    def take(self, n, where):
        """n bytes, in pieces: a claim alone allocates nothing."""
        parts = []
        while n:
            b = self.f.read(min(n, 1 << 24))
            if not b:
                raise Corrupt('input ended early: ' + where)
            parts.append(b)
            n -= len(b)
        return b''.join(parts)

    def grammar(self, r):
        if r.kind == 'STRM':
            if self.inside:
                raise Corrupt('a stream begins inside another: no END before it')
            self.inside, self.records, self.items = True, 1, 0
            return
        if not self.inside:
            raise Corrupt('a %s record outside a stream: STRM expected first' % r.kind)
        if r.kind == 'FAIL':
            raise Corrupt('the stream was broken off: ' + r.get('error', 'no reason given'))
        if r.kind == 'END.':
            self.inside = False
            counts = r.get('records', ''), r.get('items', '')
            if not all(c.isascii() and c.isdigit() for c in counts):
                raise Corrupt('an END record without its counts')
            if tuple(map(int, counts)) != (self.records, self.items):
                raise Corrupt('records are missing: END counts %s with %s items, '
                              '%d with %d items came' % (*counts, self.records, self.items))
            return
        self.records += 1
        self.items += r.kind == 'ITEM'

    def __iter__(self):
        while True:
            first = self.f.read(1)
            if not first:
                if self.began and not self.inside:
                    return
                raise Corrupt('input ended early: ' +
                              ('no END record' if self.began else 'it is empty'))
            yield self.record(first)

    def record(self, first):
        raw = first + self.take(len(MAGIC) - 1, "inside a record's head")
        if raw != MAGIC:
            raise Corrupt('a det stream record expected, found other bytes')
        raw += self.take(120, "inside a record's head")
        (_, major, minor, kind, flags, nattrs, size, crc, dtype, rank, zero1,
         *dims, zero2) = HEAD.unpack(raw[:124])
        if major != MAJOR:
            raise Unsupported('stream version %d.%d: this program reads version %d'
                              % (major, minor, MAJOR))
        if nattrs > MAX_ATTRS:
            raise Corrupt('%d bytes of attributes claimed: at most %d allowed'
                          % (nattrs, MAX_ATTRS))
        if size > MAX_PAYLOAD:
            raise Corrupt('a payload of %d bytes claimed: at most %d allowed'
                          % (size, MAX_PAYLOAD))
        text = self.take(nattrs + pad(nattrs), "inside a record's attributes")
        if zlib.crc32(text, zlib.crc32(raw[:124])) != struct.unpack('<I', raw[124:])[0]:
            raise Corrupt("the check over the record's head does not match")
        if any(text[nattrs:]):
            raise Corrupt('padding after the attributes is not zero')
        if zero1 or any(zero2):
            raise Unsupported('a reserved byte of the head is set')
        attrs = parse_attrs(text[:nattrs])
        check_fields(kind, size, flags, crc, dtype, rank, dims, attrs)
        self.began = True
        r = Record(kind.decode('ascii'), attrs, b'', dtype, dims[:rank], bool(flags & 1),
                   minor)
        self.grammar(r)
        r.payload = self.take(size, 'inside a payload')
        if any(self.take(pad(size), "inside a record's padding")):
            raise Corrupt('padding after a payload is not zero')
        if flags & 1 and zlib.crc32(r.payload) != crc:
            raise Corrupt("the check over the payload of %s '%s' does not match"
                          % (r.kind, r.name))
        return r


class Writer:
    def __init__(self, f):
        self.f, self.records, self.items = f, 0, 0

    def put(self, r):
        """Writes a record; END is made anew, with the counts of what was written."""
        if r.kind == 'END.':
            return self.end()
        if r.kind == 'STRM':
            self.records = self.items = 0
        self.records += 1
        self.items += r.kind == 'ITEM'
        self.write(r)

    def write(self, r):
        attrs = format_attrs(r.attrs)
        payload = bytes(r.payload)
        flags = 1 if r.has_crc and payload else 0
        crc = zlib.crc32(payload) if flags else 0
        dims = list(r.shape) + [0] * (8 - len(r.shape))
        check_fields(r.kind.encode(), len(payload), flags, crc, r.dtype, len(r.shape), dims,
                     parse_attrs(attrs))
        raw = HEAD.pack(MAGIC, MAJOR, r.minor, r.kind.encode(), flags, len(attrs),
                        len(payload), crc, r.dtype, len(r.shape), 0, *dims, bytes(20))
        attrs += bytes(pad(len(attrs)))
        self.f.write(raw + struct.pack('<I', zlib.crc32(attrs, zlib.crc32(raw))) + attrs)
        self.f.write(payload + bytes(pad(len(payload))))
        self.f.flush()                      # whoever comes next need not wait

    def begin(self, history=None, classes=()):
        attrs = [('history', history)] if history else []
        self.put(Record('STRM', attrs, ''.join(c + '\n' for c in classes).encode()))

    def item(self, **attrs):
        self.put(Record('ITEM', [(k, str(v)) for k, v in attrs.items()]))

    def tensor(self, name, a, attrs=()):
        a = np.asarray(a, order='C')
        self.put(Record('TENS', [('name', name), *attrs],
                        a.astype(a.dtype.newbyteorder('<')).tobytes(),
                        CODES[a.dtype.name], a.shape))

    def boxes(self, name, boxes, space, attrs=()):
        self.put(Record('BOXS', [('name', name), ('space', space), *attrs],
                        np.asarray(boxes, BOX).tobytes()))

    def text(self, name, text):
        self.put(Record('TEXT', [('name', name)], text.encode()))

    def end(self):
        self.write(Record('END.', [('records', str(self.records)),
                                   ('items', str(self.items))]))


def main(argv):
    copy = argv[1:2] == ['--copy']
    names = argv[2:] if copy else argv[1:]
    w = Writer(sys.stdout.buffer)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for name in names or ['-']:
        with open(name, 'rb') if name != '-' else os.fdopen(0, 'rb') as f:
            try:
                for r in Reader(f):
                    r.check()
                    w.put(r) if copy else print(r.line())
            except (Corrupt, Unsupported) as e:
                print('det_stream.py: %s: %s' % (name, e), file=sys.stderr)
                return 2
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
