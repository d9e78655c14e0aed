from textforge import hookimpl


def plurals():
    """Replace English plurals by singulars, approximately."""
    import re

    return lambda text: re.sub(r"(?<=\w\w\w)(?<!s)s\b", "", text)


@hookimpl
def textforge_preprocessors():
    return {"plurals": plurals}
