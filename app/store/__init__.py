"""SQLite and files: migrations, repositories, journal, append-only audit log."""
