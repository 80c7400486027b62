"""Report templates as data: their schema, the shelf they stand on, their fields and variables."""
