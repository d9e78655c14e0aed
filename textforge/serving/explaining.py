"""`POST /explain`."""

from __future__ import annotations

import orjson

from textforge.serving.asked import EXPLAINED, asked, body_format
from textforge.serving.computing import Computing
from textforge.serving.http import JSON, LINES, Answer, HttpError, Request
from textforge.serving.models import Models

FIELDS = ("text", "texts", "labels", "model")


async def explain(request: Request, models: Models, computing: Computing) -> Answer:
    """Explain the predictions of some texts."""
    query = request.query(("model",))
    request.refuse_other_accept(JSON)
    if body_format(request) == LINES:
        raise HttpError(415, f"explanations are not given for lines. Send {JSON}.")
    wanted = asked(await request.body(), query, models, FIELDS)
    if len(wanted.texts) > EXPLAINED:
        raise HttpError(422, f"at most {EXPLAINED} texts are explained at once, not {len(wanted.texts):,}.")
    longest = request.limits.explain_characters
    if wanted.texts and (length := max(map(len, wanted.texts))) > longest:
        raise HttpError(
            413,
            f"a text to explain may have {longest:,} characters, not {length:,}. Explain a part of it.",
            limit=longest,
        )
    request.answers(wanted.model.key, wanted.texts)
    found = [await computing.explanation(wanted.model, text, wanted.labels, request.gone) for text in wanted.texts]
    explanations = orjson.dumps(found, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS).decode()
    return Answer(f'{wanted.model.opening}"explanations": {explanations}}}\n'.encode())
