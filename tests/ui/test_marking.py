"""A pack that asks the reader for something: placed on the image, chosen in the bar, then run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt

from app.ui.packs_window import PacksWindow
from app.ui.texts import set_language
from tests.support import tiny_pack
from tests.support.synthetic_dicom import SeriesSpec, write_series
from tests.support.windows import click, drag, open_and_wait, press, wait_for, window_on
from tests.support.workflow_context import context_in


def _asking_pack(folder: Path) -> None:
    """The volume pack, in the folder of the user's packs, with a point and a choice to ask for."""
    made = tiny_pack.write_volume_pack(folder)
    manifest = json.loads((made / "manifest.json").read_text("utf-8"))
    text = {"en": "Point at the spot", "ru": "Укажите очаг"}
    gated = {"en": "Gated?", "ru": "С синхронизацией?"}
    manifest["reader_inputs"] = [
        {"name": "spot", "kind": "point", "text": text, "required": True},
        {"name": "around", "kind": "box", "text": text},
        {
            "name": "gated", "kind": "choice", "text": gated, "required": True,
            "options": ["yes", "no"],
        },
    ]  # fmt: skip
    (made / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False), "utf-8")


def test_a_point_is_placed_a_choice_made_and_the_pack_run(tmp_path: Path) -> None:
    _asking_pack(tmp_path / "library" / "packs")
    spec = SeriesSpec(count=30, rows=40, columns=48, step_mm=1.5)
    write_series(tmp_path / "ct", spec)
    with context_in(tmp_path / "library") as context, window_on(context) as window:
        open_and_wait(window, tmp_path / "ct")
        desk = window.desk
        rows: list = []
        desk.models.coverage_changed.connect(lambda found: rows.append(found))
        desk.models.route_again()
        wait_for(lambda: bool(rows and rows[-1]), "the verdict")
        (row,) = rows[-1]
        assert row.asks
        assert row.state == "not_run"  # a pack that needs the reader never runs by itself
        desk.models.run_row(row)
        assert desk.marking.is_active
        assert not window.mark_bar.isHidden()
        assert not window.mark_bar.run.isEnabled()
        axial = window.grid.shown[0]
        space = axial.image.space
        target = space.ijk_to_lps((20, 15, axial.state.index))
        x, y = axial.camera().lps_to_display(target)
        click(axial, (float(x), float(y)))
        assert np.allclose(desk.marking.given.point("spot"), target, atol=1.0)
        assert desk.marking.missing == ("Gated?",)
        desk.marking.choose(1)
        low = axial.camera().lps_to_display(space.ijk_to_lps((5, 25, axial.state.index)))
        high = axial.camera().lps_to_display(space.ijk_to_lps((15, 35, axial.state.index)))
        drag(axial, tuple(map(float, low)), tuple(map(float, high)))
        assert desk.marking.given.box("around") is not None
        window.mark_bar._choices[0].setCurrentIndex(2)
        assert desk.marking.given.choice("gated") == "no"
        set_language("ru")
        assert window.mark_bar._choices[0].itemText(2) == "нет"
        set_language("en")
        assert window.mark_bar._choices[0].currentData() == "no"
        press(window.grid, Qt.Key.Key_Return)
        assert not desk.marking.is_active
        wait_for(lambda: rows[-1][0].state not in ("running", "not_run"), "the run", 60)
        session = desk.session
        runs = context.store.runs.of_study(session.study.study_instance_uid, session.reading)
        given = runs[-1].report["reader_input"]
        assert rows[-1][0].state == "analyzed", (window.messages.text, rows[-1])
        assert given["choices"] == {"gated": "no"}
        assert len(given["points"]) == len(given["boxes"]) == 1
        desk.models.run_row(rows[-1][0])  # what was given is there again, to be moved
        assert desk.marking.given.choice("gated") == "no"
        press(window.grid, Qt.Key.Key_Escape)
        assert not desk.marking.is_active


def test_the_packs_window_installs_verifies_and_removes(tmp_path: Path) -> None:
    made = tiny_pack.write_film_pack(tmp_path / "made")
    archive = tiny_pack.zip_pack(made, tmp_path / "tiny.zip")
    with context_in(tmp_path / "library") as context, window_on(context) as window:
        packs = PacksWindow(context, window.bridge, window)
        packs.show()
        assert packs.packs.count() == 0
        changed: list[bool] = []
        packs.packs_changed.connect(lambda: changed.append(True))
        packs.add(tmp_path / "nothing.overreadpack")
        wait_for(lambda: "was not added" in packs.status.text(), "the refusal")
        packs.add(archive)
        wait_for(lambda: packs.packs.count() == 1, "the pack", 60)
        assert "tiny-lungs 1.0.0" in packs.packs.item(0).text()
        assert "Tiny" in packs.card.toPlainText()
        packs.verify()
        wait_for(lambda: "intact" in packs.status.text(), "the verdict", 60)
        packs.remove()
        assert packs.packs.count() == 0
        assert len(changed) == 2
        actions = [event.action for event in context.store.audit.events()]
        assert actions.count("pack.installed") == actions.count("pack.removed") == 1
