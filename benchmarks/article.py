"""Train the article's classifier in plain torch, to compare with `textforge run recipes/newsgroups.yaml`.

Each batch is a dense matrix of documents x vocabulary, filled word by word. As in the article, the vocabulary is that
of the training and the test texts. Prints the test accuracy.
"""

import argparse

import numpy as np
import torch
from sklearn.datasets import fetch_20newsgroups
from torch import nn

GROUPS = ["comp.graphics", "sci.space", "rec.sport.baseball"]
BATCH, EPOCHS = 150, 10


def words(text: str) -> list[str]:
    return [word.lower() for word in text.split(" ")]


def dense(texts: list[str], number: dict[str, int]) -> torch.Tensor:
    """Word counts, float32, shape (len(texts), len(number))."""
    rows = []
    for text in texts:
        row = np.zeros(len(number), dtype=float)
        for word in words(text):
            row[number[word]] += 1
        rows.append(row)
    return torch.FloatTensor(np.array(rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    train, test = (fetch_20newsgroups(subset=name, categories=GROUPS) for name in ("train", "test"))
    number: dict[str, int] = {}
    for text in [*train.data, *test.data]:
        for word in words(text):
            number.setdefault(word, len(number))
    net = nn.Sequential(
        nn.Linear(len(number), 100), nn.ReLU(), nn.Linear(100, 100), nn.ReLU(), nn.Linear(100, len(GROUPS))
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(EPOCHS):
        for start in range(0, len(train.data) // BATCH * BATCH, BATCH):
            target = torch.LongTensor(train.target[start : start + BATCH])
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(dense(train.data[start : start + BATCH], number)), target)
            torch.autograd.backward(loss)
            optimizer.step()
    predicted = net(dense(test.data, number)).argmax(1)
    print(f"{float((predicted == torch.LongTensor(test.target)).float().mean()):.6f}")


if __name__ == "__main__":
    main()
