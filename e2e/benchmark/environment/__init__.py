"""Where a scenario runs: the fluid simulation with pools, engines and the signals that an autoscaler sees."""
