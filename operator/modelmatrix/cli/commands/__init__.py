"""One module for each command of ``kubectl matrix``."""
