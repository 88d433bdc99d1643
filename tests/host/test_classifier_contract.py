"""The classifier suite lets sound classifiers pass, and finds each way of being broken."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest

from capture import hookimpl
from capture.contracts.info import ClassifierInfo
from capture.errors import UnknownName
from capture.host import Host, use_host
from capture.testing.classifier import ClassifierContract

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.host.conftest import Site

CLASSIFIERS = """
    import itertools
    import math
    from capture.contracts.classifier import Classification

    def trend(features):
        close, mean = features["close"], features["mean"]
        if math.isnan(close) or math.isnan(mean):
            return Classification("unknown")
        distance = min(abs(close - mean) / max(abs(mean), 1e-9), 1.0)
        return Classification("up" if close > mean else "down", distance)

    class Threshold:
        def __init__(self, limit):
            self.limit = limit

        def __call__(self, features):
            return Classification("up" if features["close"] > self.limit else "down")

    threshold = Threshold(10.0)

    def plain_tuple(features):
        return ("up", 1.0)

    def wordless(features):
        return Classification("")

    def made_up_state(features):
        return Classification("sideways")

    def too_sure(features):
        return Classification("up", abs(features["close"]))

    def unsure_in_numbers(features):
        return Classification("up", features["mean"] * 0 + math.nan)

    count = itertools.count()
    def counting(features):
        return Classification("up", 1 / (2 + next(count)))

    last = ["down"]
    def sticky(features):
        before = last[0]
        last[0] = "up" if features["close"] > 0 else "down"
        return Classification(before)

    def by_place(features):
        first, *_ = features.values()
        return Classification("up" if first > 0 else "down")

    def greedy(features):
        features["close"] = 0.0
        return Classification("up")

    def greedy_with_dicts(features):
        if isinstance(features, dict):
            features["close"] = 0.0
        return Classification("up")

    def cold(features):
        return Classification("up" if round(features["close"]) > 0 else "down")

    def only_here(features):
        return Classification("up")
    here = lambda features: only_here(features)
"""
ANSWERS = "test_it_answers_with_a_state_and_how_sure_it_is"
REPEATS = "test_equal_features_get_an_equal_answer"
FORGETS = "test_the_answer_does_not_depend_on_what_was_asked_before"
BY_NAME = "test_features_are_known_by_their_names"
LEAVES = "test_it_leaves_the_features_alone"
WARMS_UP = "test_it_answers_while_indicators_warm_up"
ELSEWHERE = "test_another_process_finds_it_and_gets_the_same_answers"


def failures(classifier: Any) -> set[str]:
    """Run the suite as pytest would, on a new object for each test; return what fails."""

    class Suite(ClassifierContract):
        features = ("close", "mean")
        states = ("up", "down", "unknown")

    Suite.classifier = classifier
    failed = set()
    for name in (name for name in dir(Suite) if name.startswith("test_")):
        try:
            getattr(Suite(), name)()
        except Exception:
            failed.add(name)
    return failed


@pytest.fixture
def classifiers(site: Site) -> Any:
    (site.folder / "some_classifiers.py").write_text("")
    site.install("capture-some", {}, some_classifiers=CLASSIFIERS)
    return importlib.import_module("some_classifiers")


@pytest.mark.parametrize("name", ["trend", "threshold"])
def test_a_sound_classifier_passes(classifiers: Any, name: str) -> None:
    assert failures(getattr(classifiers, name)) == set()


def test_a_classifier_is_found_by_the_name_it_is_registered_under(classifiers: Any) -> None:
    class Plugin:
        @hookimpl
        def register_classifiers(self) -> Iterable[ClassifierInfo]:
            yield ClassifierInfo("trend", lambda: classifiers.trend)

    with use_host(Host([])) as host:
        host.register(Plugin())
        assert failures("trend") == set()

        class Unknown(ClassifierContract):
            classifier = "trnd"

        with pytest.raises(UnknownName, match='Did you mean "trend"'):
            Unknown().loaded()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plain_tuple", {ANSWERS, LEAVES, WARMS_UP}),
        ("wordless", {ANSWERS, LEAVES, WARMS_UP}),
        ("made_up_state", {ANSWERS, LEAVES, WARMS_UP}),
        ("too_sure", {ANSWERS, LEAVES}),
        ("unsure_in_numbers", {ANSWERS}),
        ("counting", {REPEATS, FORGETS}),
        ("sticky", {FORGETS}),
        ("by_place", {BY_NAME}),
        ("greedy", {LEAVES}),
        ("greedy_with_dicts", {LEAVES}),
        ("cold", {WARMS_UP}),
        ("here", {ELSEWHERE}),
    ],
)
def test_a_broken_classifier_fails_where_it_is_broken(
    classifiers: Any, name: str, expected: set[str]
) -> None:
    assert expected <= failures(getattr(classifiers, name))
