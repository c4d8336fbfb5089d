"""The product on a local cluster: nodes, chart, operators, engines, traffic, and the story that the demo tells."""
