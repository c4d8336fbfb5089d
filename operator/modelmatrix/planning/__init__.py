"""The planning core: pure and total. Snapshot in, plan out; no clock, no I/O, no exception for any parsable input."""
