"""Settings, user folders and logging without patient data."""
