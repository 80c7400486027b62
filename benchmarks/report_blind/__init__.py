"""Reports and sentences that the report check was not written on; see README.md."""
