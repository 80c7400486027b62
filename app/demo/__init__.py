"""The built-in demonstration study, made in code with known truth."""
