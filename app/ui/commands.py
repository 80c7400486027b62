"""What each command does: the ids of ``actions.ACTIONS`` to calls on the parts of the window."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Protocol

from app.imaging.voi import WindowPreset, find_preset
from app.ui.actions import PRESET_IDS
from app.ui.texts import language, set_language
from app.ui.window_menu import show_window_menu
from app.viewer.planes import PLANES
from app.workflow.communicate import critical_findings

if TYPE_CHECKING:
    from app.ui.findings_panel import FindingsPanel
    from app.ui.health_panel import HealthPanel
    from app.ui.reading_desk import ReadingDesk
    from app.ui.report_dock import ReportDock
    from app.ui.report_outputs import ReportOutputs
    from app.ui.report_panel import ReportPanel
    from app.ui.side_windows import SideWindows
    from app.ui.traffic import Traffic
    from app.ui.viewport_tools import ToolName

_TOOLS: tuple[ToolName, ...] = ("window", "zoom", "pan", "scroll", "crosshair", "brush", "erase")
_FAST = 10


class WindowCommands(Protocol):
    """What the commands need of the main window."""

    desk: ReadingDesk
    findings: FindingsPanel
    report: ReportPanel
    report_place: ReportDock
    health: HealthPanel
    windows: SideWindows
    traffic: Traffic
    outputs: ReportOutputs

    def open_folder(self) -> None: ...
    def open_files(self) -> None: ...
    def close_study(self) -> None: ...
    def refresh_study(self) -> None: ...
    def use_preset(self, preset: WindowPreset) -> None: ...
    def close(self) -> bool: ...
    def toggle_browser(self) -> None: ...
    def toggle_panels(self) -> None: ...
    def toggle_overlays(self) -> None: ...
    def toggle_rejected(self) -> None: ...
    def set_layout(self, layout_id: str) -> None: ...
    def toggle_mpr(self) -> None: ...
    def toggle_prior(self) -> None: ...
    def toggle_link(self) -> None: ...
    def set_tool(self, tool: ToolName) -> None: ...
    def run_models(self) -> None: ...
    def undo(self) -> None: ...
    def redo(self) -> None: ...
    def export(self) -> None: ...


def commands(window: WindowCommands) -> dict[str, Callable[[], None]]:
    """The call behind every command id."""
    desk, findings, report = window.desk, window.findings, window.report
    grid = desk.grid
    table: dict[str, Callable[[], None]] = {
        "studies": window.windows.show_studies,
        "peers": window.windows.show_peers,
        "outputs": window.windows.show_outputs,
        "packs": window.windows.show_packs,
        "servers": window.windows.show_servers,
        "users": window.windows.show_users,
        "receive": window.traffic.intake.toggle,
        "refresh": window.refresh_study,
        "objects": window.windows.show_objects,
        "open_folder": window.open_folder,
        "open_files": window.open_files,
        "close_study": window.close_study,
        "quit": lambda: _drop(window.close()),
        "mpr": window.toggle_mpr,
        "prior": window.toggle_prior,
        "link": window.toggle_link,
        "maximize": lambda: grid.toggle_maximized(grid.active),
        "toggle_browser": window.toggle_browser,
        "toggle_panels": window.toggle_panels,
        "toggle_overlays": window.toggle_overlays,
        "toggle_rejected": window.toggle_rejected,
        "language": lambda: set_language("ru" if language() == "en" else "en"),
        "window_auto": grid.auto_window,
        "window_default": lambda: grid.set_window(None),
        "window_choose": lambda: _drop(show_window_menu(grid)),
        "image_previous": lambda: grid.scroll_images(-1),
        "image_next": lambda: grid.scroll_images(1),
        "image_back": lambda: grid.scroll_images(-_FAST),
        "image_forward": lambda: grid.scroll_images(_FAST),
        "image_first": lambda: grid.jump(0),
        "image_last": lambda: grid.jump(-1),
        "cine": grid.toggle_cine,
        "series_previous": lambda: desk.step_series(-1),
        "series_next": lambda: desk.step_series(1),
        "viewport_previous": lambda: grid.step_active(-1),
        "viewport_next": lambda: grid.step_active(1),
        "brush_smaller": lambda: desk.brush.resize(-1),
        "brush_larger": lambda: desk.brush.resize(1),
        "tool_off": lambda: _stop_tool(window),
        "run_models": window.run_models,
        "finding_next": findings.next_finding,
        "finding_previous": findings.previous_finding,
        "finding_accept": lambda: _accept(window),
        "finding_reject": findings.reject_current,
        "finding_edit": findings.edit_current,
        "finding_reopen": findings.reopen_current,
        "finding_add": findings.add_finding,
        "undo": window.undo,
        "redo": window.redo,
        "report_draft": report.draft,
        "report_check": report.check,
        "report_next": report.next_discrepancy,
        "report_previous": report.previous_discrepancy,
        "report_dismiss": report.dismiss,
        "report_template": report.choose_template,
        "report_prior": report.toggle_prior,
        "report_templates": window.windows.show_templates,
        "report_measure": report.insert_measurement,
        "report_find": report.open_search,
        "report_replace": report.open_replace,
        "spelling_next": report.next_misspelling,
        "spell_check": report.spelling.toggle,
        "report_next_section": report.next_section,
        "report_previous_section": report.previous_section,
        "report_window": window.report_place.toggle,
        "report_fix": report.apply_fix,
        "report_sign": report.sign,
        "report_told": lambda: _tell(window),
        "report_addendum": report.add_addendum,
        "report_revise": report.revise,
        "report_versions": report.show_versions,
        "export": window.export,
        "report_copy": lambda: _copy(window),
        "certificate_password": window.outputs.ask,
        "outbox": window.windows.show_outbox,
        "check_rules": window.windows.show_rules,
        "deidentify": window.windows.show_deidentify,
        "key_help": window.windows.show_keys,
        "about": window.windows.show_about,
        "health": window.health.toggle,
    }
    for layout_id in ("1x1", "1x2", "2x2"):
        table[f"layout.{layout_id}"] = partial(window.set_layout, layout_id)
    for plane in PLANES:
        table[f"plane.{plane}"] = partial(grid.set_plane, plane)
    for tool in _TOOLS:
        table[f"tool.{tool}"] = partial(window.set_tool, tool)
    for name in ("invert", "fit", "zoom_in", "zoom_out", "rotate_right", "rotate_left",
                 "mirror", "flip"):  # fmt: skip
        table[name] = partial(grid.transform, name)
    for preset_id in PRESET_IDS:
        preset = find_preset(preset_id)
        if preset is not None:
            table[f"preset.{preset_id}"] = partial(window.use_preset, preset)
    return table


def _copy(window: WindowCommands) -> None:
    """What is on screen, the last words typed included."""
    window.report.flush()
    window.outputs.copy(window.desk.session)


def _stop_tool(window: WindowCommands) -> None:
    """Escape ends a marking first, then the tool."""
    if window.desk.marking.is_active:
        window.desk.marking.end()
    else:
        window.set_tool("window")


def _tell(window: WindowCommands) -> None:
    """Who was told: of the finding that is selected, if it is a critical one."""
    session = window.desk.session
    uid = "" if session is None else session.selected_uid or ""
    critical = () if session is None else critical_findings(session)
    window.report.communicate(uid if uid in {finding.uid for finding in critical} else "")


def _accept(window: WindowCommands) -> None:
    """Enter runs a marking; otherwise it accepts the finding."""
    if window.desk.marking.is_active:
        window.desk.marking.run()
    else:
        window.findings.accept_current()


def _drop(_value: object) -> None:
    """Commands give nothing back."""
