"""The parts that ship with textforge, registered through the same hooks as any plugin's.

Each part is a `"module:attribute"` string, so its module is imported only when a recipe uses it.
"""

from textforge import hookimpl


@hookimpl
def textforge_datasets() -> dict[str, str]:
    return {
        "csv": "textforge_standard.datasets.csv_files:csv_files",
        "docstrings": "textforge_standard.datasets.docstrings:docstrings",
        "excel": "textforge_standard.datasets.excel:excel",
        "fasttext": "textforge_standard.datasets.fasttext:fasttext",
        "folder": "textforge_standard.datasets.folder:folder",
        "huggingface": "textforge_standard.datasets.huggingface:huggingface",
        "json": "textforge_standard.datasets.json_files:json_files",
        "jsonl": "textforge_standard.datasets.jsonl:jsonl",
        "lines": "textforge_standard.datasets.lines:lines",
        "newsgroups": "textforge_standard.datasets.newsgroups:newsgroups",
        "parquet": "textforge_standard.datasets.parquet:parquet",
        "sql": "textforge_standard.datasets.sql:sql",
        "tsv": "textforge_standard.datasets.tsv:tsv",
    }


@hookimpl
def textforge_vectorizers() -> dict[str, str]:
    return {
        "bow": "textforge_standard.vectorizers.bow:BagOfWords",
        "bytes": "textforge_standard.vectorizers.byte_sequences:Bytes",
        "categories": "textforge_standard.vectorizers.categories:Categories",
        "hashing": "textforge_standard.vectorizers.hashing:Hashing",
        "numbers": "textforge_standard.vectorizers.numbers:Numbers",
        "subword": "textforge_standard.vectorizers.subword:Subword",
        "tfidf": "textforge_standard.vectorizers.tfidf:Tfidf",
        "preprocess": "textforge_standard.vectorizers.preprocess:Preprocess",
        "union": "textforge_standard.vectorizers.union:Union",
        "tokens": "textforge_standard.vectorizers.tokens:Tokens",
    }


@hookimpl
def textforge_models() -> dict[str, str]:
    return {
        "calibrated": "textforge_standard.models.calibrated:calibrated",
        "complement-nb": "textforge_standard.models.complement_nb:complement_nb",
        "ensemble": "textforge_standard.models.ensemble:ensemble",
        "fasttext": "textforge_standard.models.fasttext:fasttext",
        "linear": "textforge_standard.models.linear:linear",
        "linear-svc": "textforge_standard.models.linear_svc:linear_svc",
        "logistic-regression": "textforge_standard.models.logistic_regression:logistic_regression",
        "mlp": "textforge_standard.models.mlp:mlp",
        "multinomial-nb": "textforge_standard.models.multinomial_nb:multinomial_nb",
        "nbsvm": "textforge_standard.models.nbsvm:nbsvm",
        "rnn": "textforge_standard.models.rnn:rnn",
        "textcnn": "textforge_standard.models.textcnn:textcnn",
        "transformer": "textforge_standard.models.transformer:transformer",
    }


@hookimpl
def textforge_optimizers() -> dict[str, str]:
    return {
        "adadelta": "textforge_standard.optimizers.adadelta:adadelta",
        "adafactor": "textforge_standard.optimizers.adafactor:adafactor",
        "adagrad": "textforge_standard.optimizers.adagrad:adagrad",
        "adam": "textforge_standard.optimizers.adam:adam",
        "adamax": "textforge_standard.optimizers.adamax:adamax",
        "adamw": "textforge_standard.optimizers.adamw:adamw",
        "asgd": "textforge_standard.optimizers.asgd:asgd",
        "lbfgs": "textforge_standard.optimizers.lbfgs:lbfgs",
        "lookahead": "textforge_standard.optimizers.lookahead:lookahead",
        "muon": "textforge_standard.optimizers.muon:muon",
        "nadam": "textforge_standard.optimizers.nadam:nadam",
        "radam": "textforge_standard.optimizers.radam:radam",
        "rmsprop": "textforge_standard.optimizers.rmsprop:rmsprop",
        "rowwise-adagrad": "textforge_standard.optimizers.rowwise_adagrad:rowwise_adagrad",
        "rprop": "textforge_standard.optimizers.rprop:rprop",
        "sgd": "textforge_standard.optimizers.sgd:sgd",
        "sparse-adam": "textforge_standard.optimizers.sparse_adam:sparse_adam",
    }


@hookimpl
def textforge_schedulers() -> dict[str, str]:
    return {
        "constant": "textforge_standard.schedulers.constant:constant",
        "cosine": "textforge_standard.schedulers.cosine:cosine",
        "exponential": "textforge_standard.schedulers.exponential:exponential",
        "linear": "textforge_standard.schedulers.linear:linear",
        "one-cycle": "textforge_standard.schedulers.one_cycle:one_cycle",
        "plateau": "textforge_standard.schedulers.plateau:plateau",
        "step": "textforge_standard.schedulers.step:step",
    }


@hookimpl
def textforge_losses() -> dict[str, str]:
    return {
        "binary-cross-entropy": "textforge_standard.losses.binary_cross_entropy:binary_cross_entropy",
        "cross-entropy": "textforge_standard.losses.cross_entropy:cross_entropy",
        "focal": "textforge_standard.losses.focal:focal",
        "hinge": "textforge_standard.losses.hinge:hinge",
    }


@hookimpl
def textforge_metrics() -> dict[str, str]:
    return {
        "average-precision": "textforge_standard.metrics.average_precision:average_precision",
        "balanced-accuracy": "textforge_standard.metrics.balanced_accuracy:balanced_accuracy",
        "brier": "textforge_standard.metrics.brier:brier",
        "cohen-kappa": "textforge_standard.metrics.cohen_kappa:cohen_kappa",
        "expected-calibration-error": "textforge_standard.metrics.calibration_error:expected_calibration_error",
        "hamming-loss": "textforge_standard.metrics.hamming_loss:hamming_loss",
        "jaccard": "textforge_standard.metrics.jaccard:jaccard",
        "log-loss": "textforge_standard.metrics.log_loss:log_loss",
        "mcc": "textforge_standard.metrics.mcc:mcc",
        "roc-auc": "textforge_standard.metrics.roc_auc:roc_auc",
        "top-k": "textforge_standard.metrics.top_k:top_k",
    }


@hookimpl
def textforge_preprocessors() -> dict[str, str]:
    return {
        "html": "textforge_standard.preprocessors.html:html",
        "lowercase": "textforge_standard.preprocessors.lowercase:lowercase",
        "placeholders": "textforge_standard.preprocessors.placeholders:placeholders",
        "unicode": "textforge_standard.preprocessors.unicode_form:unicode_form",
    }


@hookimpl
def textforge_commands() -> dict[str, str]:
    return {
        "init": "textforge_standard.commands.init:command",
        "plugin": "textforge_standard.commands.plugin:command",
    }
