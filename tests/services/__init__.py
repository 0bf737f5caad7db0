"""Real services for the tests."""
