"""Writing an imported pack as one file: manifest, weights, a card and the licence."""

from __future__ import annotations

import errno
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

from app.core.errors import DiskFull, EnvironmentFault, InputError
from app.inference.importing.draft import CARD, NO_LICENCE, PackDraft
from app.inference.importing.facts import template
from app.inference.manifest import MANIFEST_NAME, ModelPack
from app.inference.pack_seal import pack_folder

LICENCE_NAME: Final = "LICENSE.txt"


def write_pack(draft: PackDraft, out: Path) -> ModelPack:
    """Write the pack to ``out``, whole or not at all; the manifest as it is in the file.

    Raises ``InputError`` when ``out`` exists, ``ModelPackError`` when the manifest is not valid,
    ``DiskFull`` and ``EnvironmentFault``.
    """
    if out.exists():
        raise InputError(
            f"{out.name} exists already.",
            ru=f"{out.name} уже существует.",
            hint="Give another name with --out.",
            hint_ru="Укажите другое имя в --out.",
        )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".importing-", dir=out.parent) as place:
            folder = Path(place)
            for path, source in draft.weights:
                shutil.copyfile(source, folder / path)
            (folder / CARD).write_text(card(draft), encoding="utf-8")
            (folder / LICENCE_NAME).write_text(_licence(draft), encoding="utf-8")
            text = json.dumps(draft.manifest, ensure_ascii=False, indent=1)
            (folder / MANIFEST_NAME).write_text(text, encoding="utf-8")
            return pack_folder(folder, out).pack
    except OSError as error:
        raise _disk_fault(error) from error


def write_template(draft: PackDraft, path: Path) -> None:
    """The side file to fill in (JSON), with everything that is known already."""
    names = {entry.index: entry.name for entry in draft.classes}
    text = json.dumps(template(draft.manifest, names), ensure_ascii=False, indent=1)
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise _disk_fault(error) from error


def card(draft: PackDraft) -> str:
    """The card: what came from where, what was decided, and what is still unknown."""
    manifest = draft.manifest
    imported = manifest["imported"]
    lines = [
        f"# {manifest['name']['en']}",
        "",
        f"Imported by Overread from: {imported['details']}.",
        "",
        f"Intended use: {manifest['intended_use']['en']}",
        f"Licence: {manifest['licence']}",
        f"Training data: {manifest['model_card']['training_data']}",
        "",
        "Nothing about the quality of this model was measured here.",
        "",
    ]
    if draft.notes:
        lines += ["## What the import decided", "", *(f"- {note.en}" for note in draft.notes), ""]
    lines += ["## Before the model", ""]
    lines += [f"{n}. `{_step_text(step)}`" for n, step in enumerate(manifest["input"]["steps"], 1)]
    lines += ["", "## Classes", "", "| index | class | side | code |", "|---|---|---|---|"]
    for row in manifest["output"]["labels"]:
        code = row["code"]
        side = row.get("laterality") or ""
        name = row["name"]["en"].replace("|", "/")
        lines.append(f"| {row['index']} | {name} | {side} | {code['value']} {code['scheme']} |")
    if imported["unknown"]:
        lines += [
            "",
            "## Not known",
            "",
            f"{', '.join(imported['unknown'])}. Until a person states these, every series is at "
            "most *limited* for this pack: fill in the file that `--facts-template FILE` writes "
            "and import again with `--facts FILE`.",
        ]
    return "\n".join(lines) + "\n"


def _step_text(step: dict[str, Any]) -> str:
    rest = " ".join(f"{key}={value}" for key, value in step.items() if key != "step")
    return f"{step['step']} {rest}".strip()


def _licence(draft: PackDraft) -> str:
    if draft.licence_text:
        return draft.licence_text
    licence = str(draft.manifest["licence"])
    if licence == NO_LICENCE:
        return "The source of this model states no licence. Ask its author before you use it.\n"
    return f"{licence}\n"


def _disk_fault(error: OSError) -> EnvironmentFault:
    if error.errno == errno.ENOSPC:
        return DiskFull(
            "The disk is full; the pack was not written.",
            ru="Диск заполнен; пакет не записан.",
            hint="Free some space and try again.",
            hint_ru="Освободите место и повторите.",
        )
    return EnvironmentFault(
        "The file cannot be written.",
        ru="Файл нельзя записать.",
        hint="Check the folder of --out and its rights.",
        hint_ru="Проверьте папку --out и права на неё.",
        technical_detail=str(error.strerror),
    )
