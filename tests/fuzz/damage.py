"""Ways in which a file can be wrong, by chance or by malice."""

import json
import pickle
import struct

import numpy as np

CANARY = "canary-of-code-that-ran"


class _Touch:
    """Unpickled, it would write a file."""

    def __reduce__(self):
        return open, (CANARY, "w")


PIECES = (
    pickle.dumps(_Touch()),
    b"!!python/object/apply:os.system ['touch " + CANARY.encode() + b"']\n",
    b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }" + b" " * 60 + b"\n",
    b"../../../../tmp/" + CANARY.encode(),
    b"/" + CANARY.encode(),
    b"[" * 3000,
    b'{"a":' * 3000,
    b"9" * 6000,
    b"1e999",
    b"NaN",
    b"-1",
    b"null",
    b"true",
    b'"\\ud800"',
    b"\xff\xfe",
    b"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n",
    b"2020-99-99",
    b"0x" + b"f" * 20,
    struct.pack("<Q", 2**63 - 1),
    struct.pack("<I", 2**32 - 1),
    struct.pack("<i", -1),
    bytes(64),
    b"A" * 5000,
)
"""What attackers and accidents put into files: code for whoever runs it, paths that lead out, sizes that lie."""


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """The content with one to four faults; a text that is JSON may get them in its values instead."""
    data = bytearray(content)
    if content[:1] == b"{" and rng.random() < 0.5:
        data = bytearray(_in_a_value(content, rng))
        if rng.random() < 0.7:
            return bytes(data)
    for _ in range(int(rng.integers(1, 5))):
        _FAULTS[int(rng.integers(len(_FAULTS)))](data, rng)
    return bytes(data)


def _place(data, rng):
    return int(rng.integers(len(data) + 1))


def _flip(data, rng):
    if data:
        data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))


def _cut(data, rng):
    del data[_place(data, rng) :]


def _insert(data, rng):
    place = _place(data, rng)
    data[place:place] = PIECES[int(rng.integers(len(PIECES)))]


def _overwrite(data, rng):
    place, piece = _place(data, rng), PIECES[int(rng.integers(len(PIECES)))]
    data[place : place + len(piece)] = piece


def _repeat(data, rng):
    first, last = sorted((_place(data, rng), _place(data, rng)))
    data[first:first] = data[first:last]


def _delete(data, rng):
    first = _place(data, rng)
    del data[first : first + int(rng.integers(1, 200))]


def _number(data, rng):
    place = _place(data, rng)
    size = int(rng.choice([1, 2, 4, 8]))
    data[place : place + size] = rng.bytes(size)


_FAULTS = (_flip, _flip, _flip, _number, _number, _insert, _overwrite, _cut, _repeat, _delete)
_VALUES = (None, True, -1, 0, 1e300, float("nan"), "", "x" * 300, [], {}, [[[]]], 10**30, "../../etc/passwd", [1, "a"])


def _in_a_value(content, rng):
    """JSON with one value replaced by one of another kind."""
    tree = json.loads(content)
    here = tree
    while True:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        if not keys:
            return content
        key = keys[int(rng.integers(len(keys)))]
        if isinstance(here[key], (dict, list)) and here[key] and rng.random() < 0.7:
            here = here[key]
            continue
        if rng.random() < 0.2:
            del here[key]
        else:
            here[key] = _VALUES[int(rng.integers(len(_VALUES)))]
        return json.dumps(tree).encode()
