"""The only code that talks to the API server: one client, informers, one applier, one status writer, one event recorder."""
