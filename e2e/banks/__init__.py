"""Generates the manifests of the institutions from their published matrices. Needs the catalogue, but no cluster."""
