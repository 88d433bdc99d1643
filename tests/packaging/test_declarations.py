"""What pyproject.toml promises: bounds, extras, entry points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from pathlib import Path

NAME = "signal-capture"
TOOLING = {"test", "dev"}
ANOTHER_PANDAS = {"hosts-pandas3"}


def has_lower_bound(requirement: Requirement) -> bool:
    return any(clause.operator in {">=", "~=", "=="} for clause in requirement.specifier)


def requirements(declared: dict[str, Any]) -> list[Requirement]:
    """Every requirement of the build, of the product and of its extras."""
    project = declared["project"]
    listed = [declared["build-system"]["requires"], project["dependencies"]]
    listed += project["optional-dependencies"].values()
    return [Requirement(text) for texts in listed for text in texts]


def closure(extra: str, extras: dict[str, list[str]]) -> set[str]:
    """The extras that an extra brings, itself included."""
    found = {extra}
    for requirement in map(Requirement, extras[extra]):
        if canonicalize_name(requirement.name) == NAME:
            found.update(*(closure(inner, extras) for inner in requirement.extras))
    return found


def test_every_dependency_has_a_lower_bound(declared: dict[str, Any]) -> None:
    foreign = [one for one in requirements(declared) if canonicalize_name(one.name) != NAME]
    assert len(foreign) > 10
    assert [str(one) for one in foreign if not has_lower_bound(one)] == []


@pytest.mark.parametrize("text", ["pandas", "pandas<3", "pandas!=2.1"])
def test_a_requirement_without_a_lower_bound_is_noticed(text: str) -> None:
    assert not has_lower_bound(Requirement(text))


def test_no_dependency_is_taken_from_an_address(declared: dict[str, Any]) -> None:
    assert [str(one) for one in requirements(declared) if one.url] == []


def test_the_extra_all_brings_every_plugin_and_backtester(declared: dict[str, Any]) -> None:
    extras = declared["project"]["optional-dependencies"]
    assert closure("all", extras) == set(extras) - TOOLING - ANOTHER_PANDAS


def test_with_pandas_3_backtesters_are_some_of_all(declared: dict[str, Any]) -> None:
    extras = declared["project"]["optional-dependencies"]
    some = closure("hosts-pandas3", extras) - ANOTHER_PANDAS
    assert some
    assert some < closure("hosts", extras)


def test_every_bundled_package_has_its_extra(
    declared: dict[str, Any], bundled: dict[str, Path]
) -> None:
    extras = declared["project"]["optional-dependencies"]
    assert bundled
    assert {name.removeprefix("capture_") for name in bundled} <= set(extras)


def test_every_bundled_package_is_registered_under_its_short_name(
    declared: dict[str, Any], bundled: dict[str, Path]
) -> None:
    group = declared["project"]["entry-points"]["capture"]
    registered = {value: key for key, value in group.items() if value.startswith("capture_")}
    assert registered == {name: name.removeprefix("capture_") for name in bundled}


def test_the_layers_know_every_bundled_package(
    declared: dict[str, Any], bundled: dict[str, Path]
) -> None:
    linter = declared["tool"]["importlinter"]
    assert set(linter["root_packages"]) == {"capture", *bundled}
    rules = {rule["name"]: rule for rule in linter["contracts"]}
    assert set(rules["capture knows no plugin and no adapter"]["forbidden_modules"]) == set(bundled)
    assert set(rules["plugins and adapters do not know one another"]["modules"]) == set(bundled)
    public = rules["plugins and adapters use the public face of capture"]
    assert set(public["source_modules"]) == set(bundled)


def test_the_folders_of_plugins_and_adapters_are_no_packages(root: Path) -> None:
    assert list(root.glob("plugins/*.py")) + list(root.glob("adapters/*.py")) == []
