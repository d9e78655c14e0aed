"""Exceptions for users, places of mistakes, similar names, text that is safe to display, and files that are complete.

Imports only the standard library.
"""

from textforge.errors.escapes import (
    shown as shown,
    shown_json as shown_json,
    shown_line as shown_line,
    shown_lines as shown_lines,
)
from textforge.errors.exceptions import (
    SHOWN as SHOWN,
    BundleError as BundleError,
    ComponentError as ComponentError,
    DataError as DataError,
    DataUnavailable as DataUnavailable,
    PluginError as PluginError,
    ProcessError as ProcessError,
    RecipeError as RecipeError,
    StorageError as StorageError,
    TextforgeError as TextforgeError,
    TrainingError as TrainingError,
)
from textforge.errors.forks import (
    polars_threads_are_lost as polars_threads_are_lost,
    require_polars_threads as require_polars_threads,
)
from textforge.errors.mistakes import (
    LONGEST_MESSAGE as LONGEST_MESSAGE,
    Mistake as Mistake,
    Place as Place,
)
from textforge.errors.names import (
    LONGEST_NAME as LONGEST_NAME,
    alternatives as alternatives,
    cut as cut,
    did_you_mean as did_you_mean,
    listed as listed,
    nearest as nearest,
)
from textforge.errors.temporaries import (
    Scratch as Scratch,
    new_folder as new_folder,
    replaced as replaced,
    storage_errors as storage_errors,
)
