"""A mistake in a configuration is told with its place in the file, and a suggestion."""

from __future__ import annotations

import pytest

import capture
from capture.errors import ConfigurationError, StoreError
from tests.study.topology.conftest import frames

HEAD = "topology: signal_generation\ndata:\n  - {symbol: A, file: A.csv}\n"


def generation(text):
    return capture.create_signal_generation_topology(text)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("strategies:\n  x: {use: sma_cros}", "5:6", 'Did you mean "sma_cross"'),
        ("strategies:\n  x: {use: sma_cross, simbols: [A]}", "5:23", 'Did you mean "symbols"'),
        ("strategies:\n  x: {use: sma_cross, symbols: [AA]}", "5:33", 'Did you mean "A"'),
        ("strategies:\n  x: {use: sma_cross, params: {fats: 3}}", "5:32", 'Did you mean "fast"'),
        ("strategies:\n  x: {use: sma_cross, params: {fast: 99}}", "5:32", "and slow=30"),
        ("strategies:\n  x: {use: sma_cross, grid: {fast: []}}", "5:30", "fast"),
        ("strategies:\n  x: {use: sma_cross, grid: {fats: [3]}}", "5:30", 'Did you mean "fast"'),
        ("strategies:\n  x: {use: sma_cross, params: {fast: 3}, grid: {fast: [3]}}", "5:32",
         "leave out one"),
        ("strategies:\n  x: {use: 'no_module:X'}", "5:7", "cannot be imported"),
        ("strategies:\n  x: {use: 'capture.demo:recrd'}", "5:7", 'Did you mean "record"'),
        ("strategies: {}", "4:13", "strategies"),
        ("strategie:\n  x: {use: sma_cross}", "4:1", 'Did you mean "strategies"'),
        ("strategies:\n  x: {use: sma_cross}\nfeatures:\n  f: {use: atr, windo: 3}", "7:17",
         'Did you mean "window"'),
        ("strategies:\n  x: {use: sma_cross}\nfeatures:\n  f: {use: art}", "7:6",
         'Did you mean "atr"'),
        ("strategies:\n  x: {use: sma_cross}\nfeatures:\n  f: {use: spread, of: [A, C]}", "7:28",
         'no symbol "C"'),
        ("strategies:\n  x: {use: sma_cross}\nclassifiers:\n  trnd: {}", "7:9",
         'Did you mean "trend"'),
        ("strategies:\n  x: {use: sma_cross}\nalignment: {mode: al}", "6:19", 'Did you mean "all"'),
        ("strategies:\n  x: {use: sma_cross}\nrecord: {store: s, buffr_size: 9}", "6:20",
         'Did you mean "buffer_size"'),
        ("strategies:\n  x: {use: sma_cross}\nseed: many", "6:7", "integer"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_generation_is_told_with_its_place(written, text, place, said):
    with pytest.raises(ConfigurationError) as caught:
        generation(written("bad.yaml", f"{HEAD}{text}\n"))
    assert f"bad.yaml:{place}: " in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("{symbol: A, file: AA.csv}", "3:5", "there is no such file"),
        ("{symbol: A}", "3:5", "needs one of file, store and frame"),
        ("{symbol: A, file: A.csv, store: s}", "3:5", "has file and store"),
        ("{symbol: A, file: A.csv, nan: fill}", "3:35", "'refuse', 'drop' or 'keep'"),
        ("{symbol: A, file: A.csv, time: wen}", "3:30", "no such column"),
        ("{symbol: A, store: nowhere}", "3:5", "nowhere"),
    ],
)
def test_data_that_are_missing_are_told_with_their_place(written, text, place, said):
    body = (
        f"topology: signal_generation\ndata:\n  - {text}\nstrategies: {{x: {{use: sma_cross}}}}\n"
    )
    with pytest.raises(ConfigurationError) as caught:
        generation(written("bad.yaml", body))
    assert f"bad.yaml:{place}: " in str(caught.value)
    assert said in str(caught.value)


def test_a_value_that_a_feature_refuses_is_told_with_its_place(written):
    text = HEAD + "strategies:\n  x: {use: sma_cross}\nfeatures:\n  f: {use: atr, window: 0}\n"
    topology = generation(written("bad.yaml", text))
    with pytest.raises(ConfigurationError, match=r"bad\.yaml:7:25: window=0"):
        topology.run()


def test_all_mistakes_of_the_form_are_told_at_once(written):
    text = HEAD + "strategies: {x: {us: sma_cross}}\nseed: x\nalinment: 1\n"
    with pytest.raises(ConfigurationError) as caught:
        generation(written("bad.yaml", text))
    assert [place.partition(":")[2] for place, _ in caught.value.mistakes] == [
        "4:17", "4:18", "5:7", "6:1",
    ]  # fmt: skip


def test_a_mapping_is_told_by_its_keys():
    said = {
        "data": [{"symbol": "A", "frame": frames()["A"]}],
        "strategies": {"x": {"use": "sma_cross", "params": {"fast": -1}}},
    }
    with pytest.raises(ConfigurationError, match=r"strategies\.x\.params\.fast: fast=-1"):
        generation(said)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("p: {cash: -1}", "4:7", "more than 0"),
        ("p: {cahs: 1}", "4:7", 'Did you mean "cash"'),
        ("p: {sizer: unit}", "4:7", 'Did you mean "units"'),
        ("p: {sizer: {use: kelly}}", "4:14", 'no sizer is called "kelly"'),
        ("p: {validators: [moon]}", "4:20", 'no validator is called "moon"'),
        ("p: {validators: moon}", "4:19", "in a list"),
        ("p: {strategies: [rsj]}", "4:20", 'Did you mean "rsi"'),
    ],
)
def test_a_mistake_in_a_portfolio_is_told_with_its_place(folder, written, text, place, said):
    generation("generation.yaml").run()
    head = "topology: signal_replay\nrecording: {store: signals}\nportfolios:\n  "
    with pytest.raises(ConfigurationError) as caught:
        capture.create_signal_replay_topology(written("bad.yaml", f"{head}{text}\n"))
    assert f"bad.yaml:{place}: " in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("{store: nowhere}", "2:20", "nowhere"),
        ("{store: signals, run: x}", "2:12", "x"),
        ("{store: signals, strategies: [rsj]}", "2:42", 'Did you mean "rsi"'),
        ("{store: signals, mode: intents}", "2:35", 'Did you mean "intent"'),
        ("{store: signals, where: 'closee > 1'}", "2:12", "closee"),
    ],
)
def test_a_recording_that_is_missing_is_told_with_its_place(folder, written, text, place, said):
    generation("generation.yaml").run()
    body = f"topology: signal_replay\nrecording: {text}\nportfolios: {{p: {{cash: 1000}}}}\n"
    with pytest.raises(ConfigurationError) as caught:
        capture.create_signal_replay_topology(written("bad.yaml", body))
    assert f"bad.yaml:{place}: " in str(caught.value)
    assert said in str(caught.value)


def test_the_other_topology_is_told(folder):
    with pytest.raises(ConfigurationError, match=r"generation\.yaml:1:11: .*signal_replay"):
        capture.create_signal_replay_topology("generation.yaml")
    with pytest.raises(StoreError, match=r"gone\.yaml"):
        generation("gone.yaml")
