"""What leaves of a signed report: PDF/A with its signature, FHIR, HL7, plain text."""
