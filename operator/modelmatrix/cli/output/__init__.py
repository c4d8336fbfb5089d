"""Documents and tables that the commands print."""
