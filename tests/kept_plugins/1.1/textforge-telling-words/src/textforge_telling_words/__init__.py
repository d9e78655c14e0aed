"""The words that tell a class from the others."""

import click

TEXTFORGE_API = "1.1"


@click.command("telling-words")
@click.argument("run")
@click.option("-n", "--number", default=5, show_default=True, help="Number of words for each label.")
def telling_words(run, number):
    """List the words that speak most for each label of RUN, one word at a time."""
    import textforge

    classifier = textforge.load(run)
    words = [name for name in classifier.feature_names or () if name.isalpha()]
    if not words:
        raise textforge.DataError(f"{run}: its vectorizer does not name its features.")
    probabilities = classifier.predict_proba(words)
    for column, label in enumerate(classifier.labels):
        best = probabilities[:, column].argsort()[::-1][:number]
        click.echo(f"{label}: {' '.join(words[row] for row in best)}")
