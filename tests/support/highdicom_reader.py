"""highdicom as the other reader: its objects hold a database in memory that it never closes."""

from __future__ import annotations

import weakref
from os import PathLike

import highdicom as hd


def read_seg(path: str | PathLike[str]) -> hd.seg.Segmentation:
    """``highdicom.seg.segread``; the database is closed when the object goes."""
    seg = hd.seg.segread(path)
    weakref.finalize(seg, seg._db_con.close)
    return seg


def read_image(path: str | PathLike[str]) -> hd.Image:
    """``highdicom.imread``; the database is closed when the object goes."""
    image = hd.imread(path)
    weakref.finalize(image, image._db_con.close)
    return image
