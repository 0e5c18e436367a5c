"""The engine ``dask``: workers anywhere that see the same folders, through dask.distributed.

A scheduler's address makes it use that cluster (SLURM, PBS, LSF through dask-jobqueue, Kubernetes, ...); without
one, worker processes are started on this machine. A task is one file or one series; what a dead worker had in
hand is done again by another, and only that. The results equal those of the engine ``local`` to the bit where
the processor and the number of threads are the same: workers are told the number of threads to use.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from semcolorize.batch.local import color_loaded, lost, read_group, stage_colored
from semcolorize.batch.messages import Outcome, Request, Settings
from semcolorize.batch.work import Workbench
from semcolorize.errors import ConfigError

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["run_dask"]

_AHEAD = 2
"""Tasks waiting at each worker, so that none is idle."""
_WORKBENCHES: dict[str, Workbench] = {}
"""Of this worker process, by settings: the model is loaded once."""


def run_dask(
    settings: Settings, groups: Iterator[Sequence[Request]], *, workers: int = 1, scheduler: str | None = None
) -> Iterator[Outcome]:
    """Color groups of files on a cluster and yield what became of each file, as they finish.

    Parameters
    ----------
    settings : Settings
    groups : iterator of sequences of Request
        Drawn from as there is room.
    workers : int
        Processes to start where there is no `scheduler`.
    scheduler : str, optional
        Address of a running one, such as ``tcp://host:8786``.

    Raises
    ------
    ConfigError
        If dask is not installed, or the scheduler cannot be reached or has another semcolorize.
    """
    try:
        from distributed import as_completed
        from distributed.scheduler import KilledWorker
    except ImportError:
        raise ConfigError(
            "The engine dask needs dask and distributed; install them with  pip install 'semcolorize[dask]'.",
            key="engine.kind",
        ) from None
    with _client(workers, scheduler) as client:
        _check_workers(client)
        key = secrets.token_hex(8)
        requests: dict[Any, Sequence[Request]] = {}

        def submit(group: Sequence[Request]) -> Any:
            future = client.submit(_color, key, settings, list(group), pure=False)
            requests[future] = group
            return future

        finished = as_completed()
        try:
            for group in groups:
                finished.add(submit(group))
                while finished.count() >= _room(client):
                    yield from _outcomes(next(finished), requests, KilledWorker)
            for future in finished:
                yield from _outcomes(future, requests, KilledWorker)
        finally:
            client.cancel(list(requests))


def _color(key: str, settings: Settings, group: list[Request]) -> list[Outcome]:
    """Color a group on a worker; all three stages, each file into a staging folder of this try alone."""
    if key not in _WORKBENCHES:
        _WORKBENCHES.clear()
        _WORKBENCHES[key] = Workbench(settings)
    workbench = _WORKBENCHES[key]
    mine = [replace(request, staged=f"{request.staged}-{secrets.token_hex(4)}") for request in group]
    return stage_colored(workbench, color_loaded(workbench, read_group(workbench, mine), _device(settings.device)))


def _device(asked: str) -> str:
    """A GPU of its own for each worker of a machine with several; SLURM shows a worker only its own anyway."""
    import torch
    from distributed import get_worker

    count = torch.cuda.device_count() if asked in ("auto", "cuda") else 0
    name = str(get_worker().name)
    return f"cuda:{int(name) % count}" if count > 1 and name.isdigit() else asked


def _outcomes(future: Any, requests: dict[Any, Sequence[Request]], killed: type[Exception]) -> Iterator[Outcome]:
    group = requests.pop(future)
    try:
        yield from future.result()
    except killed:
        yield from (
            lost(request, "The workers that tried this file died; perhaps it needs more memory than they have.")
            for request in group
        )
    except Exception as error:
        yield from (lost(request, f"The cluster could not do this file: {error}") for request in group)
    finally:
        future.release()


def _room(client: Client) -> int:
    threads = sum(client.nthreads().values())
    return max(1, threads) + _AHEAD * max(1, len(client.nthreads()))


@contextlib.contextmanager
def _client(workers: int, scheduler: str | None) -> Iterator[Client]:
    import dask
    from distributed import Client, LocalCluster

    if scheduler is None:
        # Sockets of this machine only; no dashboard, which would open a port.
        with (
            dask.config.set({"distributed.worker.daemon": True}),
            LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0,
                host="127.0.0.1", silence_logs=50,
            ) as cluster,
            Client(cluster) as client,
        ):  # fmt: skip
            client.wait_for_workers(workers)
            yield client
        return
    try:
        client = Client(scheduler, timeout=float(os.environ.get("SEMCOLORIZE_DASK_TIMEOUT", "30")))
    except (OSError, TimeoutError, ValueError) as error:
        raise ConfigError(
            f"The dask scheduler {scheduler!r} cannot be reached ({error}); give the address that it prints when it"
            " starts, such as tcp://host:8786.",
            key="engine.scheduler",
        ) from None
    with client:
        yield client


def _check_workers(client: Client) -> None:
    from semcolorize._version import __version__

    found = client.run(_version)
    wrong = {address: version for address, version in found.items() if version != __version__}
    if wrong:
        address, version = next(iter(wrong.items()))
        raise ConfigError(
            f"The worker {address} has semcolorize {version}, this is {__version__}; install the same everywhere.",
            key="engine.scheduler",
        )


def _version() -> str:
    from semcolorize._version import __version__

    return __version__
