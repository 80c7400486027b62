"""Recommendation tables of guidelines: applied only where all their inputs are known."""
