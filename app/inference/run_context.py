"""What a run is given besides the image: what the reader said, and how it was acquired."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.core.acquisition import Acquisition
from app.core.errors import InputError
from app.core.reader_input import ReaderInput
from app.core.study import Series, Stack, Study
from app.inference.manifest import ModelPack


@dataclass(frozen=True, slots=True)
class RunContext:
    """Goes with the image to the worker; no identity of the patient in it."""

    reader: ReaderInput = field(default_factory=ReaderInput)
    acquisition: Acquisition = field(default_factory=Acquisition)


def acquisition_of(study: Study, series: Series, stack: Stack) -> Acquisition:
    """The header facts of a stack."""
    return Acquisition(
        modality=series.modality,
        description=series.description,
        body_part=series.body_part,
        view_position=stack.view_position or series.view_position,
        slice_thickness_mm=series.slice_thickness_mm,
        kernel=series.kernel,
        kvp=series.kvp,
        contrast=series.contrast,
        age_years=series.patient_age_years,
        sex=study.patient.sex,
    )


def require_inputs(pack: ModelPack, reader: ReaderInput) -> None:
    """Raise ``InputError`` where something is missing that the pack cannot do without."""
    for entry in pack.reader_inputs:
        if entry.required and entry.name not in reader.names(entry.kind):
            raise InputError(
                f'The pack "{pack.id}" needs something from the reader: {entry.text.en}',
                ru=f"Пакету «{pack.id}» нужен ввод врача: {entry.text.ru}",
                hint=f'On the command line: --input FILE with the {entry.kind} "{entry.name}".',
                hint_ru=f"В командной строке: --input FILE, где есть «{entry.name}».",
            )
