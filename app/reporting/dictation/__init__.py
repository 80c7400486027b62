"""Dictation: a port for a local recogniser, and the way from spoken words to report text."""
