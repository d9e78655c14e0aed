from textforge import Model, hookimpl


def bounded(facts, /, *, of: Model = "linear", limit: float = 10.0):
    """Any model with softly bounded logits (Gemma Team 2024), so that no probability reaches 0 or 1.

    Options:
        of: the model.
        limit: bound of the absolute value of each logit.
    """
    from torch import nn

    class Bounded(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = of.build(facts)

        def fit(self, features, targets):
            self.inner.fit(features, targets)

        def forward(self, batch):
            return limit * (self.inner(batch) / limit).tanh()

    return Bounded()


def fits_itself(*, of, **others):
    return of.fits_itself


bounded.fits_itself = fits_itself


@hookimpl
def textforge_models():
    return {"bounded": bounded}
