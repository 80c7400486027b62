"""Morphometry: masks and points to measurements with unit and method."""
