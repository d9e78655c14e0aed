"""Requests to the application: answers, and an error for every mistake."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from asgi import Client
from hypothesis import given, settings, strategies as st

import textforge
from textforge.classifiers.streams.predictions import predictions
from textforge.errors import BundleError, RecipeError
from textforge.serving import Limits, Settings, app

NDJSON = "application/x-ndjson"


@pytest.fixture(scope="module")
def run(finished_run: Path) -> Path:
    return finished_run


@pytest.fixture(scope="module")
def classifier(run: Path) -> textforge.Classifier:
    return textforge.load(run)


@pytest.fixture(scope="module")
def client(run: Path) -> Client:
    return Client(app({"topics": run}))


def test_a_prediction_is_what_predict_writes_as_a_line_of_json(client, classifier):
    texts = ["the orbit of the moon", "", "a pitcher's glove"]
    expected = [*predictions(classifier, texts)]
    found = client.json("/predict", {"texts": texts}).json
    assert found["predictions"] == expected
    assert (found["model"], len(found["version"])) == ("topics", 12)
    assert [*found["predictions"][0]["probabilities"]] == [*expected[0]["probabilities"]]
    (single,) = client.json("/predict", {"text": texts[0]}).json["predictions"]
    assert single["label"] == expected[0]["label"]
    assert single["probabilities"] == pytest.approx(expected[0]["probabilities"], abs=1e-6)


@settings(max_examples=10)
@given(st.lists(st.lists(st.text(max_size=20), max_size=7), min_size=1, max_size=12), st.integers(1, 9))
def test_any_split_into_concurrent_requests_gives_the_answers_of_predict_proba(classifier, parts, size):
    client = Client(app(classifier, settings=Settings(Limits(max_batch=size))))

    async def ask_all() -> list:
        return await asyncio.gather(*[client.post("/predict", {"texts": part}) for part in parts])

    for part, answer in zip(parts, asyncio.run(ask_all()), strict=True):
        rows = classifier.predict_proba(part).tolist()
        found = [one["probabilities"] for one in answer.json["predictions"]]
        for row, got in zip(rows, found, strict=True):
            assert got == pytest.approx(dict(zip(classifier.labels, row, strict=True)), abs=1e-6)


@pytest.mark.parametrize("target", ["/predict?model=topics&probabilities=1", "/predict"])
def test_model_and_number_of_probabilities_are_given_in_the_query_or_the_body(client, target):
    body = {} if "?" in target else {"model": "topics", "probabilities": 1}
    found = client.json(target, {"text": "orbit", **body}).json
    version = found["version"]
    assert len(found["predictions"][0]["probabilities"]) == 1
    assert client.json("/predict", {"text": "x", "model": f"topics@{version}", "probabilities": 1.0}).status == 200


WRONG = [
    ("/predict", b"", 400, "the body is empty"),
    ("/predict", b'{"text": "a"', 400, "the body is not JSON"),
    ("/predict", b'{"text": "\xff"}', 400, "the body is not JSON"),
    ("/predict", b'{"text": "\\ud800"}', 400, "the body is not JSON"),
    ("/predict", b'{"text": NaN}', 400, "the body is not JSON"),
    ("/predict", b"[" * 100_000, 400, "the body is not JSON"),
    ("/predict", b"[]", 422, "the body must be an object such as"),
    ("/predict", b"{}", 422, 'must have "text", one text, or "texts", a list of texts; it has neither'),
    ("/predict", b'{"text": "a", "texts": []}', 422, "it has both"),
    ("/predict", b'{"texts": "a"}', 422, "'texts' must be a list, not a string"),
    ("/predict", b'{"texts": ["a", 3]}', 422, "the text at index 1 is a number"),
    ("/predict", b'{"text": null}', 422, "'text' is null"),
    ("/predict", b'{"text": {"txt": "a"}}', 422, "is an object without a string as 'text'"),
    ("/predict", b'{"txet": "a"}', 422, "no field 'txet'. Did you mean 'text'?"),
    ("/predict", b'{"text": "a", "labels": ["space"]}', 422, "no field 'labels'"),
    ("/predict", b'{"text": "a", "model": "topic"}', 404, "no model 'topic'. Did you mean 'topics'?"),
    ("/predict", b'{"text": "a", "model": "topics@1"}', 404, "no version '1' of model 'topics'"),
    ("/predict", b'{"text": "a", "model": 5}', 422, "'model' must be a string"),
    ("/predict", b'{"text": "a", "probabilities": 0}', 422, "probabilities must be a whole number from 1"),
    ("/predict", b'{"text": "a", "probabilities": 1.5}', 422, "probabilities must be a whole number from 1"),
    ("/predict", b'{"text": "a", "probabilities": true}', 422, "probabilities must be a whole number from 1"),
    ("/predict", b'{"text": "a", "probabilities": 1e400}', 400, "not JSON"),
    ("/predict?probabilities=0", b'{"text": "a", "probabilities": 1}', 422, "probabilities must be"),
    ("/predict?modle=x", b'{"text": "a"}', 422, "no query parameter 'modle'. Did you mean 'model'?"),
    ("/predict?model=a&model=b", b'{"text": "a"}', 422, "the query gives 'model' 2 times"),
    ("/predict?model=topics", b'{"text": "a", "model": "other"}', 404, "no model 'other'"),
    ("/explain", b'{"text": "a", "labels": ["spice"]}', 404, "no label 'spice' in this classifier. Did you mean"),
    ("/explain", b"{\"text\": \"a\", \"labels\": [\"" + b"x" * 9000 + b"\"]}", 404, "xxx…xxx"),
    ("/explain", b'{"text": "a", "labels": []}', 422, "'labels' must be a list of one or more"),
    ("/explain", json.dumps({"texts": ["a"] * 17}).encode(), 422, "at most 16 texts are explained at once"),
    ("/explain", json.dumps({"text": "a" * 20_001}).encode(), 413, "may have 20,000 characters, not 20,001"),
    ("/models?x=1", b"", 405, "/models takes GET, HEAD, OPTIONS, not POST"),
    ("/predct", b"{}", 404, "no path '/predct'. Did you mean '/predict'?"),
]  # fmt: skip


@pytest.mark.parametrize(("target", "body", "status", "message"), WRONG, ids=lambda one: str(one)[:40])
def test_a_mistake_is_answered_by_what_was_expected(client, target, body, status, message):
    found = client.send(target, body)
    assert (found.status, message in found.message) == (status, True), found.message
    assert len(found.message) <= 500


def test_a_body_of_another_type_is_refused_with_the_right_one(client):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"):
        assert client.send("/predict", b'{"text": "a"}', kind).status == 415
    assert client.send("/predict", b'"a"', "application/jsonl").message.endswith(f"{NDJSON}, not application/jsonl.")
    found = client.send("/predict", b"\x1f\x8b", headers={"content-encoding": "gzip"})
    assert (found.status, "compressed by gzip" in found.message) == (415, True)
    assert client.send("/predict", b'{"text": "a"}', 'Application/JSON; charset="UTF-8"').status == 200
    assert client.json("/predict", {"text": "a"}).status == 200  # without content-type


@pytest.mark.parametrize(
    ("accept", "status"),
    [("*/*", 200), ("application/*", 200), ("text/html, application/json;q=0.5", 200), ("text/html", 406),
     ("application/json;q=0", 406)],
)  # fmt: skip
def test_accept_is_heeded(client, accept, status):
    assert client.send("/predict", b'{"text": "a"}', headers={"accept": accept}).status == status


def test_head_and_options_are_answered(client):
    head, get = (client.get("/models", method=method) for method in ("HEAD", "GET"))
    assert (head.body, head.headers, head.status) == (b"", get.headers, 200)
    for path, methods in (
        ("/predict", "POST, OPTIONS"),
        ("/models", "GET, HEAD, OPTIONS"),
        ("/", "GET, HEAD, OPTIONS"),
    ):
        found = client.get(path, method="OPTIONS")
        assert (found.status, found.headers["allow"], found.body) == (204, methods, b"")
        assert "content-length" not in found.headers
    assert client.get("/predict").headers["allow"] == "POST, OPTIONS"


def test_explanations_are_those_of_explain(client, classifier):
    text = "the orbit of a pitcher"
    (expected,) = textforge.explain(classifier, [text], labels=["ball"])
    found = client.json("/explain", {"text": text, "labels": ["ball"]}).json
    assert found["model"] == "topics"
    (explanation,) = found["explanations"]
    assert explanation == json.loads(json.dumps(expected.as_json()))


def test_models_are_listed_with_labels_and_figures_of_the_run(client, run):
    found = client.get("/models").json
    (model,) = found["models"]
    assert (found["default"], model["name"], model["labels"]) == ("topics", "topics", ["ball", "paint", "space"])
    assert (model["columns"], model["multi_label"], model["model"], model["vectorizer"]) == ({}, False, "mlp", "bow")
    assert model["run"]["n_train"] == json.loads((run / "result.json").read_text())["n_train"]
    assert model["card"] is None
    assert client.get("/card").status == 404


def test_a_card_beside_the_bundle_is_given(run, tmp_path):
    import shutil

    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "README.md").write_text("# Topics\n")
    client = Client(app({"topics": tmp_path / "run"}))
    path = client.get("/models").json["models"][0]["card"]
    found = client.get(f"/{path}")
    assert (found.status, found.body, found.headers["content-type"]) == (
        200, b"# Topics\n", "text/markdown; charset=utf-8",
    )  # fmt: skip


def test_several_models_are_found_by_name_and_the_first_is_the_default(run, classifier):
    client = Client(app({"first": run, "second": classifier}))
    assert client.json("/predict", {"text": "a"}).json["model"] == "first"
    assert client.json("/predict", {"text": "a", "model": "second"}).json["version"] == "memory"


def test_labels_keep_their_types_in_answers():
    texts, labels = ["good fine", "bad poor"] * 12, [True, False] * 12
    trained = _trained(texts, labels)
    found = Client(app(trained)).json("/predict", {"text": "good fine"}).json["predictions"][0]
    assert found["label"] is True
    assert {*found["probabilities"]} == {"true", "false"}


def test_a_classifier_with_several_labels_answers_with_lists():
    texts, labels = ["good fine", "bad poor"] * 12, [["up", "good"], ["down"]] * 12
    found = Client(app(_trained(texts, labels))).json("/predict", {"text": "good"}).json["predictions"][0]
    assert {*found} == {"labels", "probabilities"}
    assert isinstance(found["labels"], list)


def _trained(texts, labels):
    from textforge import PluginManager

    plugins = PluginManager()
    trainer = textforge.Trainer(
        textforge.Dataset(train=(texts, labels), test=(texts, labels)),
        plugins.part("vectorizer", "bow"), plugins.part("model", "linear"), plugins.part("optimizer", "adam"), epochs=1,
    )  # fmt: skip
    for _ in trainer:
        pass
    return trainer.classifier()


def test_a_large_body_is_refused_whether_or_not_its_length_is_given(run):
    client = Client(app(run, settings=Settings(Limits(max_body=1000))))
    for parts in ([b"x" * 1001], [b"x" * 600, b"x" * 600, b""]):
        found = client.send("/predict", parts)
        assert (found.status, found.json["error"]["limit"]) == (413, 1000)
    declared = client.send("/predict", [b"x" * 10, b"", b""], headers={"content-length": "5000"})
    assert (declared.status, declared.headers["connection"]) == (413, "close")
    assert client.send("/predict", [b'{"text": ', b'"a"}']).status == 200


def test_all_bodies_together_are_bounded(run):
    application = app(run, settings=Settings(Limits(max_bodies=1000)))
    client = Client(application)
    assert client.json("/predict", {"text": "x" * 990}).headers["retry-after"] == "1"
    for _ in range(3):  # what was refused or answered is given back
        assert client.json("/predict", {"text": "x" * 500}).status == 200


def test_a_slow_body_is_given_up(run):
    async def slowly():
        yield b"{"
        await asyncio.sleep(5)

    found = Client(app(run, settings=Settings(Limits(body_timeout=0.05)))).send("/predict", slowly())
    assert (found.status, found.headers["connection"]) == (408, "close")


def test_a_client_that_goes_while_sending_gets_no_answer(run):
    assert Client(app(run)).send("/predict", [b"{", None]).status == 0


def test_the_key_is_needed_but_for_health_and_the_page(run):
    client = Client(app(run, settings=Settings(api_key="secret")))
    for path in ("/", "/healthz", "/readyz", "/openapi.json"):
        assert client.get(path).status == 200
    for path in ("/models", "/metrics", "/predict"):
        found = client.get(path)
        assert (found.status, found.headers["www-authenticate"]) == (401, "Bearer")
    wrong = {"authorization": "Bearer secre"}
    assert client.get("/models", headers=wrong).message.startswith("the API key is wrong")
    for right in ({"authorization": "bearer secret"}, {"x-api-key": "secret"}):
        assert client.get("/models", headers=right).status == 200


@pytest.mark.parametrize("key", ["", "two words", "schlüssel", "line\n"])
def test_a_key_that_no_header_can_hold_is_refused(run, key):
    with pytest.raises(RecipeError, match="the API key must be"):
        app(run, settings=Settings(api_key=key))


def test_pages_of_given_origins_alone_may_read_answers(run):
    client = Client(app(run, settings=Settings(cors=("https://a.example",))))
    assert client.get("/models", headers={"origin": "https://a.example"}).headers["access-control-allow-origin"] == (
        "https://a.example"
    )
    assert "access-control-allow-origin" not in client.get("/models", headers={"origin": "https://b.example"}).headers
    asking = {"origin": "https://a.example", "access-control-request-method": "POST"}
    found = client.get("/predict", method="OPTIONS", headers=asking)
    assert (found.status, found.headers["access-control-allow-methods"]) == (204, "POST, OPTIONS")
    assert "access-control-allow-origin" in client.send("/predict", b"", headers=asking).headers  # of errors, too
    with pytest.raises(RecipeError, match="must be an origin"):
        app(run, settings=Settings(cors=("a.example",)))
    plain = Client(app(run)).get("/models", headers={"origin": "https://a.example"})
    assert "access-control-allow-origin" not in plain.headers


def test_metrics_count_requests_by_path_and_texts_by_model(run):
    client = Client(app({"topics": run}))
    client.json("/predict", {"texts": ["a", "b"]})
    client.send("/nothing/here", b"")
    found = client.get("/metrics").body.decode()
    assert 'textforge_requests_total{path="/predict",status="200"} 1.0' in found
    assert 'textforge_requests_total{path="other",status="404"} 1.0' in found
    assert 'textforge_texts_total{model="topics"} 2.0' in found
    assert 'textforge_batch_texts_bucket{le="2.0"} 1.0' in found
    assert "textforge_predicting_waiting 0.0" in found


def test_the_application_answers_below_a_mount_point(client):
    async def ask():
        scope = {"type": "http", "method": "GET", "path": "/ml/healthz", "root_path": "/ml", "query_string": b"",
                 "headers": []}  # fmt: skip
        sent = []

        async def send(message):
            sent.append(message)

        await client.app(scope, None, send)
        return sent[0]["status"]

    assert asyncio.run(ask()) == 200


def test_the_description_names_every_path_of_the_application(client):
    described = client.get("/openapi.json").json
    assert {*described["paths"]} == {*client.app._routes}
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            assert method.upper() in client.app._routes[path][0]
            for status, answer in operation["responses"].items():
                assert status == "200" or answer["content"]["application/json"]


def test_answers_are_as_described(client):
    import jsonschema

    described = client.get("/openapi.json").json

    def check(answer, name):
        jsonschema.validate(answer.json, {**described, "$ref": f"#/components/schemas/{name}"})

    check(client.json("/predict", {"texts": ["a", "b"]}), "Predictions")
    check(client.json("/explain", {"text": "orbit"}), "Explanations")
    check(client.get("/models"), "Models")
    check(client.get("/nope"), "Error")


def test_a_failing_classifier_is_an_error_that_says_so_and_fails_its_own_request_only(run, classifier):
    class Failing:
        columns = classifier.columns
        decision, labels = classifier.decision, classifier.labels

        def predict_proba(self, texts):
            if "bad" in texts:
                raise textforge.ComponentError("model 'm' raised")
            return classifier.predict_proba(texts)

    application = app({"topics": classifier})
    model = replace(application.models.default, classifier=Failing())
    application.models.add(model, instead_of=application.models.default)
    client = Client(application)

    async def ask_all():
        return await asyncio.gather(*[client.post("/predict", {"text": text}) for text in ("a", "bad", "b")])

    assert [one.status for one in asyncio.run(ask_all())] == [200, 500, 200]
    assert client.json("/predict", {"text": "bad"}).message == "model 'm' raised"


def test_a_path_without_a_bundle_is_refused(tmp_path):
    with pytest.raises(BundleError, match="no such run or bundle"):
        app(tmp_path / "none")


@pytest.mark.parametrize("name", ["max_batch", "queue", "body_timeout"])
def test_a_limit_must_be_above_0(name):
    with pytest.raises(RecipeError, match=f"{name} must be"):
        Limits(**{name: 0})
