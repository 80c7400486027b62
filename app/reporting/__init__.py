"""Report text: composition, extraction of statements, check against findings, rendering."""
