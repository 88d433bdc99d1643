"""The contract suite for regime classifiers: subclass it, name the classifier, and run pytest."""

from __future__ import annotations

import math
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final

from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

from capture.contracts.classifier import Classification
from capture.host import get_host

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hypothesis.strategies import SearchStrategy

    from capture.contracts.classifier import Classifier

    Features = dict[str, float]

__all__ = ["ClassifierContract"]

# Every subclass runs the same test functions, which hypothesis would otherwise take for a mistake.
_shared: Final = settings(suppress_health_check=[HealthCheck.differing_executors], deadline=None)


class ClassifierContract:
    """What every regime classifier must do.

    Example:
        ```python
        class TestTrend(ClassifierContract):
            classifier = "trend"
            features = ("close", "sma_50")
            states = ("up", "down", "unknown")
        ```

    Attributes:
        classifier: the name it is registered under, or the function itself.
        features: names of the features it reads.
        states: the states it may answer with; empty where any word will do.
        values: the values that a feature may have; by default all finite numbers.
    """

    classifier: ClassVar[str | Classifier]
    features: ClassVar[tuple[str, ...]]
    states: ClassVar[tuple[str, ...]] = ()
    values: ClassVar[SearchStrategy[float]] = st.floats(allow_nan=False, allow_infinity=False)

    def classify(self, features: Mapping[str, float]) -> Classification:
        """Ask the classifier."""
        return self.loaded()(features)

    def loaded(self) -> Classifier:
        """Return the classifier; if a name is given, the one that is registered under it."""
        named = type(self).classifier  # of the class: a function of an object would be a method
        return get_host().classifier(named) if isinstance(named, str) else named

    def draw(self, data: st.DataObject) -> Features:
        """Draw features to ask about."""
        return data.draw(self._all_features(), label="features")

    def _all_features(self) -> SearchStrategy[Features]:
        return st.fixed_dictionaries(dict.fromkeys(self.features, self.values))

    @_shared
    @given(st.data())
    def test_it_answers_with_a_state_and_how_sure_it_is(self, data: st.DataObject) -> None:
        """Any finite features get a state, and a confidence within 0 and 1 or None."""
        self.check(self.classify(self.draw(data)))

    @_shared
    @given(st.data())
    def test_equal_features_get_an_equal_answer(self, data: st.DataObject) -> None:
        """Asked twice, it answers twice the same."""
        features = self.draw(data)
        assert self.classify(dict(features)) == self.classify(dict(features))

    @_shared
    @given(st.data())
    def test_the_answer_does_not_depend_on_what_was_asked_before(self, data: st.DataObject) -> None:
        """Bars may be asked for in any order, and again."""
        asked = [self.draw(data) for _ in range(data.draw(st.integers(2, 6), label="how many"))]
        order = data.draw(st.permutations(range(len(asked))), label="order")
        first = {place: self.classify(asked[place]) for place in range(len(asked))}
        again = {place: self.classify(asked[place]) for place in order}
        assert first == again, f"asked in the order {order} it answers otherwise: it has a memory"

    @_shared
    @given(st.data())
    def test_features_are_known_by_their_names(self, data: st.DataObject) -> None:
        """Neither the order of features nor one more of them changes the answer."""
        features = self.draw(data)
        shuffled = {name: features[name] for name in reversed(list(features))}
        more = {"a_feature_of_somebody_else": 1.0, **shuffled}
        assert self.classify(features) == self.classify(shuffled) == self.classify(more)

    @_shared
    @given(st.data())
    def test_it_leaves_the_features_alone(self, data: st.DataObject) -> None:
        """What it is given is only read, and may be any mapping."""
        features = self.draw(data)
        before = dict(features)
        self.check(self.classify(MappingProxyType(features)))
        self.check(self.classify(features))
        assert features == before

    @_shared
    @given(st.data())
    def test_it_answers_while_indicators_warm_up(self, data: st.DataObject) -> None:
        """A feature that is not known yet is NaN; that is no reason to raise."""
        features = self.draw(data)
        for name in data.draw(st.sets(st.sampled_from(self.features), min_size=1), label="NaN"):
            features[name] = math.nan
        answer = self.classify(features)
        self.check(answer)
        assert answer == self.classify(dict(features))

    def test_another_process_finds_it_and_gets_the_same_answers(self) -> None:
        """Sweeps run in worker processes, which import it by its name."""
        simplest = find(self._all_features(), lambda _: True, settings=settings(database=None))
        asked = [simplest, dict.fromkeys(self.features, math.nan)]
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            answers = list(process.map(self.loaded(), asked))
        assert answers == [self.classify(features) for features in asked]

    def check(self, answer: Any) -> None:
        """Check one answer."""
        assert isinstance(answer, Classification), f"{answer!r} is no Classification"
        assert isinstance(answer.state, str), f"the state {answer.state!r} is no text"
        assert answer.state, "the state is empty"
        if self.states:
            assert answer.state in self.states, f"{answer.state!r} is not in {self.states}"
        sure = answer.confidence
        if sure is not None:
            assert isinstance(sure, (int, float)), f"confidence={sure!r} is no number"
            assert 0 <= sure <= 1, f"confidence={sure!r} is not within 0 and 1"
