"""Other projects' autoscalers, written anew from what their sources do. One module each; its docstring cites the source.

They decide about one deployment and are given what its owner would have to find out: see ``site``. They share nothing but
``signals`` and what they share in reality (KEDA and llm-d's guides act through a HorizontalPodAutoscaler).
"""
