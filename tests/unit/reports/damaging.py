"""A PDF with something done to it: the controls of what is checked of one."""

import io
from collections.abc import Callable
from typing import TypeAlias

import pikepdf

Harm: TypeAlias = Callable[[pikepdf.Pdf], object]


def damage(pdf: bytes, harm: Harm) -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        harm(opened)
        opened.save(out, static_id=True)
    return out.getvalue()
