"""The performance of one engine replica in closed form: step time, latency at a load, and capacity within an SLO.

Inputs are numbers (timings, token lengths, limits) or the facts of a model and an accelerator, never their names. Pure.
"""
