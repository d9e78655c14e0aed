"""What a machine and a process bring to a run: processor, threads, libraries of linear algebra, determinism."""

from __future__ import annotations

import os
import platform
import re
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from textforge.runs.processes.launch import launched

THREAD_COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""Environment variables that set numbers of threads."""
NUMERIC = (
    "ATEN_CPU_CAPABILITY", "CUBLAS_WORKSPACE_CONFIG", "KMP_DETERMINISTIC_REDUCTION", "MKL_CBWR", "MKL_DYNAMIC",
    "MKL_ENABLE_INSTRUCTIONS", "NPY_DISABLE_CPU_FEATURES", "NVIDIA_TF32_OVERRIDE", "OMP_DYNAMIC", "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_CORETYPE", "PYTHONHASHSEED",
)  # fmt: skip
"""Environment variables that choose among ways to compute, whose results may differ in the last bits."""
_VECTORS = re.compile(r"sse4_[12]|avx\w*|fma\w*|f16c|amx\w*|asimd\w*|neon|sve\w*|bf16|i8mm|fphp")
"""Flags of a processor that numeric libraries choose their code by."""


def describe_machine(device: str) -> dict[str, Any]:
    """Describe machine and process in JSON values.

    Args:
        device: the training device, 'cpu' or 'cuda'.
    """
    import torch

    return {
        "processes": 1 if (launch := launched()) is None else launch.size,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "libc": " ".join(platform.libc_ver()).strip(),
        "processor": torch.backends.cpu.get_cpu_capability(),
        "cpu": _cpu(),
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "interop_threads": torch.get_num_interop_threads(),
        "variables": {name: os.environ[name] for name in (*THREAD_COUNTS, *NUMERIC) if name in os.environ},
        "blas": _blas(),
        "determinism": {
            "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
            "float32_matmul_precision": torch.get_float32_matmul_precision(),
            "flush_denormal": _flushes_denormals(),
            "mkldnn": bool(torch.backends.mkldnn.enabled),
            "cudnn_deterministic": bool(torch.backends.cudnn.deterministic),
            "cudnn_benchmark": bool(torch.backends.cudnn.benchmark),
        },
        "device": torch.cuda.get_device_name() if device == "cuda" else device,
    }


@cache
def _cpu() -> dict[str, Any]:
    """Model and vector instructions of the processor; Linux names both, other systems the model at most."""
    found: dict[str, str] = {}
    with suppress(OSError), Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as file:
        for line in file:
            key, colon, value = line.partition(":")
            if not colon:
                break  # the first processor only
            found[key.strip()] = value.strip()
    flags = (found.get("flags") or found.get("Features") or "").split()
    model = found.get("model name") or platform.processor() or platform.machine()
    return {"model": model, "features": sorted(flag for flag in flags if _VECTORS.fullmatch(flag))}


@cache
def _blas() -> dict[str, str]:
    """Names and versions of the libraries by which numpy and torch multiply matrices."""
    import numpy as np
    import torch

    found = {}
    with suppress(AttributeError, KeyError, TypeError, ValueError):
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        found["numpy"] = f"{blas['name']} {blas['version']}"
    built = torch.__config__.show()
    library = re.search(r"BLAS_INFO=(\w+)", built)
    versions = re.findall(r"Math Kernel Library Version ([\w.-]+)", built)
    versions += [f"onednn {version}" for version in re.findall(r"MKL-DNN (v[\d.]+)", built)]
    found["torch"] = " ".join([library[1] if library else "unknown", *versions])
    return found


def _flushes_denormals() -> bool:
    """Whether this thread takes numbers too small for full precision as zero, as `torch.set_flush_denormal` sets."""
    import torch

    return float(torch.tensor(1e-310, dtype=torch.float64) * 1.0) == 0.0
