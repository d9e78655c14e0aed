"""Push a classifier to the Hugging Face hub, with its card and its recipe, in one commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textforge.classifiers.bundles.description import DESCRIPTION, read_description
from textforge.classifiers.storage import json_text
from textforge.components.manager import PluginManager
from textforge.errors import RecipeError
from textforge.insight.handover.card import card_file, card_text, card_values
from textforge.insight.handover.kept_sections import Kept, kept_of, read, refuse_edited
from textforge.insight.handover.public_recipe import public_environment, public_recipe
from textforge.runs import folder as run_folder
from textforge.runs.folder import bundle_folder
from textforge.runs.hub.address import HubAddress, parse_address
from textforge.runs.hub.client import require_library
from textforge.runs.hub.upload import Remote, look_up, require_token, upload
from textforge.runs.progress import Progress

Files = dict[str, Path | bytes]


@dataclass(frozen=True)
class Pushed:
    """What a push uploads, and after it the commit."""

    repository: str
    branch: str
    private: bool
    files: dict[str, int]
    """Name and size in bytes of each file."""
    commit: str | None = None
    """Hash of the commit; None before it."""
    url: str | None = None

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True)
class PushOptions:
    """How a bundle is pushed.

    Args:
        private: create a private repository; refuse one that is public.
        message: the summary of the commit. Defaults to one that names the model.
        force: overwrite a card that was edited outside of its author's sections, here or on the hub.
        dry_run: look everything up, and upload nothing.
    """

    private: bool = False
    message: str | None = None
    force: bool = False
    dry_run: bool = False


def push(
    path: str | Path,
    name: str,
    options: PushOptions | None = None,
    *,
    plugins: PluginManager | None = None,
    progress: Progress | None = None,
    announce: Callable[[Pushed], object] | None = None,
) -> Pushed:
    """Upload a classifier to a repository of the Hugging Face hub, with its model card, in one commit.

    The bundle, the card and, if they are known, recipe and environment are uploaded; never texts or predictions. The
    recipe has file names in place of absolute paths, and no passwords. What authors have written into the card, in the
    folder of the run or on the hub, is kept.

    Args:
        path: a run folder or a bundle.
        name: USER/NAME, or USER/NAME@BRANCH.
        options: privacy, message and the like.
        plugins: the plugin manager that looks up the dataset for the card. Defaults to everything installed.
        progress: receives stages.
        announce: is called with what will be uploaded, before anything is.

    Raises:
        BundleError: the run or the bundle is unfinished or damaged.
        RecipeError: a name is wrong, there is no token, huggingface_hub is not installed, a public repository would
            have to be private, or a card would lose what somebody wrote.
        DataUnavailable: the hub cannot be reached, or refuses.
        StorageError: the account has no space left.
        TextforgeError: somebody else has committed meanwhile.
    """
    options, progress, plugins = options or PushOptions(), progress or Progress(), plugins or PluginManager()
    path, address = Path(path), parse_address(name)
    require_library()
    files = _bundle_files(bundle_folder(path))
    require_token(address)
    progress.stage("writing the card")
    card = _Card.of(path, address, plugins, force=options.force)
    remote = look_up(address, private=options.private, progress=progress)
    files = {run_folder.CARD: card.text(remote, force=options.force).encode(), **files, **_origin(path)}
    planned = Pushed(address.repository, address.revision or "main", remote.private, _sizes(files))
    if announce is not None:
        announce(planned)
    if options.dry_run:
        return planned
    commit, url = upload(remote, files, options.message or card.message, progress)
    return Pushed(**{**vars(planned), "commit": commit, "url": url})


@dataclass(frozen=True)
class _Card:
    """The card of a push: generated from a run, or the file that a bundle has."""

    repository: str
    file: Path
    values: Mapping[str, Any] | None
    """None if the bundle has a card of its own, which is pushed as it is."""
    kept: Kept

    @classmethod
    def of(cls, path: Path, address: HubAddress, plugins: PluginManager, *, force: bool) -> _Card:
        file = card_file(path)
        if (path / DESCRIPTION).is_file() and file.parent == path and file.is_file():
            return cls(address.repository, file, None, kept_of(file, force=True))
        return cls(address.repository, file, card_values(path, plugins), kept_of(file, force=force))

    @property
    def message(self) -> str:
        name = self.repository.partition("/")[2] if self.values is None else self.values["name"]
        return f"Push {name} with textforge"

    def text(self, remote: Remote, *, force: bool) -> str:
        """The card with what its authors wrote here and on the hub.

        Raises:
            RecipeError: both have written the same section, or the one on the hub would lose text.
        """
        kept = self.kept
        if remote.card is not None and not force:
            kept = _joined(kept, remote, self.file, generated=self.values is not None)
            if self.values is not None and self.values["report"] is None and "model-index" in kept.front:
                raise RecipeError(
                    f"{remote.address}/{run_folder.CARD}: has the figures of a run, which a card of the bundle alone "
                    "would lose. Push the run, write its card (textforge card RUN -o BUNDLE/README.md), or give "
                    "--force."
                )
        if self.values is None:
            return self.file.read_text(encoding="utf-8")
        return card_text(self.values, kept, repository=self.repository)


def _joined(here: Kept, remote: Remote, file: Path, *, generated: bool) -> Kept:
    """What was written into the card here, and into that on the hub."""
    name = f"{remote.address}/{run_folder.CARD}"
    there = read(remote.card or "", name)
    if not generated:  # pushed as it is, so it must not lack what the other has
        if remote.card == file.read_text(encoding="utf-8"):
            return here
        lost = [key for key, text in there.sections.items() if text != here.sections.get(key)]
        if there.edited or lost:
            raise RecipeError(
                f"{name}: has text that {file} lacks{f' (section {lost[0]})' if lost else ''}. Take it over into that "
                "file first, or overwrite it with --force."
            )
        return here
    if there.edited:
        refuse_edited(remote.card or "", name)
    both = [key for key, text in there.sections.items() if here.sections.get(key, text) != text]
    if both:
        raise RecipeError(
            f"{name}: its section {both[0]} differs from that in {file}. Make them alike, or push the one here with "
            "--force."
        )
    return Kept({**there.front, **here.front}, {**there.sections, **here.sections})


def _bundle_files(bundle: Path) -> Files:
    """The files of a bundle, whose digests are verified."""
    return {name: bundle / name for name in (DESCRIPTION, *read_description(bundle).files)}


def _origin(path: Path) -> Files:
    """Recipe and environment as others may see them, of a run or beside a bundle."""
    folder, found = card_file(path).parent, Files()
    recipe, environment = folder / run_folder.RESOLVED, folder / run_folder.ENVIRONMENT
    if recipe.is_file():
        found[recipe.name] = public_recipe(recipe.read_text(encoding="utf-8")).encode()
    if environment.is_file():
        damaged = f"{environment}: damaged"
        found[environment.name] = json_text(public_environment(run_folder.read_object(environment, damaged))).encode()
    return found


def _sizes(files: Files) -> dict[str, int]:
    return {name: len(one) if isinstance(one, bytes) else one.stat().st_size for name, one in files.items()}
