"""Configuration: typed frozen sections, one per stage, and how a project's files become them."""
