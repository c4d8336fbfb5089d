"""Results of runs: scores, confidence intervals and the project's targets."""
