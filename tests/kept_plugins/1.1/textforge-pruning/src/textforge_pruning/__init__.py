"""End runs that are worse than earlier ones."""

import json
from typing import Annotated

from annotated_types import Ge

TEXTFORGE_API = "1.1"


class Prune:
    """End a run whose validation metric is below the median of the runs beside it (Golovin et al. 2017).

    Options:
        metric: metric of the validation split; larger is better.
        warmup: number of epochs before any run ends.
    """

    def __init__(self, stop, run_folder, /, *, metric: str = "accuracy", warmup: Annotated[int, Ge(1)] = 1):
        self.stop, self.folder, self.metric, self.warmup = stop, run_folder, metric, warmup

    def epoch_ended(self, result):
        if not result["valid"] or result["number"] < self.warmup:
            return
        others = []
        for path in self.folder.parent.glob("*/metrics.jsonl"):
            epochs = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            values = [one["valid"][self.metric] for one in epochs if one.get("valid") and one["number"] == result["number"]]
            if path.parent != self.folder:
                others += values
        if others and result["valid"][self.metric] < sorted(others)[len(others) // 2]:
            self.stop(f"{self.metric} is below the median of {len(others)} runs after epoch {result['number']}")
