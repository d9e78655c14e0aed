"""The plugin manager: found, registered, kept apart when broken, looked up by name."""

import copy
import pickle
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest import mock

import pytest
from conftest import installed

import textforge_standard
from textforge import PluginManager, hookimpl
from textforge.components.component import Origin
from textforge.components.kinds import KINDS
from textforge.errors import PluginError, RecipeError


def mean_pool(n_features, n_classes, /, *, dim: int = 100, dropout: float = 0.0):
    """Average of vectors.

    Options:
        dim: how wide.
    """
    return n_features, n_classes, dim, dropout


def offering(**hooks):
    """A plugin whose hooks return the given values."""
    return SimpleNamespace(**{hook: hookimpl(lambda value=value: value) for hook, value in hooks.items()})


def refused(plugin, **options):
    plugins = PluginManager(entry_points=False)
    with pytest.raises(PluginError) as error:
        plugins.register(plugin, "mine", **options)
    return str(error.value)


@pytest.fixture
def plugins():
    return PluginManager(entry_points=False)


# -- found and registered --------------------------------------------------------------------------


def test_the_parts_that_ship_are_found_through_the_entry_point():
    plugins = PluginManager()
    assert {"newsgroups", "csv"} <= set(plugins.names("dataset"))
    assert plugins.component("model", "mlp").origin.distribution == "textforge"
    assert plugins.broken == []


def test_a_manager_without_entry_points_is_empty(plugins):
    assert plugins.names("model") == []


@pytest.mark.parametrize("form", ["module", "instance", "namespace"])
def test_a_plugin_is_a_module_an_instance_or_a_namespace(plugins, form):
    class Plugin:
        @hookimpl
        def textforge_models(self):
            return {"mean-pool": mean_pool}

    module = ModuleType("mine")
    module.textforge_models = hookimpl(lambda: {"mean-pool": mean_pool})
    plugin = {"module": module, "instance": Plugin(), "namespace": offering(textforge_models={"mean-pool": mean_pool})}
    plugins.register(plugin[form])
    assert plugins.component("model", "mean-pool").factory is mean_pool
    assert plugins.component("model", "mean-pool").origin.distribution == "this program"


def test_registering_on_one_manager_touches_no_other():
    one, other = PluginManager(), PluginManager()
    one.register(offering(textforge_models={"mean-pool": mean_pool}))
    assert "mean-pool" in one.names("model")
    assert "mean-pool" not in other.names("model")
    assert "mean-pool" not in PluginManager().names("model")


def test_one_plugin_object_may_be_registered_on_two_managers():
    plugin = offering(textforge_models={"mean-pool": mean_pool})
    managers = PluginManager(entry_points=False), PluginManager(entry_points=False)
    for manager in managers:
        manager.register(plugin)
    assert [manager.names("model") for manager in managers] == [["mean-pool"], ["mean-pool"]]


class Pool:
    """A plugin that pickle can name."""

    @hookimpl
    def textforge_models(self):
        return {"mean-pool": mean_pool}


def pickled(manager):
    return pickle.loads(pickle.dumps(manager))


@pytest.mark.parametrize("copied", [copy.deepcopy, pickled])
@pytest.mark.parametrize("entry_points", [True, False])
def test_a_copy_has_the_same_plugins_and_is_a_manager_of_its_own(copied, entry_points):
    plugins = PluginManager(entry_points=entry_points)
    plugins.register(Pool(), "pool", origin=Origin("my-dist", "1.2"))
    plugins.register(textforge_standard, "again")
    other = copied(plugins)
    for kind in KINDS:
        assert other.names(kind) == plugins.names(kind)
    assert other.component("model", "mean-pool") == plugins.component("model", "mean-pool")
    assert [str(broken) for broken in other.broken] == [str(broken) for broken in plugins.broken]
    other.register(offering(textforge_models={"other": mean_pool}))
    assert "other" in other.names("model")
    assert "other" not in plugins.names("model")


@pytest.mark.parametrize("copied", [copy.deepcopy, pickled])
def test_a_copy_is_as_broken(plugins, copied):
    with pytest.raises(PluginError):
        plugins.register(SimpleNamespace(textforge_model=hookimpl(mean_pool)), "slip")
    assert [str(broken) for broken in copied(plugins).broken] == [str(broken) for broken in plugins.broken]
    assert plugins.broken


def test_a_deep_copy_holds_plugins_that_cannot_be_copied(plugins):
    module = ModuleType("nowhere")
    module.textforge_models = hookimpl(lambda: {"mean-pool": mean_pool})
    plugins.register(module)
    assert copy.deepcopy(plugins).component("model", "mean-pool").factory is mean_pool


def test_a_component_named_by_a_string_is_imported_when_its_factory_is_looked_at(plugins, tmp_path, monkeypatch):
    (tmp_path / "imported_late.py").write_text("def model(n_classes, /, *, dim: int = 3): return dim\n")
    monkeypatch.syspath_prepend(tmp_path)
    plugins.register(offering(textforge_models={"late": "imported_late:model"}))
    component = plugins.component("model", "late")
    assert plugins.components("model") == [component]
    assert "imported_late" not in sys.modules
    assert component.options.defaults() == {"dim": 3}
    assert "imported_late" in sys.modules
    monkeypatch.delitem(sys.modules, "imported_late")


def test_listing_the_shipped_parts_imports_none_of_them():
    code = (
        "import sys; from textforge import PluginManager; p = PluginManager(); p.components('model'); p.broken;"
        "print([m for m in sys.modules if m.startswith('textforge_standard.') or m in ('torch', 'numpy', 'pydantic')])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


# -- looked up -------------------------------------------------------------------------------------


def test_a_part_has_its_options_checked_and_filled_in(plugins):
    plugins.register(offering(textforge_models={"mean-pool": mean_pool}))
    part = plugins.part("model", "mean-pool", dim=7)
    assert part.options == {"dim": 7, "dropout": 0.0}
    assert part.build({"n_features": 1, "n_classes": 2, "seed": 3}) == (1, 2, 7, 0.0)
    assert part.as_recipe() == {"use": "mean-pool", "dim": 7, "dropout": 0.0}
    with pytest.raises(RecipeError, match=r"^model 'mean-pool': dim must be a whole number, not 1.5.$"):
        plugins.part("model", "mean-pool", dim=1.5)


def test_a_part_that_lacks_a_fact_says_which(plugins):
    plugins.register(offering(textforge_models={"mean-pool": mean_pool}))
    with pytest.raises(PluginError, match=r"model 'mean-pool' needs a bag of words .*n_features.*not known here"):
        plugins.part("model", "mean-pool").build({"n_classes": 2})


@pytest.mark.parametrize("ask", ["names", "components", "component"])
def test_an_unknown_kind_is_refused_with_the_nearest(plugins, ask):
    arguments = ("modle", "x") if ask == "component" else ("modle",)
    with pytest.raises(PluginError) as error:
        getattr(plugins, ask)(*arguments)
    assert str(error.value) == (
        "no kind of component named 'modle'. Kinds: dataset, vectorizer, model, optimizer, scheduler, loss, metric, "
        "callback, preprocessor. Did you mean 'model'?"
    )


def test_an_unknown_name_is_refused_with_the_nearest_and_all():
    with pytest.raises(PluginError) as error:
        PluginManager().component("optimizer", "adan")
    assert str(error.value) == f"no optimizer named 'adan'. Did you mean 'adam'? Installed: {installed('optimizer')}."


# -- broken ----------------------------------------------------------------------------------------


def raising():
    raise ValueError("no luck")


def leaving():
    raise SystemExit(3)


def wants(config):
    return {}


def unknown_fact(n_clases, /): ...
def untyped(*, dim=1): ...
def unstatable(*, dim: int = None): ...  # noqa: RUF013


class GivesText:
    gives = "vocab_size"

    def __init__(self): ...


@pytest.mark.parametrize(
    ("plugin", "says"),
    [
        (SimpleNamespace(textforge_models=hookimpl(raising)), "textforge_models raised ValueError: no luck"),
        (SimpleNamespace(textforge_models=hookimpl(leaving)), "textforge_models raised SystemExit: 3"),
        (SimpleNamespace(textforge_models=hookimpl(wants)), "does not fit the hooks: "),
        (offering(textforge_models=[mean_pool]), "textforge_models returned a list, not a dict of names to factories."),
        (offering(textforge_models=mean_pool), "textforge_models returned a function, not a dict"),
        (offering(textforge_models=None), "textforge_models returned a NoneType, not a dict"),
        (offering(textforge_models={3: mean_pool}), "textforge_models returned the name 3; a name is letters"),
        (offering(textforge_models={" ": mean_pool}), "textforge_models returned the name ' '; a name is letters"),
        (offering(textforge_models={"m": 3}), "gave 3 for 'm': neither a factory nor a string "
         "'package.module:attribute'."),
        (offering(textforge_models={"m": "package.module"}), "gave 'package.module' for 'm': neither"),
        (offering(textforge_models={"m": "a b:c"}), "gave 'a b:c' for 'm': neither"),
        (offering(textforge_modles={"m": mean_pool}), "no hook 'textforge_modles'. Hooks: "
         "textforge_datasets, textforge_vectorizers, textforge_models, textforge_optimizers, textforge_schedulers, "
         "textforge_losses, textforge_metrics, textforge_callbacks, textforge_preprocessors, "
         "textforge_executors, textforge_commands. Did you mean 'textforge_models'?"),
        (SimpleNamespace(textforge_models=dict), "implements no hook. Mark its functions with "
         "@textforge.hookimpl."),
        (SimpleNamespace(), "implements no hook."),
        (offering(textforge_models={"m": untyped}), "model 'm': option 'dim' has no type."),
        (offering(textforge_models={"m": unstatable}), "model 'm': dim must be a whole number, not nothing (null). "
         "That is its own default: correct the default, or the type int."),
        (offering(textforge_optimizers={"o": unknown_fact}), "optimizer 'o' from this program asks for the fact "
         "'n_clases'. Facts for optimizers: params, module."),
        (offering(textforge_vectorizers={"v": GivesText}), "vectorizer 'v' from this program: its attribute 'gives' is "
         "'vocab_size'; it must be a tuple"),
    ],
)  # fmt: skip
def test_a_broken_plugin_is_refused_saying_why(plugin, says):
    message = refused(plugin)
    assert message.startswith("plugin 'mine': ")
    assert says in message


def test_what_is_broken_is_remembered_and_hides_nothing_else(plugins):
    good = offering(textforge_models={"good": mean_pool, "bad": untyped}, textforge_optimizers=3)
    with pytest.raises(PluginError):
        plugins.register(good, "mine", origin=Origin("my-dist", "1.2"))
    assert plugins.names("model") == ["good"]
    assert [str(broken).split(": ")[0] for broken in plugins.broken] == ["plugin 'mine' from my-dist 1.2"] * 2


def test_a_name_that_a_broken_plugin_might_have_given_names_that_plugin(plugins):
    for plugin in (offering(textforge_models={"bad": untyped}), SimpleNamespace()):
        with pytest.raises(PluginError):
            plugins.register(plugin, "mine", origin=Origin("my-dist", "1.2"))
    with pytest.raises(PluginError) as error:
        plugins.component("model", "bad")
    assert "It may be in a broken plugin: plugin 'mine' from my-dist 1.2: textforge_models gave a factory" in str(
        error.value
    )
    with pytest.raises(PluginError, match=r"Broken plugins, which may provide it: mine \(my-dist 1.2\)"):
        plugins.component("model", "other")


def test_registering_a_plugin_twice_is_refused(plugins):
    plugin = offering(textforge_models={"mean-pool": mean_pool})
    plugins.register(plugin)
    with pytest.raises(PluginError, match="the same object is already registered"):
        plugins.register(plugin)
    assert plugins.component("model", "mean-pool")


def test_a_name_given_twice_names_both_distributions_and_spares_the_others(plugins):
    plugins.register(offering(textforge_models={"m": mean_pool, "one": mean_pool}), origin=Origin("first", "1"))
    plugins.register(offering(textforge_models={"m": mean_pool, "two": mean_pool}), origin=Origin("second", "2"))
    with pytest.raises(PluginError) as error:
        plugins.component("model", "m")
    assert str(error.value) == (
        "model 'm' is given by first 1 and second 2. Write which one you mean: 'first/m' or 'second/m'."
    )
    assert plugins.names("model") == ["first/m", "one", "second/m", "two"]
    assert plugins.broken == []


def test_the_same_name_in_two_kinds_is_no_clash(plugins):
    def optimizer(params, /): ...

    plugins.register(offering(textforge_models={"x": mean_pool}, textforge_optimizers={"x": optimizer}))
    assert plugins.broken == []


@pytest.mark.parametrize(
    ("module", "target", "says"),
    [
        (None, "late_broken:model", "model 'm' from d 1 cannot be imported: ModuleNotFoundError: "),
        ("1/0", "late_broken:model", "model 'm' from d 1 cannot be imported: ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "late_broken:model", "model 'm' from d 1 cannot be imported: SystemExit: 3"),
        ("import x x", "late_broken:model", "model 'm' from d 1 cannot be imported: SyntaxError: "),
        ("def modell(): ...", "late_broken:model", "model 'm' from d 1: module 'late_broken' has no 'model'. Did you "
         "mean 'modell'?"),
        ("model = 3", "late_broken:model", "model 'm' from d 1: 'late_broken:model' is not callable."),
    ],
)  # fmt: skip
def test_a_string_that_leads_nowhere_is_reported_when_it_is_used(plugins, tmp_path, monkeypatch, module, target, says):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "late_broken", raising=False)
    if module:
        Path(tmp_path / "late_broken.py").write_text(module)
    plugins.register(offering(textforge_models={"m": target}), origin=Origin("d", "1"))
    with pytest.raises(PluginError) as error:
        plugins.part("model", "m")
    assert str(error.value).startswith(says)
    sys.modules.pop("late_broken", None)


def test_threads_that_share_a_manager_see_the_same():
    for _ in range(10):
        shared = PluginManager()
        start = threading.Barrier(4)
        found = []

        def look(shared=shared, start=start, found=found):
            start.wait()
            found.append(shared.names("model"))

        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 4
        assert all("mlp" in names for names in found)


class Panic(BaseException):
    """As Rust extensions raise."""


@dataclass(kw_only=True)
class MadeDefault:
    """Its default cannot be made."""

    words: list = field(default_factory=lambda: Path("/nowhere/at/all").read_text())


class OddDoc(type):
    @property
    def __doc__(cls):
        raise Panic("no doc")


class Undocumented(metaclass=OddDoc):
    def __init__(self, *, x: int = 1): ...


class Mean(Mapping):
    """A mapping that cannot be looked into."""

    def __iter__(self):
        raise Panic("no looking")

    __len__ = __getitem__ = __iter__


def panicking():
    raise Panic("at the hook")


@pytest.mark.parametrize(
    ("plugin", "says"),
    [
        (SimpleNamespace(textforge_models=hookimpl(panicking)), "textforge_models raised Panic: at the hook"),
        (offering(textforge_models=Mean()), "textforge_models raised Panic: no looking"),
        (offering(textforge_models={"m": MadeDefault}), "model 'm' from this program cannot be read: FileNotFound"),
        (offering(textforge_models={"m": Undocumented}), "model 'm' from this program cannot be read: Panic: no doc"),
        (offering(textforge_models={" m": mean_pool}), "returned the name ' m'; a name is letters, digits"),
        (offering(textforge_models={"m\nn": mean_pool}), "returned the name 'm\\nn'; a name is letters, digits"),
    ],
)
def test_whatever_a_plugin_raises_while_it_is_read_stays_its_own(plugin, says):
    plugins = PluginManager()
    with pytest.raises(PluginError) as error:
        plugins.register(plugin, "mine")
    assert says in str(error.value)
    assert plugins.component("model", "mlp").options
    with pytest.raises(PluginError, match="no model named 'n'"):
        plugins.component("model", "n")


def test_an_interrupt_while_a_plugin_is_read_is_an_interrupt(plugins):
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plugins.register(SimpleNamespace(textforge_models=hookimpl(interrupted)))


def test_a_hook_may_have_another_name_in_its_plugin(plugins):
    plugins.register(SimpleNamespace(mine=hookimpl(lambda: {"m": mean_pool}, specname="textforge_models")))
    assert plugins.names("model") == ["m"]
    assert plugins.broken == []


def test_a_module_that_holds_a_mock_is_a_plugin_like_any(plugins):
    module = ModuleType("mocked")
    module.call, module.mock = mock.call, mock.MagicMock()
    module.textforge_models = hookimpl(lambda: {"m": mean_pool})
    plugins.register(module)
    assert plugins.names("model") == ["m"]
    assert plugins.broken == []


# -- the later kinds -------------------------------------------------------------------------------


def loss(n_classes, class_counts, /, *, power: float = 1.0): ...
def metric(*, beta: float = 1.0): ...
def scheduler(optimizer, total_steps, steps_per_epoch, monitor_mode, /): ...


@pytest.mark.parametrize(("kind", "hook", "factory"), [
    ("scheduler", "textforge_schedulers", scheduler), ("loss", "textforge_losses", loss),
    ("metric", "textforge_metrics", metric),
])  # fmt: skip
def test_schedulers_losses_and_metrics_are_components_like_any(plugins, kind, hook, factory):
    plugins.register(offering(**{hook: {"own": factory}}))
    assert plugins.component(kind, "own").factory is factory
    assert plugins.component(kind, "own").label == f"{kind} 'own'"


@pytest.mark.parametrize(
    ("hook", "says"),
    [
        ("textforge_schedulers", "asks for the fact 'n_clases'. Facts for schedulers: optimizer, total_steps"),
        ("textforge_losses", "asks for the fact 'n_clases'. Facts for losses: n_classes"),
        ("textforge_metrics", "asks for the fact 'n_clases'. Facts for metrics: n_classes, multi_label"),
    ],
)
def test_a_fact_that_their_kind_lacks_is_reported(hook, says):
    assert says in refused(offering(**{hook: {"own": unknown_fact}}))


def test_a_command_is_no_factory_and_is_not_read(plugins):
    def command(anything, *at_all): ...

    plugins.register(offering(textforge_commands={"own": command, "late": "nowhere_at_all:command"}))
    assert plugins.names("command") == ["late", "own"]
    assert plugins.broken == []
    told = refused(offering(textforge_commands={"own": 3, "x": "nowhere_at_all"}))
    assert "gave 3 for 'own'" in told
    assert "gave 'nowhere_at_all' for 'x'" in told
