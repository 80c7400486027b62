"""The local library: SQLite, migrations, repositories that return core values."""
