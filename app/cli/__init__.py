"""Headless verbs: the same workflow without a window."""
