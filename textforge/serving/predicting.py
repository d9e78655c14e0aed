"""`POST /predict`."""

from __future__ import annotations

from textforge.serving.asked import QUERY, asked, body_format, found_model, limit_of
from textforge.serving.computing import Computing
from textforge.serving.http import JSON, LINES, Answer, Request
from textforge.serving.line_streams import answer_lines
from textforge.serving.models import Models

FIELDS = ("text", "texts", *QUERY)


async def predict(request: Request, models: Models, computing: Computing) -> Answer:
    """Answer one text, several, or lines."""
    query = request.query(QUERY)
    if body_format(request) == LINES:
        request.refuse_other_accept(LINES)
        model = found_model(models, query.get("model"))
        request.model = model.key
        lines = answer_lines(request, model, limit_of(query.get("probabilities")), computing)
        return Answer(lines, media_type=LINES)
    request.refuse_other_accept(JSON)
    wanted = asked(await request.body(), query, models, FIELDS)
    request.answers(wanted.model.key, wanted.texts)
    found = await computing.predictions(wanted.model, wanted.texts, wanted.limit, request.gone)
    return Answer(f'{wanted.model.opening}"predictions": [{", ".join(found)}]}}\n'.encode())
