"""The accuracy of the performance model: fits to published measurements, and errors on held-out ones."""
