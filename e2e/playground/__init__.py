"""The operator on a local cluster: nodes, chart, operator processes, engines, traffic, and the demo."""
