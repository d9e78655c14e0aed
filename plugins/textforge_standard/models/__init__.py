"""Models that an optimizer trains, and models that scikit-learn fits."""
