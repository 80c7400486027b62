"""Background work: lanes, cancellation, progress. Knows no Qt and no DICOM."""
