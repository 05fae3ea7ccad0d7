"""The `cgpipe` command: one short file a stage."""
