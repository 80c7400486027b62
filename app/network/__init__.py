"""DICOM over the wire: DIMSE and DICOMweb peers, the inbox and what is sent."""
