"""PySide6: windows, panels, viewport widgets, dialogs, theme."""
