"""Every hook there is. A plugin implements any of them with `@capture.hookimpl`.

Observation hooks are called while a run goes on, after the recorder has accepted the event; an
implementation may leave out arguments that it does not need. Registration hooks are called when
something of their kind is looked up; they yield light records and import nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture.contracts.info import (
        AdapterInfo,
        AnalysisInfo,
        BackendInfo,
        ClassifierInfo,
        CommandInfo,
        ComponentInfo,
        ExecutorInfo,
        ObjectiveInfo,
        RemoteSinkInfo,
        RepositoryInfo,
    )
    from capture.events import (
        Bar,
        CapturedSignal,
        Fill,
        FlushReport,
        Order,
        RegimeChange,
        RunInfo,
        RunSummary,
        StatusChange,
    )

PROJECT: Final = "capture"
hookspec: Final = pluggy.HookspecMarker(PROJECT)
hookimpl: Final = pluggy.HookimplMarker(PROJECT)

__all__ = ["OBSERVATION_HOOKS", "PROJECT", "hookimpl", "hookspec"]

OBSERVATION_HOOKS: Final = (
    "on_run_start",
    "on_bar",
    "on_signal",
    "on_order",
    "on_fill",
    "on_regime_change",
    "on_status",
    "on_flush",
    "on_run_stop",
)


# --- observation -------------------------------------------------------------------------------


@hookspec
def on_run_start(run: RunInfo) -> None:
    """A part of a run begins.

    Args:
        run: what is known of the run at its start.
    """


@hookspec
def on_bar(bar: Bar, run: RunInfo) -> None:
    """The host moved on to a new bar.

    Args:
        bar: the bar, as the host shows it to the strategy.
        run: the run it belongs to.
    """


@hookspec
def on_signal(signal: CapturedSignal, run: RunInfo) -> None:
    """A signal was accepted.

    Args:
        signal: the signal; a field that is gathered late is read when it is asked for.
        run: the run it belongs to.
    """


@hookspec
def on_order(order: Order, run: RunInfo) -> None:
    """An order was placed, cancelled or edited; it comes after the signal that it belongs to.

    Args:
        order: the intent, in the host's own terms and in normalised ones.
        run: the run it belongs to.
    """


@hookspec
def on_fill(fill: Fill, run: RunInfo) -> None:
    """An order was filled, wholly or in part.

    Args:
        fill: the fill.
        run: the run it belongs to.
    """


@hookspec
def on_regime_change(change: RegimeChange, run: RunInfo) -> None:
    """A classifier changed its mind.

    Args:
        change: the state before and from now on.
        run: the run it belongs to.
    """


@hookspec
def on_status(change: StatusChange, run: RunInfo) -> None:
    """The status of a signal changed.

    Args:
        change: the new status, with reason and actor.
        run: the run it belongs to.
    """


@hookspec
def on_flush(report: FlushReport, run: RunInfo) -> None:
    """A block of events reached the storage backend.

    Args:
        report: rows per table, bytes and seconds of this flush.
        run: the run it belongs to.
    """


@hookspec
def on_run_stop(run: RunInfo, summary: RunSummary) -> None:
    """A part of a run ended and was sealed.

    Args:
        run: the run.
        summary: how it ended, with its counts.
    """


# --- registration ------------------------------------------------------------------------------


@hookspec
def register_backends() -> Iterable[BackendInfo]:  # type: ignore[empty-body]
    """Offer storage backends."""


@hookspec
def register_adapters() -> Iterable[AdapterInfo]:  # type: ignore[empty-body]
    """Offer adapters to backtesters."""


@hookspec
def register_classifiers() -> Iterable[ClassifierInfo]:  # type: ignore[empty-body]
    """Offer regime classifiers."""


@hookspec
def register_analyses() -> Iterable[AnalysisInfo]:  # type: ignore[empty-body]
    """Offer analyses of recordings."""


@hookspec
def register_executors() -> Iterable[ExecutorInfo]:  # type: ignore[empty-body]
    """Offer executors of many tasks."""


@hookspec
def register_objectives() -> Iterable[ObjectiveInfo]:  # type: ignore[empty-body]
    """Offer objectives: how well a portfolio did."""


@hookspec
def register_remote_sinks() -> Iterable[RemoteSinkInfo]:  # type: ignore[empty-body]
    """Offer remote systems that recordings are delivered to."""


@hookspec
def register_repositories() -> Iterable[RepositoryInfo]:  # type: ignore[empty-body]
    """Offer repositories that keep what became of signals."""


@hookspec
def register_commands() -> Iterable[CommandInfo]:  # type: ignore[empty-body]
    """Offer verbs of the command line."""


@hookspec
def register_components() -> Iterable[ComponentInfo]:  # type: ignore[empty-body]
    """Offer components of topologies: features, strategies, validators, sizers, cost models."""
