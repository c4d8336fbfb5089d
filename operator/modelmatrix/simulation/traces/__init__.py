"""Readers of request traces: our two CSV formats and those of published traces."""
