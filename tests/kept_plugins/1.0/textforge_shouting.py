from textforge import Dataset, hookimpl


def shouting(seed: int, /, *, n: int = 200):
    """Short texts in upper and lower case.

    Options:
        n: how many texts.
    """
    import random

    rng = random.Random(seed)
    words = ["moon", "bat", "pixel", "orbit"]
    texts = [" ".join(rng.choices(words, k=5)) for _ in range(n)]
    loud = [rng.random() < 0.5 for _ in texts]
    shown = [text.upper() if up else text for text, up in zip(texts, loud)]
    labels = ["loud" if up else "quiet" for up in loud]
    half = n // 2
    return Dataset(train=(shown[:half], labels[:half]), test=(shown[half:], labels[half:]))


@hookimpl
def textforge_datasets():
    return {"shouting": shouting}
