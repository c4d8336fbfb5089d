"""What Prometheus would have scraped from simulated engines, and what its queries would return."""
