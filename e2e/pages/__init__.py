"""Pages of the documentation that are generated from the product's own tables."""
