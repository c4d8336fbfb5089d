"""The autoscaling benchmark: scenarios, other projects' autoscalers, a lower bound, and the report.

``make benchmark`` writes ``docs/benchmark.md``. Only a part, as a table on standard output and on one core:

    PYTHONPATH=e2e:operator .venv/bin/python -m benchmark --scenarios S2,S8 --families modelmatrix,hpa --seeds 1 --jobs 1

Results are cached by content (``paths.CACHE``): a second run computes only the changed ones.
"""
