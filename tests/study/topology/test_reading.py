"""A configuration knows where each of its values was written, and runs nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.errors import ConfigurationError, StoreError
from capture.study.reading import parse, read

TEXT = """\
# a comment
a: 1
list:
  - x
  -  {deep: [1, 2,
             3]}
"quoted key": yes
"""


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("a",), "f:2:4"),
        (("list",), "f:4:3"),
        (("list", 0), "f:4:5"),
        (("list", 1, "deep", 2), "f:6:14"),
        (("quoted key",), "f:7:15"),
        (("list", 1, "missing"), "f:5:6"),  # where it belongs
    ],
)
def test_each_value_knows_its_line_and_column(path, place):
    assert str(parse(TEXT, "f").place(path)) == place


def test_a_key_has_a_place_of_its_own():
    assert str(parse(TEXT, "f").place(("list", 1, "deep"), key=True)) == "f:5:7"


def test_a_part_keeps_its_places():
    part = parse(TEXT, "f").part("list", 1)
    assert part.values == {"deep": [1, 2, 3]}
    assert str(part.place(("deep", 2))) == "f:6:14"


def test_a_mapping_is_told_by_its_path():
    document = read({"a": {"b": 1}}, name="settings")
    assert str(document.error(("a", "b"), "is wrong")) == "settings: a.b: is wrong"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3", 'f:3:1: the key "a" is there already, in line 1'),
        ("a: [1, 2", "f:1:9: this is not YAML"),
        ("a: &x\n  b: *x", "f:1:4: it contains itself"),
        ("", "f:1:1: it is empty"),
        ("? [a, b]\n: 1", "f:1:3: a key must be one word"),
        ("a: !!python/object/apply:os.system ['touch owned']", "could not determine a constructor"),
    ],
)
def test_what_would_be_misunderstood_is_refused(text, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=said.replace("(", r"\(").replace("[", r"\[")):
        parse(text, "f")
    assert not list(tmp_path.iterdir())


def test_a_document_that_unfolds_without_end_is_refused():
    text = "a0: &a0 [x]\n" + "".join(
        f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 20)
    )
    with pytest.raises(ConfigurationError, match="more than 100,000 values"):
        parse(text, "f")


def test_a_file_that_is_not_there_is_told():
    with pytest.raises(StoreError, match=r"nowhere\.yaml"):
        read("nowhere.yaml")


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("abc:#-{} '\"\n", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xyz", min_size=1), inner),
    max_leaves=12,
)


@given(st.dictionaries(st.text("xyz", min_size=1), plain, min_size=1))
def test_what_was_written_is_read_and_each_value_has_a_place(values):
    import yaml

    document = parse(yaml.safe_dump(values), "f")
    assert document.values == values

    def check(value, path):
        assert document.place(path).line > 0
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            assert (*path, key) in document._places
            if isinstance(inner, (dict, list)):
                check(inner, (*path, key))

    check(values, ())
