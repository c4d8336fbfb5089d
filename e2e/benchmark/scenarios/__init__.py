"""What is run: arrivals, deployments, faults and the two weeks of recorded traffic. Data and generators."""
