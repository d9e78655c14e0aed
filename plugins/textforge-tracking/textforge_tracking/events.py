"""Write a TensorBoard event file."""

import os
import secrets
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from io import BytesIO
from numbers import Real
from pathlib import Path
from typing import Any


class EventFile:
    """Buffer scalars, texts and hyperparameters until `flush` writes them to disk.

    Torch's SummaryWriter writes in a background thread, which prints a traceback if the disk is full. A few events an
    epoch need no thread: this class appends the same records itself, so that it can raise an error, and closes the file
    after each flush. If a flush fails, the next one writes its events as well.
    """

    def __init__(self, folder: Path) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        unique = f"{socket.gethostname()}.{os.getpid()}.{secrets.token_hex(3)}"
        self._path = folder / f"events.out.tfevents.{int(time.time()):010d}.{unique}"
        self._pending = [Event(wall_time=time.time(), file_version="brain.Event:2")]

    def add_scalars(self, values: Mapping[str, float], step: int) -> None:
        self._add([{"tag": name, "simple_value": value} for name, value in values.items()], step)

    def add_text(self, name: str, text: str) -> None:
        """Add a text, indented so that TensorBoard, which renders Markdown, shows it verbatim."""
        from tensorboard.compat.proto.tensor_pb2 import TensorProto
        from tensorboard.compat.proto.types_pb2 import DT_STRING
        from tensorboard.plugins.text.metadata import create_summary_metadata

        indented = "\n".join(f"    {line}" for line in text.splitlines())
        tensor = TensorProto(dtype=DT_STRING, string_val=[indented.encode("utf-8", "replace")])
        metadata = create_summary_metadata(display_name=name, description="")
        self._add([{"tag": name, "metadata": metadata, "tensor": tensor}])

    def add_hyperparameters(self, values: Mapping[str, bool | Real | str]) -> None:
        """Start a session of the HParams dashboard with these hyperparameters."""
        from tensorboard.plugins.hparams.metadata import SESSION_START_INFO_TAG
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionStartInfo

        session = SessionStartInfo(start_time_secs=time.time())
        for name, value in values.items():
            kind = "bool" if isinstance(value, bool) else "string" if isinstance(value, str) else "number"
            setattr(session.hparams[name], f"{kind}_value", value)
        self._add_session(SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=session))

    def add_end(self, *, success: bool) -> None:
        """End the session of the HParams dashboard."""
        from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS
        from tensorboard.plugins.hparams.metadata import SESSION_END_INFO_TAG
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo

        session = SessionEndInfo(status=STATUS_SUCCESS if success else STATUS_FAILURE, end_time_secs=time.time())
        self._add_session(SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=session))

    def _add_session(self, tag: str, data: Any) -> None:
        from tensorboard.plugins.hparams.metadata import NULL_TENSOR, create_summary_metadata

        self._add([{"tag": tag, "metadata": create_summary_metadata(data), "tensor": NULL_TENSOR}])

    def _add(self, values: list[dict[str, Any]], step: int = 0) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        summary = Summary(value=[Summary.Value(**value) for value in values])
        self._pending.append(Event(wall_time=time.time(), step=step, summary=summary))

    def flush(self) -> None:
        """Append all buffered events to the file; if that fails, leave the file unchanged.

        Raises:
            StorageError: the file cannot be written.
        """
        from tensorboard.summary.writer.record_writer import RecordWriter
        from textforge import StorageError

        records = BytesIO()
        for event in self._pending:
            RecordWriter(records).write(event.SerializeToString())
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab", buffering=0) as file:
                before = file.tell()
                try:
                    if file.write(records.getbuffer()) != records.tell():
                        raise OSError(None, "the disk is full")
                except OSError:
                    with suppress(OSError):
                        file.truncate(before)
                    raise
        except OSError as error:
            raise StorageError(
                f"{self._path.parent}: TensorBoard's events cannot be written: {error.strerror or error}."
            ) from error
        self._pending.clear()
