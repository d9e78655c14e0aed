"""Models that break what models are held to, each in one way of a good one. torch is imported inside."""


def good(n_features: int, n_classes: int, /):
    """Mean of word vectors, then one linear layer."""
    return averaging(n_features, n_classes)


def averaging(n_features, n_classes, forward=None, init=None):
    import torch
    from torch import nn

    class Averaging(nn.Module):
        def __init__(self):
            super().__init__()
            self.words = nn.EmbeddingBag(n_features, 6, mode="mean")
            self.out = nn.Linear(6, n_classes)
            if init:
                init(self, torch)

        def logits(self, batch):
            return self.out(self.words(batch.indices, batch.offsets))

        def forward(self, batch):
            return forward(self, batch, torch) if forward else self.logits(batch)

    return Averaging()


def dense_only(n_features: int, n_classes: int, /):
    """Linear, over vectors alone."""
    from torch import nn

    return nn.Linear(n_features, n_classes)


def sequences(vocab_size: int, n_classes: int, /):
    """Sum of word vectors."""
    from torch import nn

    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(vocab_size, n_classes, padding_idx=0)

        def forward(self, batch):
            return self.embedding(batch.padded()[0]).sum(dim=1)

    return Sum()


def vectors_needed(embeddings, n_classes: int, /):
    """A model that asks for what only a vectorizer of its own gives."""
    from textforge import FeatureLinear

    return FeatureLinear(len(embeddings), n_classes)


def squeezing(n_features: int, n_classes: int, /):
    """A batch of one text loses its dimension."""
    return averaging(n_features, n_classes, lambda self, batch, torch: self.logits(batch).squeeze())


def dividing(n_features: int, n_classes: int, /):
    """It divides by the length of a text."""

    def forward(self, batch, torch):
        ends = torch.cat([batch.offsets[1:], batch.offsets.new_tensor([len(batch.indices)])])
        lengths = (ends - batch.offsets).unsqueeze(1)
        return self.logits(batch) * lengths / lengths

    return averaging(n_features, n_classes, forward)


def maximal(n_features: int, n_classes: int, /):
    """It needs a word in each batch."""

    def forward(self, batch, torch):
        assert batch.indices.max() >= 0
        return self.logits(batch)

    return averaging(n_features, n_classes, forward)


def undecided(n_features: int, n_classes: int, /):
    """Every answer is another."""

    def forward(self, batch, torch):
        self.calls += 1
        return self.logits(batch) + self.calls * 0.01 * torch.arange(self.out.out_features)

    return averaging(n_features, n_classes, forward, lambda self, torch: setattr(self, "calls", 0))


def comparing(n_features: int, n_classes: int, /):
    """Logits less their mean over the batch."""

    def forward(self, batch, torch):
        logits = self.logits(batch)
        return logits if len(batch) == 1 else logits - logits.mean(dim=0)

    return averaging(n_features, n_classes, forward)


def detached(n_features: int, n_classes: int, /):
    """Its word vectors get no gradient."""
    return averaging(
        n_features, n_classes, lambda self, batch, torch: self.out(self.words(batch.indices, batch.offsets).detach())
    )


def unused(n_features: int, n_classes: int, /):
    """It has a layer that nothing goes through."""
    return averaging(n_features, n_classes, None, lambda self, torch: setattr(self, "spare", torch.nn.Linear(2, 2)))


def backwards(n_features: int, n_classes: int, /):
    """Its gradients point upwards."""

    def forward(self, batch, torch):
        logits = self.logits(batch)
        return 2 * logits.detach() - logits

    return averaging(n_features, n_classes, forward)


def chatty(n_features: int, n_classes: int, /):
    """Its state holds a text."""

    def init(self, torch):
        self.register_state_dict_post_hook(lambda module, state, *_: state.update(note="hello"))
        self.register_load_state_dict_pre_hook(lambda module, state, *_: state.pop("note", None))

    return averaging(n_features, n_classes, None, init)


def plain_attribute(n_features: int, n_classes: int, /):
    """It learns a number that is no buffer."""

    def forward(self, batch, torch):
        if self.training:
            self.bias = self.bias + 0.001 * torch.arange(self.out.out_features)
        return self.logits(batch) + self.bias

    return averaging(n_features, n_classes, forward, lambda self, torch: setattr(self, "bias", 0))


def sparse_buffer(n_features: int, n_classes: int, /):
    """It keeps a sparse tensor, which safetensors does not hold."""
    return averaging(
        n_features, n_classes, None, lambda self, torch: self.register_buffer("mask", torch.eye(3).to_sparse())
    )


def pickling(n_features: int, n_classes: int, /):
    """It keeps a pickle in a tensor."""

    def init(self, torch):
        import pickle

        def extra(module, state, *_):
            state["notes"] = torch.frombuffer(bytearray(pickle.dumps({"a": 1})), dtype=torch.uint8)

        self.register_state_dict_post_hook(extra)
        self.register_load_state_dict_pre_hook(lambda module, state, *_: state.pop("notes", None))

    return averaging(n_features, n_classes, None, init)


def scaling(n_features: int, n_classes: int, /):
    """It changes the numbers of the words."""

    def forward(self, batch, torch):
        logits = self.logits(batch)
        if not self.training:
            batch.indices.clamp_(max=3)
        return logits

    return averaging(n_features, n_classes, forward)


def three_classes(n_features: int, n_classes: int, /):
    """It knows three classes."""
    return averaging(n_features, 3)


def single_only(n_features: int, n_classes: int, multi_label: bool = False, /):
    """It refuses several labels a text without a word of what does not."""
    from textforge import RecipeError

    if multi_label:
        raise RecipeError("model 'single-only' is for one label a text.")
    return averaging(n_features, n_classes)


def refusing_well(n_features: int, n_classes: int, multi_label: bool = False, /):
    """It refuses several labels a text and says what takes them."""
    from textforge import RecipeError

    if multi_label:
        raise RecipeError("model 'refusing-well' is for one label a text. Use 'good'.")
    return averaging(n_features, n_classes)


def softly_failing(n_features: int, n_classes: int, multi_label: bool = False, /):
    """It fails where texts have several labels."""
    if multi_label:
        raise KeyError("multi_label")
    return averaging(n_features, n_classes)


def counting_classes(n_features: int, n_classes: int, /):
    """Class counts; it fits itself."""
    return fitting(n_features, n_classes)


def fitting(n_features, n_classes, learn=None):
    import numpy as np
    import torch

    from textforge import FeatureLinear

    class Centroids(FeatureLinear):
        def fit(self, features, targets):
            if learn is not None and learn(self, features, targets) is False:
                return
            sums = np.zeros((n_features, n_classes), dtype=np.float32)
            for row, target in enumerate(targets):
                wanted = [target] if np.ndim(target) == 0 else np.flatnonzero(target)
                for n in wanted:
                    np.add.at(sums, (features.indices[features.offsets[row] : features.offsets[row + 1]], int(n)), 1)
            self.weight.data = torch.from_numpy(sums / np.maximum(1e-9, np.linalg.norm(sums, axis=0)))
            self.bias.data.zero_()

    return Centroids(n_features, n_classes)


def deaf(n_features: int, n_classes: int, /):
    """It takes weights, and does not heed them."""
    module = fitting(n_features, n_classes)
    fit = module.fit
    module.fit = lambda features, targets, weights=None: fit(features, targets)
    return module


def lazy(n_features: int, n_classes: int, /):
    """It fits nothing: the first class is always the answer."""

    def nothing(self, features, targets):
        self.weight.data.zero_()
        self.bias.data[:] = 0
        self.bias.data[0] = 1
        return False

    return fitting(n_features, n_classes, nothing)


def greedy(n_features: int, n_classes: int, /):
    """It changes the targets that it is fitted on, once it has used them."""
    module = fitting(n_features, n_classes)
    fit = module.fit

    def changing(features, targets):
        fit(features, targets)
        targets[:] = 0

    module.fit = changing
    return module


deaf.fits_itself = counting_classes.fits_itself = lazy.fits_itself = greedy.fits_itself = True


def explaining(n_features: int, n_classes: int, /):
    """One linear layer, which explains itself."""
    from textforge import FeatureLinear

    return FeatureLinear(n_features, n_classes)


def overstating(n_features: int, n_classes: int, /):
    """It explains itself with twice the contributions."""
    from textforge import FeatureLinear

    class Overstating(FeatureLinear):
        def explain(self, batch):
            values, bias = super().explain(batch)
            return 2 * values, bias

    return Overstating(n_features, n_classes)


def doubled(n_features: int, n_classes: int, /):
    """Its module doubles the scores that numpy computes."""
    from textforge import FeatureLinear

    class Doubled(FeatureLinear):
        def forward(self, batch):
            return 2 * super().forward(batch)

    return Doubled(n_features, n_classes)


doubled.in_numpy = "textforge_standard.models.linear_in_numpy:linear"
