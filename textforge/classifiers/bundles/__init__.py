"""A classifier on disk: its description, the parts it names, weights and state; written and read whole."""
