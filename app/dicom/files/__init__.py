"""What a folder, an archive or a medium holds: which files are DICOM, and their headers."""
