from textforge import hookimpl


class Slowest:
    """Report which epoch took longest.

    Options:
        decimals: decimal places of the seconds.
    """

    def __init__(self, *, decimals: int = 2) -> None:
        self.decimals = decimals

    def started(self, run):
        self.seconds = []

    def epoch_ended(self, result):
        self.seconds.append(result["seconds"])
        return {"seconds_so_far": sum(self.seconds)}  # added to the epoch's line in metrics.jsonl

    def finished(self, result):
        return {"slowest_epoch": round(max(self.seconds), self.decimals)}  # added to result.json

    def failed(self, error):
        self.seconds = []


@hookimpl
def textforge_callbacks():
    return {"slowest": Slowest}
