"""What changed between two versions of a report: words in the text, findings below."""

from __future__ import annotations

from html import escape
from typing import Final

from PySide6.QtWidgets import QTextBrowser, QWidget

from app.core.text_diff import TextPiece
from app.reporting.finding_diff import FindingChange
from app.ui.finding_words import counted
from app.ui.texts import language, tr
from app.ui.theme import COLORS
from app.workflow.report_versions import Comparison

# what is equal is shortened to this many lines around a change
_CONTEXT_LINES: Final = 2
_STYLES: Final = {
    "same": f"color:{COLORS['dim']}",
    "removed": f"color:{COLORS['block']};background:{COLORS['blockdeep']};"
    "text-decoration:line-through",
    "added": f"color:{COLORS['bright']};background:{COLORS['accentdeep']};"
    "text-decoration:underline",
}


class DiffView(QTextBrowser):
    """Removed words are struck through, added ones underlined: colour is never alone."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setOpenLinks(False)
        self.setTabChangesFocus(True)
        self._shown: Comparison | None = None
        self._is_short = False

    def show_comparison(self, found: Comparison | None, *, is_short: bool = False) -> None:
        """Show it (None: nothing); ``is_short`` leaves out what is equal and far from a change."""
        self._shown, self._is_short = found, is_short
        self.relabel()

    def relabel(self) -> None:
        """The same in the language in force."""
        found = self._shown
        if found is None:
            self.clear()
            return
        if found.is_same:
            self.setHtml(f"<p style='color:{COLORS['dim']}'>{escape(tr('versions.same'))}</p>")
            return
        pieces = _shortened(found.text) if self._is_short else found.text
        parts = ["".join(_piece(piece) for piece in pieces)]
        if found.findings:
            parts.append(
                f"<p style='color:{COLORS['dim']}'><b>{escape(tr('versions.findings'))}</b>"
            )
            parts += [_finding(change) for change in found.findings]
        self.setHtml("".join(parts))


def summary(found: Comparison) -> str:
    """How much changed, in one line."""
    if found.is_same:
        return tr("versions.same")
    places = _places(found.text)
    parts = [counted("text_change", places)] if places else []
    if found.findings:
        parts.append(counted("finding_change", len(found.findings)))
    return ", ".join(parts)


def _places(pieces: tuple[TextPiece, ...]) -> int:
    """Runs of changed words; a replaced word is one."""
    kinds = [piece.kind != "same" for piece in pieces]
    return sum(1 for n, is_change in enumerate(kinds) if is_change and (n == 0 or not kinds[n - 1]))


def _piece(piece: TextPiece) -> str:
    text = escape(piece.text).replace("\n", "<br>")
    if piece.kind != "same" and not piece.text.strip():
        text = text.replace("<br>", "¶<br>") or "&nbsp;"
    return f"<span style='{_STYLES[piece.kind]}'>{text}</span>"


def _shortened(pieces: tuple[TextPiece, ...]) -> list[TextPiece]:
    short: list[TextPiece] = []
    for n, piece in enumerate(pieces):
        lines = piece.text.split("\n")
        if piece.kind != "same" or len(lines) <= 2 * _CONTEXT_LINES + 1:
            short.append(piece)
            continue
        head = lines[:_CONTEXT_LINES] if n else []
        tail = lines[-_CONTEXT_LINES:] if n < len(pieces) - 1 else []
        short.append(TextPiece("same", "\n".join((*head, "…", *tail))))
    return short


def _finding(change: FindingChange) -> str:
    code = language()
    name = escape(change.label.text(code))
    style = {"added": _STYLES["added"], "removed": _STYLES["removed"]}.get(change.kind, "")
    rows = [f"<br><span style='{style}'>{name}</span>: {escape(tr(f'versions.{change.kind}'))}"]
    rows += [
        f"<br>&nbsp;&nbsp;{escape(item.field.text(code))}: "
        f"<span style='{_STYLES['removed']}'>{escape(item.before.text(code))}</span> → "
        f"<span style='{_STYLES['added']}'>{escape(item.after.text(code))}</span>"
        for item in change.fields
    ]
    return "".join(rows)
