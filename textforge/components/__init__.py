"""The plugin contract: hooks, the manager that finds plugins, components, and their validated options.

A component is a factory. Its positional-only parameters are facts; its keyword-only parameters are the options of a
recipe. This package imports neither numpy nor torch.
"""

from textforge.components.component import Component as Component, Origin as Origin
from textforge.components.hookspecs import PLUGIN_API as PLUGIN_API, hookimpl as hookimpl
from textforge.components.kinds import KINDS as KINDS, Kind as Kind
from textforge.components.manager import PluginManager as PluginManager
from textforge.components.options import Option as Option, Options as Options
from textforge.components.part import Part as Part
from textforge.components.settings import DecisionSettings as DecisionSettings, TrainerSettings as TrainerSettings
