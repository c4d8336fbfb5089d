"""Other projects' autoscalers, reimplemented from their sources. One module each; its docstring cites the source.

Each decides for one deployment and gets the values that its owner would have to measure (:mod:`.owner_settings`). They share
only the reading of samples, and what they share in reality: KEDA and llm-d's guides act through a HorizontalPodAutoscaler.
"""
