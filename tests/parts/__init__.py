"""Real parts for the tests: servers that are started, asked and stopped, never patched."""
