"""Targets into manifests. Pure: what an engine needs is data of the catalogue, there is no branch for an engine here."""
