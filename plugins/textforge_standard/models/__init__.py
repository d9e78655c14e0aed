"""Models; those that scikit-learn fits among them."""
