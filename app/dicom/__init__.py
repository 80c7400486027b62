"""DICOM objects to core types and back."""
