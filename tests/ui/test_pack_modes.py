"""A pack is put in the shadow, off and in use again in the window; in force at once."""

from __future__ import annotations

from pathlib import Path

from app.config.settings import load_settings
from app.ui.packs_window import MODES
from tests.support.tiny_pack import change_manifest, write_film_pack
from tests.support.windows import window_on
from tests.support.workflow_context import context_in


def test_a_pack_goes_into_the_shadow_and_back(qtbot, tmp_path: Path):
    write_film_pack(tmp_path / "data" / "no-built-in-packs")
    newer = tmp_path / "data" / "no-built-in-packs" / "newer"
    write_film_pack(tmp_path / "made").rename(newer)
    change_manifest(newer, lambda manifest: manifest.update(version="9.0.0"))
    with context_in(tmp_path / "data") as context, window_on(context) as window:
        window.windows.show_packs()
        packs = window.windows._open["packs"]
        keys = [state.installed.key for state in packs._states]
        assert len(keys) == 2
        (before,) = (one.key for one in context.packs.installed())
        assert before == keys[1]

        def choose(row: int, mode: str) -> None:
            packs.packs.setCurrentRow(row)
            packs.mode.activated.emit(MODES.index(mode))

        choose(1, "shadow")
        assert [one.key for one in context.packs.installed()] == [keys[0]]
        assert [one.key for one in context.packs.shadows()] == [keys[1]]
        assert packs.mode.currentData() == "shadow"
        assert "never shown" in packs.status.text()
        choose(0, "off")
        assert context.packs.installed() == ()
        choose(0, "on")
        choose(1, "on")  # takes the place of the other
        assert [one.key for one in context.packs.installed()] == [keys[1]]
        saved = [(one.version, one.mode) for one in load_settings(context.store.folder).packs]
        assert saved == [("9.0.0", "on")]
        packs.packs.setCurrentRow(0)
        assert packs.mode.currentIndex() == -1  # allowed, and another version runs
        choose(0, "on")
        assert [one.key for one in context.packs.installed()] == [keys[0]]
        assert "pack.mode" in [event.action for event in context.store.audit.events()]
