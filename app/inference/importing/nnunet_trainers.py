"""Which axes an nnU-Net trainer mirrored, by its name: a fact of the trainer, not of the plans.

Mirroring at test time is right only along axes that were mirrored in training; a model of left
and right mirrored at test time exchanges them (copilot-practice 7, trap 10). The truth lies in
the checkpoint, which is a pickle and is not read here; the conversion script writes it beside the
ONNX files. An unknown trainer is asked for.
"""

from __future__ import annotations

import re
from typing import Final

_ALL: Final = (
    "nnUNetTrainer", "nnUNetTrainerDA5", "nnUNetTrainerDA5ord0", "nnUNetTrainerDA5Segord0",
    "nnUNetTrainer_DASegOrd0", "nnUNetTrainer_noDummy2DDA", "nnUNetTrainer_warmup",
    "nnUNetTrainerCosAnneal", "nnUNetTrainerDiceLoss", "nnUNetTrainerDiceCELoss_noSmooth",
    "nnUNetTrainerTopk10Loss", "nnUNetTrainerTopk10LossLS01", "nnUNetTrainerDiceTopK10Loss",
    "nnUNetTrainerDiceTopK10Loss_2000epochs", "nnUNetTrainerCELoss",
    "nnUNetTrainerNoDeepSupervision", "nnUNetTrainerBN", "nnUNetTrainerSkeletonRecall",
    "nnUNetTrainer_probabilisticOversampling", "nnUNetTrainer_probabilisticOversampling_033",
    "nnUNetTrainer_probabilisticOversampling_010",
)  # fmt: skip
_NONE: Final = (
    "nnUNetTrainerNoMirroring", "nnUNetTrainerNoDA", "nnUNetTrainer_DASegOrd0_NoMirroring",
    "nnUNetTrainer_MOSAIC_1k_QuarterLR_NoMirroring",
)  # fmt: skip
_FIRST_TWO: Final = (
    "nnUNetTrainer_onlyMirror01", "nnUNetTrainer_onlyMirror01_1500ep",
    "nnUNetTrainer_onlyMirror01_DASegOrd0", "nnUNetTrainer_onlyMirror01_DA5",
)  # fmt: skip
_LENGTHS: Final = re.compile(r"^nnUNetTrainer(?:DA5|CELoss)?_\d+epochs?(_NoMirroring)?$")


def mirror_axes_of(trainer: str, dimensions: int) -> tuple[int, ...] | None:
    """The axes (of the patch) along which this trainer mirrored; None: the name is not known."""
    timed = _LENGTHS.match(trainer)
    if trainer in _NONE or (timed and timed.group(1)):
        return ()
    if trainer in _ALL or timed:
        return tuple(range(dimensions))
    if trainer in _FIRST_TWO:
        return (0,) if dimensions == 2 else (0, 1)
    return None


def parse_folder_name(name: str) -> tuple[str, str] | None:
    """Trainer and configuration in ``TRAINER__PLANS__CONFIGURATION``, or None."""
    parts = name.split("__")
    if len(parts) != 3 or not all(parts):
        return None
    return parts[0], parts[2]
