"""Text burned into pixels: found by a look at them, whatever the header says (D17).

The look is the text detector of RapidOCR (PP-OCR, run on the CPU from the models in its package,
nothing is downloaded). It finds lines of any script. Reading them serves one end, to tell side
markers (L, R) from the rest; what was read leaves this module masked in ``repr``.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.core.study import PatientText

# Of the frame's height: anatomy is often taken for one huge letter, text lines are low.
_TALLEST_LINE = 0.12
_TALL_PIXELS = 40
_LINE_ASPECT = 2.0
_SURE_READING = 0.6
_SMALLEST_SIDE = 64
_TILE_PIXELS = 2600
# of the least value, the first percent, the last thousandth, the greatest value
_GREY_LEVELS: Final = (0, 25, 205, 255)
_TILE_OVERLAP = 200
_MARKERS: Final = frozenset(
    {
        "L", "R", "LT", "RT", "LEFT", "RIGHT", "PA", "AP", "LAT", "ERECT", "SUPINE", "PORTABLE",
        "Л", "П", "ЛЕВ", "ПРАВ", "RCC", "LCC", "RMLO", "LMLO",
    }
)  # fmt: skip
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class TextBox:
    """A line of text in a frame: pixels ``left <= column < right``, ``top <= row < bottom``.

    ``confidence`` (0 to 1) is the detector's; ``text`` what was read, often wrong for scripts
    other than Latin; ``is_marker``: a side or position marker of a film, not a name.
    """

    left: int
    top: int
    right: int
    bottom: int
    confidence: float
    text: PatientText
    is_marker: bool

    def covers(self, other: TextBox) -> bool:
        """Whether ``other`` lies in this box, give or take two pixels."""
        wide = self.left - 2 <= other.left and other.right <= self.right + 2
        return wide and self.top - 2 <= other.top and other.bottom <= self.bottom + 2


def find_text(frame: npt.NDArray[np.uint8]) -> tuple[TextBox, ...]:
    """Lines of text in a frame of shape (rows, columns) or (rows, columns, 3), top to bottom.

    Any thread; one frame at a time. Frames under 64 pixels a side hold no readable text.
    """
    if min(frame.shape[:2]) < _SMALLEST_SIDE:
        return ()
    rgb = frame if frame.ndim == 3 else np.repeat(frame[..., None], 3, axis=2)
    found: list[TextBox] = []
    with _lock:
        for top in _starts(frame.shape[0]):
            for left in _starts(frame.shape[1]):
                tile = rgb[top : top + _TILE_PIXELS, left : left + _TILE_PIXELS]
                found += [
                    box
                    for box in _boxes_in(tile, left, top, frame.shape[0])
                    if not any(known.covers(box) for known in found)
                ]
    return tuple(sorted(found, key=lambda box: (box.top, box.left)))


def visible(stored: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Stored values as grey levels in which text would show; colour stays as it is.

    Text is written at an extreme. The bulk of the values takes the middle of the grey levels, so
    an extreme stays apart from it however few its pixels are and however far off it lies.
    """
    if stored.dtype == np.uint8 and stored.ndim == 3:
        return np.asarray(stored, dtype=np.uint8)
    values = np.nan_to_num(stored.astype(np.float32))
    low, high = (float(v) for v in np.percentile(values, [1.0, 99.9]))
    places = [float(values.min()), low, high, float(values.max())]
    grey = np.interp(values, *_rising(places, _GREY_LEVELS))
    return np.asarray(grey, dtype=np.uint8)


def _rising(places: list[float], levels: tuple[int, ...]) -> tuple[list[float], list[float]]:
    """The points of a curve without those that share a place: the outer level wins."""
    curve: dict[float, float] = {}
    middle = len(places) // 2
    for place, level in zip(places[:middle], levels[:middle], strict=True):
        curve.setdefault(place, level)
    for place, level in zip(places[middle:], levels[middle:], strict=True):
        curve[place] = level
    rising = sorted(curve.items())
    return [place for place, _ in rising], [level for _, level in rising]


def _starts(length: int) -> list[int]:
    """Where tiles begin along one side: the detector shrinks what is larger than a tile."""
    if length <= _TILE_PIXELS:
        return [0]
    count = -(-(length - _TILE_OVERLAP) // (_TILE_PIXELS - _TILE_OVERLAP))
    return [round(n * (length - _TILE_PIXELS) / (count - 1)) for n in range(count)]


def _boxes_in(tile: npt.NDArray[np.uint8], left: int, top: int, rows: int) -> Iterator[TextBox]:
    """The lines of text in one tile of a frame of ``rows``, in pixels of the frame."""
    found = _engine()(np.ascontiguousarray(tile), use_det=True, use_cls=False, use_rec=False)
    if found.boxes is None:
        return
    for corners, score in zip(found.boxes, found.scores, strict=True):
        box = _box(tile, corners, float(score), rows)
        if box is not None:
            yield replace(
                box,
                left=box.left + left,
                top=box.top + top,
                right=box.right + left,
                bottom=box.bottom + top,
            )


def _box(
    rgb: npt.NDArray[np.uint8], corners: npt.NDArray[Any], score: float, frame_rows: int
) -> TextBox | None:
    """The detector's quadrangle as a box; None where it is anatomy taken for text."""
    rows, columns = rgb.shape[:2]
    left, top = (max(0, int(v)) for v in np.floor(corners.min(axis=0)))
    right = min(columns, int(np.ceil(corners[:, 0].max())) + 1)
    bottom = min(rows, int(np.ceil(corners[:, 1].max())) + 1)
    low, high = sorted((right - left, bottom - top))
    tallest = max(_TALLEST_LINE * frame_rows, min(_TALL_PIXELS, frame_rows // 4))
    if not 0 < low <= tallest:
        return None
    text, sureness = _read(rgb[top:bottom, left:right])
    plain = "".join(c for c in text if c.isalnum()).upper()
    is_sure = sureness >= _SURE_READING
    is_marker = is_sure and plain in _MARKERS
    # A square with one sign in it is a bone's ring or a catheter's end, unless it is a marker.
    if high < _LINE_ASPECT * low and not is_marker and not (is_sure and len(plain) > 1):
        return None
    return TextBox(left, top, right, bottom, score, PatientText(text), is_marker)


def _read(crop: npt.NDArray[np.uint8]) -> tuple[str, float]:
    upright = crop if crop.shape[1] >= crop.shape[0] * 0.8 else np.rot90(crop)
    read = _engine()(np.ascontiguousarray(upright), use_det=False, use_cls=False, use_rec=True)
    if not read.txts:
        return "", 0.0
    return str(read.txts[0]), float(read.scores[0])


@functools.cache
def _engine() -> Any:  # noqa: ANN401 - RapidOCR has no types
    """The OCR engine; made at first use (about a second), kept."""
    from rapidocr import RapidOCR

    logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)
    import rapidocr

    models = Path(rapidocr.__file__).parent / "models"
    return RapidOCR(
        params={
            "Global.log_level": "critical",
            # everything read is judged here
            "Global.text_score": 0.0,
            "Global.use_cls": False,
            # Lower than the package's: half of the short words of small frames were missed, and
            # what anatomy adds is large, so told apart by its size.
            "Det.thresh": 0.2,
            "Det.box_thresh": 0.3,
            "Det.model_path": str(models / "PP-OCRv6_det_small.onnx"),
            "Rec.model_path": str(models / "PP-OCRv6_rec_small.onnx"),
            "Cls.model_path": str(models / "ch_ppocr_mobile_v2.0_cls_mobile.onnx"),
            "EngineConfig.onnxruntime.intra_op_num_threads": 2,
        }
    )
