"""Attributes of one frame: per-frame functional group, then shared, then top level (G12)."""

from __future__ import annotations

from typing import Final

from pydicom.dataset import Dataset

from app.dicom.tolerant import items_of, value_of

# PS3.3 C.7.6.16: the macro in which enhanced objects keep what single-frame objects have on top.
_GROUP_OF: Final = {
    "ImagePositionPatient": ("PlanePositionSequence",),
    "ImageOrientationPatient": ("PlaneOrientationSequence",),
    "PixelSpacing": ("PixelMeasuresSequence",),
    "SliceThickness": ("PixelMeasuresSequence",),
    "RescaleSlope": ("PixelValueTransformationSequence",),
    "RescaleIntercept": ("PixelValueTransformationSequence",),
    "RescaleType": ("PixelValueTransformationSequence",),
    "WindowCenter": ("FrameVOILUTSequence",),
    "WindowWidth": ("FrameVOILUTSequence",),
    "WindowCenterWidthExplanation": ("FrameVOILUTSequence",),
    "VOILUTFunction": ("FrameVOILUTSequence",),
    "FrameType": (
        "MRImageFrameTypeSequence",
        "CTImageFrameTypeSequence",
        "PETFrameTypeSequence",
        "XAXRFFrameCharacteristicsSequence",
    ),
    "EffectiveEchoTime": ("MREchoSequence",),
    "DiffusionBValue": ("MRDiffusionSequence",),
    "ConvolutionKernel": ("CTReconstructionSequence",),
    "NominalCardiacTriggerDelayTime": ("CardiacSynchronizationSequence",),
    "StackID": ("FrameContentSequence",),
    "TemporalPositionIndex": ("FrameContentSequence",),
    "FrameAcquisitionNumber": ("FrameContentSequence",),
    "FrameAcquisitionDateTime": ("FrameContentSequence",),
}


class FunctionalGroups:
    """Looks up attributes of the frames of one object; ordinary objects have the top level only."""

    def __init__(self, ds: Dataset) -> None:
        self._top = ds
        self._per_frame = items_of(ds, "PerFrameFunctionalGroupsSequence")
        shared = items_of(ds, "SharedFunctionalGroupsSequence")
        self._shared = shared[0] if shared else None

    @property
    def is_enhanced(self) -> bool:
        """Whether the object has functional groups at all."""
        return bool(self._per_frame) or self._shared is not None

    def holder(self, index: int, keyword: str) -> Dataset:
        """The dataset that holds ``keyword`` for frame ``index`` (from 0)."""
        names = _GROUP_OF.get(keyword, ())
        own = self._per_frame[index] if index < len(self._per_frame) else None
        for groups in (own, self._shared):
            for name in names:
                items = items_of(groups, name)
                if items and value_of(items[0], keyword) is not None:
                    return items[0]
        return self._top

    def gradient(self, index: int) -> Dataset | None:
        """The item with the diffusion gradient of frame ``index``, if any."""
        own = self._per_frame[index] if index < len(self._per_frame) else None
        for groups in (own, self._shared):
            for diffusion in items_of(groups, "MRDiffusionSequence"):
                for item in items_of(diffusion, "DiffusionGradientDirectionSequence"):
                    return item
        return None
