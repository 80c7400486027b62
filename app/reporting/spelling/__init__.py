"""Spelling of report text in English and Russian, with the words of radiology."""
