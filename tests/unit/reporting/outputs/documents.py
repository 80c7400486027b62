"""Reports to print and to send."""

from __future__ import annotations

import io
from dataclasses import replace

from PIL import Image

from app.core.measurement import Measurement, Reference
from app.core.report import Language, Message, Override, Report, Signature
from app.core.study import PatientText
from app.reporting.outputs.document import (
    KeyImage,
    Letterhead,
    MeasurementRow,
    ReportDocument,
    SeriesLine,
    VersionLine,
)
from tests.support.domain import effusion, model_finding

AT_UTC = "2026-11-20T10:00:00.000+00:00"
TEXTS: dict[str, str] = {
    "en": (
        "CHEST X-RAY\n\nTECHNIQUE: frontal film.\n\nFINDINGS:\nThere is a left pleural effusion, "
        "volume 412 mL.\n\nIMPRESSION:\nLeft pleural effusion.\n"
    ),
    "ru": (
        "РЕНТГЕНОГРАФИЯ ОРГАНОВ ГРУДНОЙ КЛЕТКИ\n\nТЕХНИКА: прямая проекция.\n\nОПИСАНИЕ:\n"
        "Плевральный выпот слева, объём 412 мл.\n\nЗАКЛЮЧЕНИЕ:\nПлевральный выпот слева.\n"
    ),
}


def picture(mode: str = "L", size: tuple[int, int] = (90, 60), form: str = "PNG") -> bytes:
    """A grey ramp."""
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert(mode).save(buffer, form)
    return buffer.getvalue()


def signed(language: Language = "en", **changes: object) -> Report:
    """A signed report of one finding."""
    report = Report(
        "2.25.11", "1.2.3.4", 1, language, TEXTS[language], "signed",
        signature=Signature("Petrov^Ivan", AT_UTC, "author"), content_sha256="ab" * 32,
    )  # fmt: skip
    return replace(report, **changes)


def document(language: Language = "en", **changes: object) -> ReportDocument:
    """The report with everything that can stand on it."""
    numbers = (
        Measurement("volume", 412.0, "mL", "voxel-count@1"),
        Measurement("long_axis", 12.34, "mm", "recist@2", status="edited"),
        Measurement(
            "cardiothoracic_ratio", 0.56, "1", "ctr@1", reference=Reference(None, 0.5, "Danzer")
        ),
        Measurement("mean", None, "[hnsf'U]", "voxel-stats@1", status="failed"),
    )
    finding = model_finding(content=effusion(measurements=numbers))
    values: dict = {
        "report": signed(language, overrides=(Override("x", "omitted-finding", "known"),)),
        "patient_name": PatientText("Иванова^Анна^Сергеевна"),
        "patient_id": PatientText("4711"),
        "patient_birth_date": PatientText("1965-02-03"),
        "patient_sex": "F",
        "study_description": "Chest",
        "study_date": "2026-11-20",
        "accession_number": PatientText("A123"),
        "models": ("cxr-lung-fields 1.0.0 (cpu)",),
        "key_images": (KeyImage(picture(), "one"), KeyImage(picture("RGBA", (40, 80)), "two")),
        "letterhead": Letterhead("Clinic № 5", ("Main street 1",), "Licence 77", picture("RGB")),
        "findings": (finding,),
        "modality": "DX",
        "study_time": "09:30:00",
        "referring_physician": PatientText("Сидоров^Пётр"),
        "series": (SeriesLine("1.2.3.4.1", "DX", "chest", 1),),
        "measurements": tuple(MeasurementRow(finding, item) for item in numbers),
        "communications": ("Dr Sidorov was told by telephone at 10:05.",),
        "versions": (VersionLine(1, Message("signed", "подписано"), "Petrov^Ivan", AT_UTC),),
    }
    return ReportDocument(**(values | changes))
