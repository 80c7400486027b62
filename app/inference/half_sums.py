"""Adding to sums that are kept in half precision, faster than numpy does it.

numpy turns halves into floats and back one by one. Here it is done with whole arrays of integers:
a half moved up by 13 bits is a float that is 2**112 too small. Rounded to nearest, ties to even, as
numpy does; what is too large for a half, or no number, is refused and never stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

Float16Array = npt.NDArray[np.float16]
Float32Array = npt.NDArray[np.float32]

_UP: Final = np.float32(2.0**112)
_DOWN: Final = np.float32(2.0**-112)
_KEPT: Final = np.int32(-0x70002000)  # 0x8fffe000: sign, exponent and mantissa after the move
_INFINITE: Final = 0x7C00


@dataclass(slots=True)
class HalfSums:
    """Room for one thread; the arrays given must not be larger than ``numbers``."""

    numbers: int
    _wide: Float32Array = field(init=False)
    _sign: npt.NDArray[np.uint32] = field(init=False)

    def __post_init__(self) -> None:
        self._wide = np.empty(self.numbers, np.float32)
        self._sign = np.empty(self.numbers, np.uint32)

    def add(self, sums: Float16Array, values: Float32Array) -> bool:
        """Add ``values`` to ``sums`` of the same shape; False where a sum is no finite half.

        ``values`` are overwritten; then nothing of ``sums`` has changed.
        """
        wide = self._wide[: values.size].reshape(values.shape)
        bits = wide.view(np.int32)
        np.copyto(bits, sums.view(np.int16))
        np.left_shift(bits, 13, out=bits)
        np.bitwise_and(bits, _KEPT, out=bits)
        np.multiply(wide, _UP, out=wide)
        np.add(wide, values, out=wide)
        return self._store(wide, sums, values.view(np.uint32))

    def _store(self, wide: Float32Array, sums: Float16Array, spare: npt.NDArray[np.uint32]) -> bool:
        bits = wide.view(np.uint32)
        sign = self._sign[: wide.size].reshape(wide.shape)
        np.right_shift(bits, 16, out=sign)
        np.bitwise_and(sign, 0x8000, out=sign)
        np.bitwise_and(bits, 0x7FFFFFFF, out=bits)
        np.multiply(wide, _DOWN, out=wide)
        np.right_shift(bits, 13, out=spare)  # the last bit that stays: ties go to even
        np.bitwise_and(spare, 1, out=spare)
        np.add(bits, spare, out=bits)
        np.add(bits, 0xFFF, out=bits)
        np.right_shift(bits, 13, out=bits)
        if bits.max(initial=0) >= _INFINITE:
            return False
        np.bitwise_or(bits, sign, out=bits)
        np.copyto(sums.view(np.uint16), bits, casting="unsafe")
        return True
