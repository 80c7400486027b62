"""Attributes of one frame: per-frame functional group, then shared, then top level (G12).

Legacy converted objects keep what has no macro in sequences of unassigned attributes
(PS3.3 C.7.6.16.2.22), and nuclear medicine keeps the plane of a reconstruction in the item of its
detector (PS3.3 C.8.4.11); both are looked up the same way.
"""

from __future__ import annotations

from functools import cached_property
from typing import Final

from pydicom.dataset import Dataset

from app.dicom.stacks.mosaic import Mosaic, mosaic_of
from app.dicom.tolerant import integer_of, items_of, numbers_of, text_words_upper, value_of

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
    "InversionTimes": ("MRModifierSequence",),
    "FlipAngle": ("MRTimingAndRelatedParametersSequence",),
    "ComplexImageComponent": ("MRImageFrameTypeSequence",),
    "DiffusionBValue": ("MRDiffusionSequence",),
    "ConvolutionKernel": ("CTReconstructionSequence",),
    "NominalCardiacTriggerDelayTime": ("CardiacSynchronizationSequence",),
    "StackID": ("FrameContentSequence",),
    "FrameLaterality": ("FrameAnatomySequence",),
    "TemporalPositionIndex": ("FrameContentSequence",),
    "FrameAcquisitionNumber": ("FrameContentSequence",),
    "FrameAcquisitionDateTime": ("FrameContentSequence",),
    "DimensionIndexValues": ("FrameContentSequence",),
}
_UNASSIGNED: Final = (
    "UnassignedPerFrameConvertedAttributesSequence",
    "UnassignedSharedConvertedAttributesSequence",
)
_RECONSTRUCTED: Final = ("RECON TOMO", "RECON GATED TOMO")
# In-stack position, image position (patient), dimension "stack": where a frame lies.
_PLACE_POINTERS: Final = (0x00209057, 0x00200032, 0x00209056, 0x00209301)
_PLANE: Final = ("ImagePositionPatient", "ImageOrientationPatient")
FUNCTIONAL_GROUP_TAGS: Final = (
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    "DetectorInformationSequence", "DetectorVector", "SliceVector", "DimensionIndexSequence",
)  # fmt: skip


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
        for groups, unassigned in ((own, _UNASSIGNED[0]), (self._shared, _UNASSIGNED[1])):
            for item in items_of(groups, unassigned):
                if value_of(item, keyword) is not None:
                    return item
        if keyword in _PLANE and value_of(self._top, keyword) is None and self.is_nuclear_volume:
            return self._detector(index)
        return self._top

    @cached_property
    def mosaic(self) -> Mosaic | None:
        """How the picture is divided into slices, or None where it is one image."""
        return mosaic_of(self._top)

    @cached_property
    def is_nuclear_volume(self) -> bool:
        """Whether this is a reconstruction of nuclear medicine: its planes are its detectors'."""
        image_type = text_words_upper(self._top, "ImageType")
        has_detectors = bool(items_of(self._top, "DetectorInformationSequence"))
        return has_detectors and any(word in _RECONSTRUCTED for word in image_type)

    @cached_property
    def time_dimensions(self) -> tuple[int, ...]:
        """Which dimension indices are not about the place of a frame (PS3.3 C.7.6.17)."""
        pointers = [
            integer_of(item, "DimensionIndexPointer", 0)
            for item in items_of(self._top, "DimensionIndexSequence")
        ]
        return tuple(n for n, tag in enumerate(pointers) if tag not in _PLACE_POINTERS)

    def _detector(self, index: int) -> Dataset:
        detectors = items_of(self._top, "DetectorInformationSequence")
        vector = numbers_of(self._top, "DetectorVector")
        own = int(vector[index]) - 1 if index < len(vector) else 0
        return detectors[own] if 0 <= own < len(detectors) else detectors[0]

    def gradient(self, index: int) -> Dataset | None:
        """The item with the diffusion gradient of frame ``index``, if any."""
        own = self._per_frame[index] if index < len(self._per_frame) else None
        for groups in (own, self._shared):
            for diffusion in items_of(groups, "MRDiffusionSequence"):
                for item in items_of(diffusion, "DiffusionGradientDirectionSequence"):
                    return item
        return None
