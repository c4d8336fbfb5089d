"""Facts as data: vendors, accelerators, models, engines, metric names, and which weights run where.

The facts are YAML files in ``data``, one entry a file; the types of their fields say what each one means and how to find it.
The loader refuses a catalogue in which a fact is missing or contradicts another. Nothing here knows the cluster, and a chip,
a vendor, an engine or a model is added without Python.
"""
