"""Nouns and laws of the domain: frozen values, no input or output, numpy only."""
