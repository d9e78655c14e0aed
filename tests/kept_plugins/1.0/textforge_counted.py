from textforge import Dataset, Stream, hookimpl


def counted(seed: int, /, *, chunks: int = 10):
    """Odd and even numbers in words, a thousand at a time.

    Options:
        chunks: how many thousands.
    """
    words = "zero one two three four five six seven eight nine".split()

    def read(chunk):
        numbers = range(1000 * chunk, 1000 * (chunk + 1))
        texts = [" ".join(words[int(digit)] for digit in str(n)) + (" odd" if n % 2 else " even") for n in numbers]
        return texts, ["odd" if n % 2 else "even" for n in numbers]

    return Dataset(train=Stream(chunks, read), test=read(chunks))


counted.streams = lambda **options: True


@hookimpl
def textforge_datasets():
    return {"counted": counted}
