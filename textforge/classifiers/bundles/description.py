"""The schema of a bundle's description, `bundle.json`, and the code that reads and validates it.

Digests detect damage but not tampering: whoever can edit a description can also recompute its digest. Every value is
therefore validated here, by type and range, before it is used.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from annotated_types import Ge, Gt, Le, MaxLen, MinLen
from packaging.version import InvalidVersion, Version
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    JsonValue,
    PrivateAttr,
    StringConstraints,
    ValidationError,
    model_validator,
)

from textforge.classifiers.storage import json_text, sha256
from textforge.components.rows import ColumnKind
from textforge.components.settings import MAX_SEED
from textforge.errors import BundleError

FORMAT = 5
"""Current format number, for models that were exported: they have the section `engine` and a file in place of weights.

Others keep the numbers of earlier versions, which read them: 4 for classifiers that read columns beside the text, 3 if
labels are numbers or true and false, 2 if they are text. Format 1 has no decision: each text gets its most probable
label.
"""
WITH_COLUMNS = 4
DESCRIPTION = "bundle.json"
MODEL: Final = "model.safetensors"
VECTORIZER: Final = "vectorizer.safetensors"
_MESSAGES = {
    "missing": "is missing",
    "model_type": "is not an object",
    "dict_type": "is not an object",
    "list_type": "is not a list",
}
"""Replacements for some of pydantic's error messages, in JSON terms, by error type."""
UNNAMED = ("this program", "(unknown distribution)")
"""Placeholders for the distribution of a component that does not come from one."""

_DISTRIBUTION = re.compile(r"[A-Z0-9]([A-Z0-9._-]*[A-Z0-9])?", re.IGNORECASE | re.ASCII)
_COMPONENT = re.compile(r"\w[\w.+-]*")


def is_distribution(name: str) -> bool:
    """Whether this is a valid name of a distribution by the packaging standard (PEP 508)."""
    return len(name) <= 200 and _DISTRIBUTION.fullmatch(name) is not None


def is_version(text: str) -> bool:
    """Whether this is a valid version of a distribution by the packaging standard (PEP 440)."""
    try:
        return len(text) <= 200 and text.isascii() and text == text.strip() and bool(Version(text))
    except InvalidVersion:
        return False


def _version(text: str) -> str:
    if not is_version(text):
        raise ValueError("is not a version such as 1.2.3")
    return text


def _component(name: str) -> str:
    if not _COMPONENT.fullmatch(name):
        raise ValueError("is not a component name")
    return name


def _distinct(labels: Labels) -> Labels:
    if len(set(labels)) < len(labels):
        raise ValueError("has a label twice")
    return labels


Labels = list[str] | list[int] | list[bool]
Probability = Annotated[float, Ge(0), Le(1)]
BundleFile = Literal["model.safetensors", "model.onnx", "vectorizer.safetensors"]
Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
"""A SHA-256 in hexadecimal."""


class _Strict(BaseModel):
    """A base model without type conversions, unknown keys, NaN or infinite numbers."""

    model_config: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class SavedPart(_Strict):
    """A component, its options and its distribution, as claimed by the author of the bundle."""

    use: Annotated[str, AfterValidator(_component)]
    options: dict[str, JsonValue]
    distribution: str
    version: str

    @model_validator(mode="after")
    def _check_origin(self) -> Self:
        if self.version:
            _version(self.version)
        if not is_distribution(self.distribution) and (self.version or self.distribution not in UNNAMED):
            raise ValueError("its distribution is not a distribution name")
        return self

    @property
    def made_with(self) -> str:
        """The distribution and its version, such as `textforge 0.1.0`."""
        return f"{self.distribution} {self.version}".strip()


class SavedVectorizer(SavedPart):
    """A vectorizer component and its fitted state."""

    state: dict[str, JsonValue]
    """The JSON values of `state()`; its arrays are stored in safetensors."""


class SavedDecision(_Strict):
    """The fields of `Decision`."""

    multi_label: bool
    temperature: Annotated[float, Ge(1e-9), Le(1e9)]  # the largest float32 divided by 1e-9 fits into float64
    thresholds: list[Probability] | None
    abstain: Probability | None


class SavedFacts(_Strict):
    """The facts that the model was built from: those that textforge defines, and others given by the vectorizer."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, JsonValue]

    n_classes: Annotated[int, Gt(0)] | None = None
    n_features: Annotated[int, Ge(0)] | None = None
    vocab_size: Annotated[int, Ge(0)] | None = None
    seed: Annotated[int, Ge(0), Le(MAX_SEED)] = 0
    multi_label: bool | None = None
    class_counts: list[Annotated[int, Ge(0)]] | list[Annotated[float, Ge(0)]] | None = None
    n_texts: Annotated[int, Ge(0)] | None = None

    def given(self) -> dict[str, Any]:
        """Return the facts that the bundle contains, without defaults."""
        return self.model_dump(exclude_unset=True)


class SavedEngine(_Strict):
    """The engine that an exported model needs, and how the model was exported."""

    name: Literal["onnx"]
    opset: Annotated[int, Ge(1), Le(1000)]
    """Version of the operators of ONNX that the graph uses."""
    quantization: Literal["int8"] | None = None
    """The type of the weights if they were rounded; None if they are as they were trained."""

    @property
    def file(self) -> BundleFile:
        """The file of the bundle that holds the model."""
        return "model.onnx"


class Golden(_Strict):
    """A text and its predicted probabilities at the time the bundle was made."""

    text: Annotated[str, MaxLen(2000)]
    columns: dict[str, float | str | None] = {}
    probabilities: list[Probability]


class Description(_Strict):
    """The content of `bundle.json`."""

    format: Literal[1, 2, 3, 4, 5]
    textforge: Annotated[str, AfterValidator(_version)]
    labels: Annotated[Labels, MinLen(1), AfterValidator(_distinct)]
    decision: SavedDecision = SavedDecision(multi_label=False, temperature=1.0, thresholds=None, abstain=None)
    facts: SavedFacts
    columns: dict[str, ColumnKind] = {}
    """The columns that texts need beside them, with their kinds."""
    vectorizer: SavedVectorizer
    model: SavedPart
    engine: SavedEngine | None = None
    """For a model that was exported."""
    golden: Annotated[list[Golden], MinLen(1), MaxLen(64)]
    files: dict[BundleFile, Digest]
    digest: Digest
    _content: str = PrivateAttr(default="")

    @property
    def content(self) -> str:
        """The `content_digest` of the description as it was read."""
        return self._content

    @property
    def model_file(self) -> BundleFile:
        """The file that holds the model."""
        return self.engine.file if self.engine else MODEL

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        n, decision = len(self.labels), self.decision
        if (self.format == 1) == ("decision" in self.model_fields_set):
            raise ValueError(f"a bundle of format {self.format} has {'no' if self.format == 1 else 'a'} decision")
        if self.format < WITH_COLUMNS and (self.format == 3) == isinstance(self.labels[0], str):
            raise ValueError(f"labels of format {self.format} are {'not ' if self.format == 3 else ''}text")
        if self.format < FORMAT and (self.format == WITH_COLUMNS) != bool(self.columns):
            raise ValueError(
                f"a bundle of format {self.format} has {'' if self.format == WITH_COLUMNS else 'no '}columns"
            )
        if (self.format == FORMAT) != (self.engine is not None):
            raise ValueError(f"a bundle of format {self.format} has {'an' if self.format == FORMAT else 'no'} engine")
        if any([*one.columns] != [*self.columns] for one in self.golden):
            raise ValueError("golden texts have other columns than the bundle")
        if n < 2 and not decision.multi_label:
            raise ValueError("a classifier with one label per text needs at least two labels")
        if self.facts.n_classes not in (None, n):
            raise ValueError(f"facts.n_classes is {self.facts.n_classes}, but there are {n} labels")
        if self.facts.class_counts is not None and len(self.facts.class_counts) != n:
            raise ValueError("facts.class_counts does not have one number for each label")
        if self.facts.multi_label not in (None, decision.multi_label):
            raise ValueError("facts.multi_label and decision.multi_label differ")
        if decision.thresholds is not None and (len(decision.thresholds) != n or (n != 2 and not decision.multi_label)):
            raise ValueError(
                "decision.thresholds needs one number for each label, and exactly two labels unless it is multi-label"
            )
        if decision.abstain is not None and decision.multi_label:
            raise ValueError("decision.abstain needs one label per text")
        if any(len(one.probabilities) != n for one in self.golden):
            raise ValueError("golden does not have one probability for each label")
        if set(self.files) != {self.model_file, VECTORIZER}:
            raise ValueError(f"files are not {self.model_file} and {VECTORIZER}")
        return self


def digest(described: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a description in canonical JSON, without its own digest."""
    return _digest(described, without=("digest",))


def content_digest(described: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a description in canonical JSON, without any digest of it and of other files."""
    return _digest(described, without=("digest", "files"))


def _digest(described: Mapping[str, Any], without: tuple[str, ...]) -> str:
    content = {key: value for key, value in described.items() if key not in without}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def checked(described: Mapping[str, Any]) -> Description:
    """Validate a description against the schema.

    Raises:
        BundleError: the description is invalid. The message gives the first mistake and its place.
    """
    try:
        return Description.model_validate(described)
    except ValidationError as error:
        raise BundleError(_describe(error)) from error


def read_description(folder: Path) -> Description:
    """Read and validate the description of a bundle, and verify the digests of its files.

    Raises:
        BundleError: a file is missing, unreadable or damaged, the format is unknown, or the description does not
            match the schema.
    """
    found = unverified_description(folder)
    for name, expected in found.files.items():
        _refuse_changed(folder / name, expected, f"{folder}: damaged: ")
    return found


def unverified_description(folder: Path) -> Description:
    """Read and validate the description of a bundle whose other files may not be there yet.

    Raises:
        BundleError: it is missing, unreadable or damaged, its format is unknown, or it does not match the schema.
    """
    file, damaged = folder / DESCRIPTION, f"{folder}: damaged: "
    try:
        text = file.read_bytes()
        described = json.loads(text)
        number = described["format"]
        written = text == json_text(described).encode() and described.get("digest") == digest(described)
    except OSError as error:
        raise BundleError(f"{file}: cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())
        raise BundleError(f"{damaged}{DESCRIPTION} is not a bundle's description ({reason}).") from error
    if type(number) is not int or not 1 <= number <= FORMAT:
        raise BundleError(f"{folder}: {_other_format(number, described.get('textforge'))}")
    if not written:
        raise BundleError(f"{damaged}{DESCRIPTION} was changed after it was written. Restore the bundle from a copy.")
    try:
        found = checked(described)
    except BundleError as error:
        raise BundleError(f"{damaged}{error}") from error
    found._content = content_digest(described)
    return found


def _other_format(number: Any, version: Any) -> str:
    shown = repr(number) if isinstance(number, (int, float, str, type(None))) else f"a {type(number).__name__}"
    version_here = metadata.version("textforge")
    reason = f"bundle format {shown[:40]}; this textforge ({version_here}) reads formats up to {FORMAT}."
    if isinstance(version, str) and is_version(version):
        return f"{reason} It was written by textforge {version}: install that version."
    return f"{reason} It does not say which textforge wrote it."


def _refuse_changed(file: Path, expected: str, damaged: str) -> None:
    if not file.is_file():
        raise BundleError(f"{damaged}the file '{file.name}' is missing. Restore the bundle from a copy.")
    try:
        found = sha256(file)
    except OSError as error:
        raise BundleError(f"{file}: cannot be read: {error.strerror}.") from error
    if found != expected:
        raise BundleError(
            f"{damaged}the file '{file.name}' was changed after it was written (its SHA-256 differs). "
            "Restore the bundle from a copy."
        )


def _describe(error: ValidationError) -> str:
    """Describe the first mistake and its place, and give the number of further mistakes."""
    first, *more = error.errors(include_url=False, include_input=False, include_context=False)
    what = _MESSAGES.get(first["type"], first["msg"].removeprefix("Value error, "))
    others = f", and {len(more)} more" if more else ""
    if not first["loc"]:
        return f"{DESCRIPTION} contradicts itself: {what}."
    if first["type"] == "extra_forbidden":
        return f"{DESCRIPTION} has the unknown key {'.'.join(map(_shown, first['loc']))}{others}."
    section, place = _shown(first["loc"][0]), ".".join(map(_shown, first["loc"]))
    return f"{DESCRIPTION} has an invalid section {section!r} ({place}: {what[:1].lower()}{what[1:]}{others})."


def _shown(step: str | int) -> str:
    """Return a key as one printable word; keys of a damaged bundle may be any text."""
    text = str(step)
    return text if re.fullmatch(r"[\w.-]{1,60}", text) else ascii(text)[:60]
