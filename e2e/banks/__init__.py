"""Manifests of the institutions, made from their published matrices. Needs the product's catalogue, no cluster."""
