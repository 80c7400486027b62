"""Objects other than images, made in code: reports, presentation states, structures, documents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from tests.support.synthetic_dicom import base_dataset, save
from tests.support.synthetic_seg import code

CT = "1.2.840.10008.5.1.4.1.1.2"
BASIC_TEXT_SR = "1.2.840.10008.5.1.4.1.1.88.11"
COMPREHENSIVE_SR = "1.2.840.10008.5.1.4.1.1.88.33"
COMPREHENSIVE_3D_SR = "1.2.840.10008.5.1.4.1.1.88.34"
KEY_OBJECTS = "1.2.840.10008.5.1.4.1.1.88.59"
GSPS = "1.2.840.10008.5.1.4.1.1.11.1"
STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
PDF = "1.2.840.10008.5.1.4.1.1.104.1"
STL = "1.2.840.10008.5.1.4.1.1.104.3"
RWVM = "1.2.840.10008.5.1.4.1.1.67"
PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.30"


def an_object(sop_class: str, name: str, *, study: str = "study") -> Dataset:
    """Patient and study attributes, a maker, a time."""
    ds = base_dataset(sop_class, study=study, series=name, instance=name)
    ds.Manufacturer, ds.ManufacturerModelName = "Other Maker", "Reporter"
    ds.SoftwareVersions = "3"
    ds.ContentDate, ds.ContentTime = "20260104", "081500"
    ds.SeriesDescription = name
    ds.InstanceNumber = 1
    return ds


def item(
    value_type: str,
    name: tuple[str, str, str] | None = None,
    children: Sequence[Dataset] = (),
    relationship: str = "CONTAINS",
    **values: Any,
) -> Dataset:
    """A content item; ``values`` are attributes by keyword."""
    one = Dataset()
    one.RelationshipType, one.ValueType = relationship, value_type
    if name is not None:
        one.ConceptNameCodeSequence = DicomSequence([code(*name)])
    for keyword, value in values.items():
        setattr(one, keyword, value)
    if children:
        one.ContentSequence = DicomSequence(children)
    return one


def number(name: tuple[str, str, str], value: str, unit: str, *children: Dataset) -> Dataset:
    """A NUM item."""
    measured = Dataset()
    measured.NumericValue = value
    measured.MeasurementUnitsCodeSequence = DicomSequence([code(unit, "UCUM", unit)])
    return item("NUM", name, children, MeasuredValueSequence=DicomSequence([measured]))


def coded(
    name: tuple[str, str, str], value: tuple[str, str, str], relationship: str = "CONTAINS"
) -> Dataset:
    """A CODE item."""
    return item(
        "CODE", name, relationship=relationship, ConceptCodeSequence=DicomSequence([code(*value)])
    )


def reference(
    sop_class: str, uid: str, *, frames: Sequence[int] = (), segments: Sequence[int] = ()
) -> Dataset:
    """An item of a sequence of SOP references."""
    one = Dataset()
    one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID = sop_class, uid
    if frames:
        one.ReferencedFrameNumber = list(frames)
    if segments:
        one.ReferencedSegmentNumber = list(segments)
    return one


def image(uid: str, relationship: str = "CONTAINS", *, frames: Sequence[int] = ()) -> Dataset:
    """An IMAGE item."""
    return item(
        "IMAGE",
        relationship=relationship,
        ReferencedSOPSequence=DicomSequence([reference(CT, uid, frames=frames)]),
    )


def write_report(
    path: Path,
    children: Sequence[Dataset],
    *,
    sop_class: str = COMPREHENSIVE_SR,
    title: tuple[str, str, str] = ("126000", "DCM", "Imaging Measurement Report"),
    at: str = "081500",
    evidence: Sequence[Dataset] = (),
) -> Path:
    """A structured report with the given content."""
    ds = an_object(sop_class, path.name)
    ds.Modality = "KO" if sop_class == KEY_OBJECTS else "SR"
    ds.ContentTime = at
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    ds.ConceptNameCodeSequence = DicomSequence([code(*title)])
    ds.CompletionFlag, ds.VerificationFlag = "COMPLETE", "UNVERIFIED"
    ds.ContentSequence = DicomSequence(children)
    if evidence:
        study, series = Dataset(), Dataset()
        series.SeriesInstanceUID, study.StudyInstanceUID = "1.2.3", ds.StudyInstanceUID
        series.ReferencedSOPSequence = DicomSequence(evidence)
        study.ReferencedSeriesSequence = DicomSequence([series])
        ds.CurrentRequestedProcedureEvidenceSequence = DicomSequence([study])
    return save(ds, path)


def measurement_group(
    *children: Dataset, tracking: str = "lesion 1", uid: str = "1.2.3.4.5"
) -> Dataset:
    """A measurement group of TID 1501."""
    context = [
        item("TEXT", ("112039", "DCM", "Tracking Identifier"), relationship="HAS OBS CONTEXT",
             TextValue=tracking),
        item("UIDREF", ("112040", "DCM", "Tracking Unique Identifier"),
             relationship="HAS OBS CONTEXT", UID=uid),
    ]  # fmt: skip
    return item("CONTAINER", ("125007", "DCM", "Measurement Group"), [*context, *children])


def measurements(*groups: Dataset) -> Dataset:
    """The container of all groups."""
    return item("CONTAINER", ("126010", "DCM", "Imaging Measurements"), groups)


def write_presentation_state(path: Path, image_uid: str, **changes: Any) -> Path:
    """A GSPS with a window, a turn, a text and a circle for one image."""
    ds = an_object(GSPS, path.name)
    ds.Modality = "PR"
    ds.PresentationCreationDate, ds.PresentationCreationTime = "20260105", "090000"
    ds.ContentLabel, ds.ContentDescription = "LESION", "очаг отмечен"
    ds.ContentCreatorName = "Petrov^Ivan"
    series = Dataset()
    series.SeriesInstanceUID = "1.2.3"
    series.ReferencedImageSequence = DicomSequence([reference(CT, image_uid, frames=(2,))])
    ds.ReferencedSeriesSequence = DicomSequence([series])
    voi = Dataset()
    voi.WindowCenter, voi.WindowWidth = [40, -600], [400, 1500]
    voi.WindowCenterWidthExplanation = ["soft", "lung"]
    ds.SoftcopyVOILUTSequence = DicomSequence([voi])
    area = Dataset()
    area.DisplayedAreaTopLeftHandCorner = [3, 5]
    area.DisplayedAreaBottomRightHandCorner = [10, 20]
    area.PresentationSizeMode = "SCALE TO FIT"
    area.PresentationPixelSpacing = [0.8, 0.7]
    ds.DisplayedAreaSelectionSequence = DicomSequence([area])
    ds.ImageRotation, ds.ImageHorizontalFlip = 90, "Y"
    layers = [Dataset(), Dataset()]
    layers[0].GraphicLayer, layers[0].GraphicLayerOrder = "TOP", 2
    layers[1].GraphicLayer, layers[1].GraphicLayerOrder = "BOTTOM", 1
    ds.GraphicLayerSequence = DicomSequence(layers)
    annotation, text, circle = Dataset(), Dataset(), Dataset()
    text.UnformattedTextValue = "очаг 9 мм"
    text.AnchorPointAnnotationUnits, text.AnchorPoint = "PIXEL", [4.5, 6.5]
    text.AnchorPointVisibility = "Y"
    circle.GraphicAnnotationUnits, circle.GraphicDimensions = "PIXEL", 2
    circle.NumberOfGraphicPoints, circle.GraphicData = 2, [4.5, 6.5, 4.5, 9.5]
    circle.GraphicType, circle.GraphicFilled = "CIRCLE", "N"
    annotation.GraphicLayer = "TOP"
    annotation.TextObjectSequence = DicomSequence([text])
    annotation.GraphicObjectSequence = DicomSequence([circle])
    ds.GraphicAnnotationSequence = DicomSequence([annotation])
    ds.PresentationLUTShape = "IDENTITY"
    for keyword, value in changes.items():
        setattr(ds, keyword, value)
    return save(ds, path)


def write_structure_set(
    path: Path, contours: Sequence[np.ndarray], frame_of_reference_uid: str
) -> Path:
    """A structure set with one region of the given outlines (n, 3) in LPS, and an empty one."""
    ds = an_object(STRUCTURE_SET, path.name)
    ds.Modality = "RTSTRUCT"
    ds.StructureSetLabel, ds.StructureSetName = "PLAN", "structures"
    ds.StructureSetDate, ds.StructureSetTime = "20260106", "100000"
    rois, drawn = [], []
    for n, name in ((1, "PTV"), (2, "empty")):
        roi = Dataset()
        roi.ROINumber, roi.ROIName = n, name
        roi.ReferencedFrameOfReferenceUID = frame_of_reference_uid
        roi.ROIGenerationAlgorithm = "MANUAL"
        rois.append(roi)
    one = Dataset()
    one.ReferencedROINumber, one.ROIDisplayColor = 1, [255, 0, 128]
    items = []
    for points in contours:
        contour = Dataset()
        contour.ContourGeometricType = "CLOSED_PLANAR"
        contour.NumberOfContourPoints = len(points)
        contour.ContourData = [float(f"{n:.4f}") for n in np.asarray(points).reshape(-1)]
        items.append(contour)
    one.ContourSequence = DicomSequence(items)
    drawn.append(one)
    observation = Dataset()
    observation.ReferencedROINumber, observation.RTROIInterpretedType = 1, "PTV"
    observation.ObservationNumber = 1
    ds.StructureSetROISequence = DicomSequence(rois)
    ds.ROIContourSequence = DicomSequence(drawn)
    ds.RTROIObservationsSequence = DicomSequence([observation])
    return save(ds, path)


def write_document(
    path: Path,
    data: bytes,
    *,
    sop_class: str = PDF,
    mime_type: str = "application/pdf",
    **changes: Any,
) -> Path:
    """An encapsulated document, padded to an even length."""
    ds = an_object(sop_class, path.name)
    ds.Modality = "DOC"
    ds.DocumentTitle = "Заключение"
    ds.MIMETypeOfEncapsulatedDocument = mime_type
    ds.EncapsulatedDocument = data + b"\0" * (len(data) % 2)
    ds.EncapsulatedDocumentLength = len(data)
    for keyword, value in changes.items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    return save(ds, path)
