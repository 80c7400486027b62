"""One to four viewports, one of them active, with a crosshair they share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QSizePolicy, QWidget

from app.core.geometry import Float64Array
from app.core.study import SeriesRef
from app.core.volume import Window
from app.ui.cine_player import CinePlayer
from app.ui.layer_outlines import LayerOutlines
from app.ui.series_image import SeriesImage
from app.ui.viewport_tools import Brush, Marker, ToolName
from app.ui.viewport_widget import ViewportWidget
from app.viewer.hanging import Hanging
from app.viewer.layers import FindingLayer
from app.viewer.layout import LAYOUTS, Cell, layout
from app.viewer.planes import Plane, nearest_index
from app.viewer.sync import Crosshair, LinkEnd, crosshair_at, followed
from app.viewer.viewport import ViewportState


class ViewportGrid(QFrame):
    """Places the viewports, keeps the crosshair, and gives commands to the active one."""

    active_changed = Signal(object)
    position_changed = Signal()
    series_wanted = Signal(object, object)
    """A viewport and the ``SeriesRef`` that it needs images of."""
    finding_clicked = Signal(object)
    menu_requested = Signal(object, object)
    probed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "viewports")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.outlines = LayerOutlines()
        self._cine = CinePlayer(self)
        self.layout_id = "1x1"
        self._maximized: ViewportWidget | None = None
        self._crosshair: Crosshair | None = None
        self._links: dict[ViewportWidget, LinkEnd] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(3)
        most = max(len(item.cells) for item in LAYOUTS)
        self.viewports = [self._new_viewport() for _ in range(most)]
        self.active = self.viewports[0]
        self.active.is_active = True
        self.set_layout("1x1")

    # layout

    @property
    def shown(self) -> list[ViewportWidget]:
        """The viewports of the layout in force, in reading order."""
        return self.viewports[: len(layout(self.layout_id).cells)]

    def set_layout(self, layout_id: str) -> None:
        """Arrange the viewports; their content stays."""
        self.layout_id = layout_id
        self._maximized = None
        self._arrange(layout(layout_id).cells)
        if self.active not in self.shown:
            self.set_active(self.viewports[0])
        self.position_changed.emit()

    def toggle_maximized(self, viewport: ViewportWidget) -> None:
        """One viewport alone, or all of the layout again."""
        if self._maximized is not None or len(self.shown) == 1:
            self._maximized = None
            self._arrange(layout(self.layout_id).cells)
        else:
            self._maximized = viewport
            for other in self.shown:
                other.setVisible(other is viewport)

    def set_marker(self, marker: Marker) -> None:
        """Who places what packs ask for, on every viewport."""
        for viewport in self.viewports:
            viewport.marker = marker

    def set_active(self, viewport: ViewportWidget) -> None:
        """Commands go to this viewport from now on."""
        if viewport is self.active:
            return
        for other in (self.active, viewport):
            other.is_active = other is viewport
            other.update()
        self.active = viewport
        self.active_changed.emit(viewport)

    def step_active(self, by: int) -> None:
        """The next or previous viewport becomes the active one."""
        shown = self.shown
        place = shown.index(self.active) if self.active in shown else 0
        self.set_active(shown[(place + by) % len(shown)])

    # content

    def clear(self) -> None:
        """Show nothing."""
        self._cine.stop()
        self._crosshair = None
        self.set_linked(False)
        for viewport in self.viewports:
            viewport.crosshair = None
            viewport.layers = ()
            viewport.show_image(None, ViewportState())

    def hang(self, hanging: Hanging) -> None:
        """Show what a hanging names; its series are asked for."""
        self.clear()
        self.set_layout(hanging.layout_id)
        for viewport, cell in zip(self.viewports, hanging.cells, strict=False):
            viewport.state = ViewportState(ref=cell.ref, plane=cell.plane, index=-1)
            self.series_wanted.emit(viewport, cell.ref)
        self.set_active(self.viewports[0])

    def show_series(self, viewport: ViewportWidget, ref: SeriesRef, plane: Plane = "stack") -> None:
        """Show another series in a viewport, from its middle image."""
        self.set_linked(False)
        viewport.state = ViewportState(ref=ref, plane=plane, index=-1)
        self.series_wanted.emit(viewport, ref)
        self.position_changed.emit()

    def put_image(self, viewport: ViewportWidget, image: SeriesImage) -> None:
        """Images for a viewport's series have come (index -1 means the middle one)."""
        state = viewport.state
        plane: Plane = state.plane if image.has_planes else "stack"
        count = image.grid(plane).size_ijk[2]
        index = count // 2 if state.index < 0 else min(state.index, count - 1)
        viewport.show_image(image, replace(state, plane=plane, index=index))
        if image.is_loaded and self._crosshair is None:
            self._begin_crosshair(image)
        self._share_crosshair()

    def refresh_image(self, image: SeriesImage) -> None:
        """More of a series can be shown."""
        for viewport in self.shown:
            if viewport.image is image:
                if image.is_loaded:
                    self.put_image(viewport, image)
                viewport.update()

    def set_layers(self, layers: Sequence[FindingLayer]) -> None:
        """Findings to draw over the images."""
        for viewport in self.viewports:
            viewport.layers = tuple(layers)
            viewport.update()

    def set_tool(self, tool: ToolName, brush: Brush | None) -> None:
        """What the left button does."""
        for viewport in self.viewports:
            viewport.tool, viewport.brush = tool, brush
            brushing = tool in ("brush", "erase")
            viewport.setCursor(
                Qt.CursorShape.BlankCursor
                if brushing
                else Qt.CursorShape.CrossCursor
                if tool == "crosshair"
                else Qt.CursorShape.ArrowCursor
            )
            viewport.update()

    def set_overlays(self, shown: bool) -> None:
        """Texts and outlines over the images, or the bare images (letters stay)."""
        for viewport in self.viewports:
            viewport.shows_overlays = shown
            viewport.update()

    @property
    def is_linked(self) -> bool:
        """Whether the viewports scroll together, matched by hand."""
        return bool(self._links)

    def set_linked(self, linked: bool) -> None:
        """Scroll all viewports together from where they are now, or each alone."""
        self._links = (
            {
                viewport: LinkEnd(viewport.image.grid(viewport.state.plane), viewport.state.index)
                for viewport in self.shown
                if viewport.image is not None
            }
            if linked
            else {}
        )
        for viewport in self.viewports:
            viewport.is_linked = viewport in self._links
            viewport.update()

    # commands to the active viewport

    def scroll_images(self, by: int) -> None:
        """``by`` images on."""
        self._change(self.active.state.scrolled(by, self.active.count))

    def jump(self, index: int) -> None:
        """To image ``index``; negative counts from the end."""
        count = self.active.count
        self._change(self.active.state.jumped(index % count if count else 0, count))

    def toggle_cine(self) -> None:
        """Play the images of the active viewport, or stop."""
        self._cine.toggle(self.active)

    def set_window(self, window: Window | None) -> None:
        """Another window, for the active viewport and its like (same series)."""
        ref = self.active.state.ref
        for viewport in self.shown:
            if viewport.state.ref == ref:
                viewport.change(viewport.state.with_window(window))

    def auto_window(self) -> None:
        """A window from the values of the image on screen."""
        image, state = self.active.image, self.active.state
        if image is not None:
            self.set_window(image.auto_window(state.index if state.plane == "stack" else 0))

    def set_plane(self, plane: Plane) -> None:
        """Look at the active viewport's series in another plane, through the crosshair."""
        image, state = self.active.image, self.active.state
        if image is None or (plane != "stack" and not image.has_planes):
            return
        grid = image.grid(plane)
        index = grid.size_ijk[2] // 2
        cross = self._crosshair
        if cross is not None and cross.applies_to(grid, image.ref.series_instance_uid):
            index = nearest_index(grid, cross.point_lps)
        self.active.show_image(
            image, ViewportState(state.ref, plane, index, state.window, state.inverted)
        )
        self.position_changed.emit()

    def transform(self, name: str) -> None:
        """Invert, fit, rotate, mirror, flip or zoom, by the id of the command."""
        state = self.active.state
        transitions: dict[str, Callable[[], ViewportState]] = {
            "invert": state.toggled_inversion,
            "fit": state.fitted,
            "rotate_right": lambda: state.turned(1),
            "rotate_left": lambda: state.turned(3),
            "mirror": state.mirrored,
            "flip": lambda: state.mirrored().turned(2),
            "zoom_in": lambda: state.zoomed(1.25),
            "zoom_out": lambda: state.zoomed(0.8),
        }
        self._change(transitions[name]())

    def go_to(self, point_lps: Float64Array, image: SeriesImage) -> None:
        """Bring a point of ``image`` on screen in every viewport that can show it.

        A crosshair marks it where several viewports share the point.
        """
        cross = crosshair_at(point_lps, image.space, image.ref.series_instance_uid)
        self._follow(cross)
        self._crosshair = cross if image.has_planes and self._linked(cross) > 1 else None
        self._share_crosshair()

    def to_json(self) -> dict[str, Any]:
        """Layout and viewports for the session's journal."""
        return {
            "layout": self.layout_id,
            "active": self.viewports.index(self.active),
            "viewports": [viewport.state.to_json() for viewport in self.shown],
        }

    # inside

    def _new_viewport(self) -> ViewportWidget:
        viewport = ViewportWidget(self.outlines, self)
        viewport.activated.connect(self.set_active)
        viewport.state_changed.connect(self._state_changed)
        viewport.pointed.connect(self._pointed)
        viewport.finding_clicked.connect(self.finding_clicked)
        viewport.series_dropped.connect(self.show_series)
        viewport.maximize_requested.connect(self.toggle_maximized)
        viewport.menu_requested.connect(self.menu_requested)
        viewport.probed.connect(self.probed)
        return viewport

    def _arrange(self, cells: Sequence[Cell]) -> None:
        for viewport in self.viewports:
            self._grid.removeWidget(viewport)
            viewport.hide()
        rows = {row for cell in cells for row in range(cell.row, cell.row + cell.row_span)}
        columns = {c for cell in cells for c in range(cell.column, cell.column + cell.column_span)}
        for number in range(2):
            self._grid.setRowStretch(number, 1 if number in rows else 0)
            self._grid.setColumnStretch(number, 1 if number in columns else 0)
        if len(cells) == 3:
            self._grid.setColumnStretch(0, 2)
        for viewport in self.viewports:
            viewport.marks_active = len(cells) > 1
        for viewport, cell in zip(self.viewports, cells, strict=False):
            self._grid.addWidget(viewport, cell.row, cell.column, cell.row_span, cell.column_span)
            viewport.show()

    def _change(self, state: ViewportState) -> None:
        if self.active.image is not None:
            self.active.change(state)

    def _state_changed(self, viewport: ViewportWidget) -> None:
        """A window set in one plane of a series holds in the others."""
        for other in self.shown:
            if other is not viewport and other.state.ref == viewport.state.ref:
                other.set_state(
                    replace(
                        other.state,
                        window=viewport.state.window,
                        inverted=viewport.state.inverted,
                    )
                )
        self._move_crosshair_with(viewport)
        self._pull_linked(viewport)
        self.position_changed.emit()

    def _move_crosshair_with(self, viewport: ViewportWidget) -> None:
        cross, image = self._crosshair, viewport.image
        if cross is None or image is None:
            return
        grid = image.grid(viewport.state.plane)
        if not cross.applies_to(grid, image.ref.series_instance_uid):
            return
        u, v, _ = grid.lps_to_ijk(cross.point_lps)
        point = grid.ijk_to_lps((u, v, float(viewport.state.index)))
        self._crosshair = crosshair_at(point, grid, image.ref.series_instance_uid)
        self._share_crosshair()

    def _pointed(self, viewport: ViewportWidget, point_lps: Float64Array) -> None:
        image = viewport.image
        if image is not None:
            self.go_to(point_lps, image)
            self.position_changed.emit()

    def _pull_linked(self, viewport: ViewportWidget) -> None:
        leader = self._links.get(viewport)
        if leader is None:
            return
        for other, end in self._links.items():
            is_free = other is not viewport and other.state.ref != viewport.state.ref
            if is_free and other.image is not None:
                index = end.linked_index(leader, viewport.state.index)
                other.set_state(other.state.jumped(index, other.count))

    def _begin_crosshair(self, image: SeriesImage) -> None:
        """Only where planes are linked; a lone stack needs none."""
        planes = {v.state.plane for v in self.shown if v.image is image}
        if len(planes) > 1:
            middle = (self._index_of(image) or [n // 2 for n in image.space.size_ijk])[:3]
            self.go_to(image.space.ijk_to_lps(middle), image)

    def _index_of(self, image: SeriesImage) -> list[int] | None:
        for viewport in self.shown:
            if viewport.image is image and viewport.state.plane == "stack":
                i, j, _ = image.space.size_ijk
                return [i // 2, j // 2, viewport.state.index]
        return None

    def _share_crosshair(self) -> None:
        linked = self._crosshair
        for viewport in self.viewports:
            viewport.crosshair = linked
            viewport.update()

    def _linked(self, cross: Crosshair) -> int:
        return sum(
            v.image is not None
            and cross.applies_to(v.image.grid(v.state.plane), v.image.ref.series_instance_uid)
            for v in self.shown
        )

    def _follow(self, cross: Crosshair) -> None:
        shown = self.shown
        grids = [v.image.grid(v.state.plane) if v.image else None for v in shown]
        states = followed([v.state for v in shown], grids, cross)
        for viewport, state in zip(shown, states, strict=True):
            viewport.set_state(state)
