"""Reads a Hugging Face ``config.json``: architecture, parameter count and quantization."""
