"""Deterministic analyses: no weights; the same proposals, review and provenance as models."""
