"""What one replica of an engine can do: closed forms over measured timings. No I/O, no clock, no model names."""
