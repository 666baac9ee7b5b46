"""The process that reads files of users for requests: examinations, corrections, comparisons."""

from __future__ import annotations

import threading
from typing import Any

from omentum.serve.faults import ServiceError
from omentum.serve.state.folders import StateFolder
from omentum.serve.work.child import ChildProcess, TaskCancelledError, TaskFault

MOST_WAITING = 8
"""Requests that may wait for the process; more are refused, so that threads are left for others."""
LIMIT_S = 120.0
"""Longest time for one of them."""


class ReaderProcess:
    """Runs the functions of `omentum.serve.work.tasks`.

    Args:
        folder: State folder.
    """

    def __init__(self, folder: StateFolder) -> None:
        self._child = ChildProcess(folder.root, ("omentum.serve.work.tasks",))
        self._places = threading.BoundedSemaphore(MOST_WAITING)

    def run(self, task: str, *arguments: Any) -> Any:
        """Run a function of `omentum.serve.work.tasks` by its name.

        Raises:
            ServiceError: the files cannot be used, or too many requests wait.
        """
        if not self._places.acquire(blocking=False):
            reason = "too many requests of this kind are waiting"
            raise ServiceError(503, "busy", reason, remedy="try again in a moment", headers={"Retry-After": "5"})
        try:
            return self._child.run(f"omentum.serve.work.tasks:{task}", *arguments, limit_s=LIMIT_S)
        except TaskFault as fault:
            status = 500 if fault.document.error in ("internal", "worker_died") else 422
            raise ServiceError.of(status, fault.document) from fault
        except TaskCancelledError as fault:
            raise ServiceError(503, "stopping", "the service ends") from fault
        finally:
            self._places.release()

    def close(self) -> None:
        """End the process."""
        self._child.close()
