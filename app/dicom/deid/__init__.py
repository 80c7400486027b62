"""De-identification by PS3.15 Annex E, and the look for text in pixels."""
