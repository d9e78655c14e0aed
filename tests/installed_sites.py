"""Folders that, on `sys.path`, are installed distributions with plugins, as pip leaves them."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MODEL = '''\
from textforge import hookimpl


def model(n_features: int, n_classes: int, /, *, dim: int = {dim}):
    """A model of {name}.

    Options:
        dim: width.
    """
    from textforge import FeatureLinear
    from torch import nn

    return nn.Sequential(FeatureLinear(n_features, dim), nn.Linear(dim, n_classes))


@hookimpl
def textforge_models():
    return {{"{name}": {target}}}
'''


@dataclass
class Site:
    """A folder of installed distributions."""

    folder: Path

    def install(
        self, distribution: str, source: str = "", *, version: str = "1.0", points: str = "", record: bool = True
    ) -> Path:
        """Install a distribution of one module; return the module's path.

        Args:
            distribution: its name.
            source: the code of its module.
            version: its version.
            points: the content of entry_points.txt; by default the module is a plugin with hooks.
            record: whether RECORD lists the module; it does not if an installation is editable.
        """
        module = distribution.replace("-", "_")
        self.folder.mkdir(exist_ok=True)
        path = self.folder / f"{module}.py"
        path.write_text(source)
        past(path)
        for old in self.folder.glob(f"{module}-*.dist-info"):
            for file in old.iterdir():
                file.unlink()
            old.rmdir()
        info = self.folder / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(points or f"[textforge]\n{distribution} = {module}\n")
        listed = [f"{module}.py,sha256={hash(source):x},{len(source)}"] if record else []
        (info / "RECORD").write_text("\n".join([*listed, f"{info.name}/METADATA,,", f"{info.name}/RECORD,,"]) + "\n")
        return path

    def env(self, **more: str) -> Mapping[str, str]:
        """Variables with which another process finds these distributions."""
        return {"PYTHONPATH": os.pathsep.join(filter(None, [str(self.folder), os.environ.get("PYTHONPATH")])), **more}


def past(path: Path, seconds: float = 100.0) -> None:
    """Date a file back: the index trusts no file that changed a moment ago."""
    os.utime(path, (time.time() - seconds,) * 2)
