"""Labelled text: datasets and their splits, streams, label encoding, weights, hold-outs and folds."""

from textforge.components.own_methods import own_method as own_method
from textforge.components.rows import (
    ColumnKind as ColumnKind,
    changed_by as changed_by,
    column_value as column_value,
    kinds_of as kinds_of,
    texts_of as texts_of,
    values_of as values_of,
    with_text as with_text,
)
from textforge.data.cache import (
    CacheEntry as CacheEntry,
    cache_folder as cache_folder,
    not_kept as not_kept,
)
from textforge.data.dataset import (
    Dataset as Dataset,
    as_dataset as as_dataset,
)
from textforge.data.encoding import as_labels as as_labels, as_texts as as_texts
from textforge.data.gold import encode_labels as encode_labels
from textforge.data.labels import (
    as_numbers as as_numbers,
    label_name as label_name,
    label_value as label_value,
    sorted_labels as sorted_labels,
)
from textforge.data.locks import Lock as Lock, alone as alone
from textforge.data.offered import called_offering as called_offering, takes as takes
from textforge.data.recognition import recognize as recognize
from textforge.data.similar_labels import normal_label as normal_label
from textforge.data.splits import folds as folds, holdout as holdout
from textforge.data.streams import Stream as Stream, Survey as Survey
from textforge.data.tables import (
    COMPRESSED as COMPRESSED,
    AnsweredRows as AnsweredRows,
    ColumnType as ColumnType,
    TableFormat as TableFormat,
    TableReader as TableReader,
    TableRows as TableRows,
    TableStream as TableStream,
)
from textforge.data.weights import (
    called_with as called_with,
    fit_takes_weights as fit_takes_weights,
    takes_weights as takes_weights,
)
