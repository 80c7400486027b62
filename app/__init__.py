"""Overread: a reading workstation that checks the report before it is signed."""

__version__ = "0.1.0"
