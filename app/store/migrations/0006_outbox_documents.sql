-- What goes out is an object of DICOM, or a document of the report for a folder or an HL7 receiver;
-- sop_class_uid is empty then, and sop_instance_uid names the document.
ALTER TABLE outbox ADD COLUMN kind TEXT NOT NULL DEFAULT 'dicom'
  CHECK (kind IN ('dicom', 'pdf', 'fhir', 'hl7', 'text'));
