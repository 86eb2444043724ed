"""The `segcore` command."""
