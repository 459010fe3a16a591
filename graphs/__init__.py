"""The state machines: one file a graph, its export for `langgraph dev` and its command line."""
