"""The parts that ship with textforge, offered through the same hooks as anyone's.

Each is named by a string, so that nothing is imported before a recipe uses it.
"""

from textforge import hookimpl


@hookimpl
def textforge_datasets():
    return {
        "csv": "textforge_standard.csv_files:csv_files",
        "docstrings": "textforge_standard.docstrings:docstrings",
        "fasttext": "textforge_standard.fasttext:fasttext",
        "folder": "textforge_standard.folder:folder",
        "huggingface": "textforge_standard.huggingface:huggingface",
        "jsonl": "textforge_standard.jsonl:jsonl",
        "newsgroups": "textforge_standard.newsgroups:newsgroups",
        "parquet": "textforge_standard.parquet:parquet",
        "tsv": "textforge_standard.tsv:tsv",
    }


@hookimpl
def textforge_vectorizers():
    return {
        "bow": "textforge_standard.bow:BagOfWords",
        "bytes": "textforge_standard.byte_sequences:Bytes",
        "hashing": "textforge_standard.hashing:Hashing",
        "subword": "textforge_standard.subword:Subword",
        "tfidf": "textforge_standard.tfidf:Tfidf",
        "tokens": "textforge_standard.tokens:Tokens",
    }


@hookimpl
def textforge_models():
    return {
        "calibrated": "textforge_standard.calibrated:calibrated",
        "complement-nb": "textforge_standard.complement_nb:complement_nb",
        "fasttext": "textforge_standard.fasttext_model:fasttext",
        "linear": "textforge_standard.linear:linear",
        "linear-svc": "textforge_standard.linear_svc:linear_svc",
        "logistic-regression": "textforge_standard.logistic_regression:logistic_regression",
        "mlp": "textforge_standard.mlp:mlp",
        "multinomial-nb": "textforge_standard.multinomial_nb:multinomial_nb",
        "nbsvm": "textforge_standard.nbsvm:nbsvm",
        "rnn": "textforge_standard.rnn:rnn",
        "textcnn": "textforge_standard.textcnn:textcnn",
        "transformer": "textforge_standard.transformer:transformer",
    }


@hookimpl
def textforge_optimizers():
    return {
        "adadelta": "textforge_standard.adadelta:adadelta",
        "adafactor": "textforge_standard.adafactor:adafactor",
        "adagrad": "textforge_standard.adagrad:adagrad",
        "adam": "textforge_standard.adam:adam",
        "adamax": "textforge_standard.adamax:adamax",
        "adamw": "textforge_standard.adamw:adamw",
        "asgd": "textforge_standard.asgd:asgd",
        "muon": "textforge_standard.muon:muon",
        "nadam": "textforge_standard.nadam:nadam",
        "radam": "textforge_standard.radam:radam",
        "rmsprop": "textforge_standard.rmsprop:rmsprop",
        "rprop": "textforge_standard.rprop:rprop",
        "sgd": "textforge_standard.sgd:sgd",
        "sparse-adam": "textforge_standard.sparse_adam:sparse_adam",
    }


@hookimpl
def textforge_schedulers():
    return {
        "constant": "textforge_standard.schedule_constant:constant",
        "cosine": "textforge_standard.schedule_cosine:cosine",
        "exponential": "textforge_standard.schedule_exponential:exponential",
        "linear": "textforge_standard.schedule_linear:linear",
        "one-cycle": "textforge_standard.schedule_one_cycle:one_cycle",
        "plateau": "textforge_standard.schedule_plateau:plateau",
        "step": "textforge_standard.schedule_step:step",
    }


@hookimpl
def textforge_losses():
    return {
        "binary-cross-entropy": "textforge_standard.loss_binary_cross_entropy:binary_cross_entropy",
        "cross-entropy": "textforge_standard.loss_cross_entropy:cross_entropy",
        "focal": "textforge_standard.loss_focal:focal",
    }


@hookimpl
def textforge_metrics():
    return {
        "average-precision": "textforge_standard.metric_average_precision:average_precision",
        "balanced-accuracy": "textforge_standard.metric_balanced_accuracy:balanced_accuracy",
        "brier": "textforge_standard.metric_brier:brier",
        "cohen-kappa": "textforge_standard.metric_cohen_kappa:cohen_kappa",
        "expected-calibration-error": "textforge_standard.metric_expected_calibration_error:expected_calibration_error",
        "hamming-loss": "textforge_standard.metric_hamming_loss:hamming_loss",
        "jaccard": "textforge_standard.metric_jaccard:jaccard",
        "log-loss": "textforge_standard.metric_log_loss:log_loss",
        "mcc": "textforge_standard.metric_mcc:mcc",
        "roc-auc": "textforge_standard.metric_roc_auc:roc_auc",
        "top-k": "textforge_standard.metric_top_k:top_k",
    }


@hookimpl
def textforge_commands():
    return {
        "init": "textforge_standard.init:command",
    }
