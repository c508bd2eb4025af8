"""The plugin of this checkout, and pytest's own way to test plugins."""

pytest_plugins = ["pytest_stressor", "pytester"]
