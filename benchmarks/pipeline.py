"""Train pipelines of scikit-learn as an alternative to textforge. Prints the test accuracy.

logistic-regression: three groups, TF-IDF. linear-svc: all twenty groups, TF-IDF with logarithmic counts and without
words of a single post. mlp: the same features, a network with one hidden layer, 5 epochs in batches of 128. Everything
else is scikit-learn's default.
"""

import argparse
import warnings

from sklearn.datasets import fetch_20newsgroups
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

GROUPS = ["comp.graphics", "sci.space", "rec.sport.baseball"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("classifier", choices=("logistic-regression", "linear-svc", "mlp"))
    parser.add_argument("--hidden", type=int, default=256, help="units of the network's hidden layer")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=2)
    groups = None
    if given.classifier == "logistic-regression":
        from sklearn.linear_model import LogisticRegression

        vectorizer, groups = TfidfVectorizer(), GROUPS
        classifier = LogisticRegression(max_iter=1000)
    elif given.classifier == "linear-svc":
        from sklearn.svm import LinearSVC

        classifier = LinearSVC(random_state=given.seed)
    else:
        from sklearn.neural_network import MLPClassifier

        classifier = MLPClassifier((given.hidden,), batch_size=128, max_iter=5, random_state=given.seed)
        warnings.simplefilter("ignore")  # it warns that 5 epochs do not converge
    train, test = (fetch_20newsgroups(subset=name, categories=groups) for name in ("train", "test"))
    pipeline = make_pipeline(vectorizer, classifier)
    pipeline.fit(train.data, train.target)
    print(f"{pipeline.score(test.data, test.target):.6f}")


if __name__ == "__main__":
    main()
