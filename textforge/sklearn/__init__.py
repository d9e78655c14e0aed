"""A scikit-learn estimator over raw texts.

Import it by `from textforge.sklearn import TextClassifier`. `textforge` itself does not export it, because it needs
scikit-learn.
"""

from textforge.sklearn.estimator import TextClassifier as TextClassifier, TextforgeWarning as TextforgeWarning

__all__ = ["TextClassifier", "TextforgeWarning"]
