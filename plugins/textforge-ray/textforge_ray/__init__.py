"""Run textforge on a Ray cluster: an executor for seeds and folds, and the command `textforge ray`."""

from textforge import hookimpl

TEXTFORGE_API = "1.2"


@hookimpl
def textforge_executors() -> dict[str, str]:
    return {"ray": "textforge_ray.executor:ray_tasks"}


@hookimpl
def textforge_commands() -> dict[str, str]:
    return {"ray": "textforge_ray.commands:ray"}
