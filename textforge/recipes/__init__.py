"""Turn YAML into a validated `Recipe`: nodes with positions, `extends` and overrides, compatibility, JSON Schema.

This package imports neither numpy nor torch, so that `textforge check` starts fast.
"""

from textforge.recipes.document import Node as Node, read_document as read_document
from textforge.recipes.recipe import Recipe as Recipe, load_recipe as load_recipe
from textforge.recipes.schema import recipe_schema as recipe_schema
