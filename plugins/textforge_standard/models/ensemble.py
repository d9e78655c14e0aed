"""Model `ensemble`."""

from collections.abc import Sequence
from typing import Annotated, Any

from annotated_types import MinLen

from textforge import Model
from textforge_standard.declare import declare
from textforge_standard.ranges import Positive


def ensemble(
    facts: dict[str, Any],
    /,
    *,
    of: Annotated[list[Model], MinLen(1)],
    weights: list[Positive] | None = None,
) -> Any:
    """Several models trained in one run; predicts the weighted mean of their probabilities (Dietterich 2000).

    Each member draws its initial weights from its own seed, so the same model may be listed several times.

    Options:
        of: the members; either the optimizer trains all of them, or all fit themselves.
        weights: weight of each member's probabilities; null weighs all members equally.
    """
    import torch
    from torch import nn
    from torch.nn.functional import logsigmoid

    from textforge.data import called_with, fit_takes_weights

    multi_label = bool(facts["multi_label"])
    shares = torch.tensor(weights or [1.0] * len(of), dtype=torch.float32)

    class Ensemble(nn.Module):
        log_shares: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.members: Any = nn.ModuleList(
                part.build({**facts, "seed": (facts["seed"] + number) % 2**63}) for number, part in enumerate(of)
            )
            self.register_buffer("log_shares", (shares / shares.sum()).log()[:, None, None], persistent=False)

        def fit(self, features: Any, targets: Any, weights: Any = None) -> None:
            """Fit each member by its own `fit`."""
            for member in self.members:
                called_with(member.fit, features, targets, weights=weights)

        @property
        def takes_weights(self) -> bool:
            """Whether every member can weigh texts."""
            return all(fit_takes_weights(member) for member in self.members)

        @property
        def warnings(self) -> list[str]:
            return [warning for member in self.members for warning in getattr(member, "warnings", ())]

        def forward(self, batch: Any) -> Any:
            scores = torch.stack([member(batch).float() for member in self.members])
            if multi_label:  # the log-odds of the mean probability
                yes = (logsigmoid(scores) + self.log_shares).logsumexp(dim=0)
                return yes - (logsigmoid(-scores) + self.log_shares).logsumexp(dim=0)
            return (scores.log_softmax(dim=2) + self.log_shares).logsumexp(dim=0)

    return Ensemble()


def _fits_itself(*, of: Sequence[Any], **_: Any) -> bool:
    return all(part.fits_itself for part in of)


def _contradiction(*, of: Sequence[Any], weights: Sequence[float] | None) -> str | None:
    if weights is not None and len(weights) != len(of):
        return f"weights has {len(weights)} numbers for {len(of)} members; give one for each."
    if len({part.fits_itself for part in of}) > 1:
        alone = next(part.label for part in of if part.fits_itself)
        trained = next(part.label for part in of if not part.fits_itself)
        return f"{alone} fits itself and {trained} is trained by the optimizer; put members of one sort together."
    return None


def _in_numpy(*, of: Sequence[Any], **_: Any) -> str | None:
    return "textforge_standard.models.ensemble_in_numpy:ensemble" if all(part.in_numpy for part in of) else None


declare(ensemble, fits_itself=_fits_itself, check_options=_contradiction, in_numpy=_in_numpy)
