"""`textforge tune`: search for the best recipe within a budget, on folds of the training texts."""
