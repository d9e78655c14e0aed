"""From YAML to a checked `Recipe`: nodes with places, `extends` and overrides, checks across sections, JSON Schema.

Light: neither numpy nor torch is imported here, so `textforge check` answers at once.
"""

from textforge.recipes.document import Node as Node, read_document as read_document
from textforge.recipes.recipe import Recipe as Recipe, load_recipe as load_recipe
from textforge.recipes.schema import recipe_schema as recipe_schema
