"""Configuration from YAML or a mapping, in which every value knows where it was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from capture.errors import ConfigurationError, MissingExtra, StoreError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

__all__ = ["Document", "Place", "read"]

Path_ = tuple[str | int, ...]
M = TypeVar("M", bound="BaseModel")

_MOST_NODES: Final = 100_000
"""Values of a document, aliases counted as often as they are used; nobody writes so many."""

_MERGE: Final = "tag:yaml.org,2002:merge"


class Place(NamedTuple):
    """Where a value was written; line and column count from 1, and are 0 of a mapping."""

    source: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source


class Document:
    """A configuration, and the place of each of its values.

    A path is the keys and numbers that lead to a value: ``("features", "fast", "window")``.

    Example:
        ```python
        document = read("workflow.yaml")
        raise document.error(("features", "fast"), 'no feature is called "smaa"')
        ```

    Attributes:
        values: what it says, in plain values.
        source: the file, or what a mapping was called.
    """

    def __init__(
        self, values: Any, source: str, places: Mapping[Path_, tuple[Place, Place]] | None = None
    ) -> None:
        """Keep values, and of each path the place of its key and of its value."""
        self.values = values
        self.source = source
        self._places = dict(places or {})

    def place(self, path: Sequence[str | int] = (), *, key: bool = False) -> Place:
        """Return where a value was written, or its key; of what is missing, where it belongs."""
        wanted = tuple(path)
        if not self._places:
            said = ".".join(map(str, wanted))
            return Place(f"{self.source}: {said}" if said else self.source)
        while wanted not in self._places and wanted:
            wanted = wanted[:-1]
        return self._places[wanted][0 if key else 1] if self._places else Place(self.source)

    def error(
        self, path: Sequence[str | int], problem: str, *, key: bool = False
    ) -> ConfigurationError:
        """Return the error that says what is wrong at a path."""
        return ConfigurationError([(str(self.place(path, key=key)), problem)])

    def part(self, *path: str | int) -> Document:
        """Return what stands at a path as a document of its own, with the places it has."""
        values, steps = self.values, len(path)
        for step in path:
            values = values[step]
        source = self.source if self._places else str(self.place(path))
        return Document(
            values,
            source,
            {at[steps:]: place for at, place in self._places.items() if at[:steps] == path},
        )

    def changed(self, changes: Mapping[str, Any]) -> Document:
        """Return the document with other values for some keys; their places stay."""
        return Document({**self.values, **changes}, self.source, self._places)

    def validated(self, model: type[M]) -> M:
        """Return the values as a model.

        Raises:
            ConfigurationError: with the place of everything that cannot be.
        """
        pydantic = _library("pydantic", "validating a configuration")
        if not isinstance(self.values, Mapping):
            problem = f"a mapping of keys to values is needed, not {_kind(self.values)}"
            raise self.error((), problem)
        try:
            return model.model_validate(self.values)
        except pydantic.ValidationError as exc:
            raise ConfigurationError(self._mistakes(exc, model)) from exc

    def _mistakes(self, exc: Any, model: Any) -> Iterator[tuple[str, str]]:
        for said in exc.errors(include_url=False):
            path = _path_in(self.values, said["loc"])
            unknown = said["type"] == "extra_forbidden"
            place = self.place(path, key=unknown)
            yield str(place), _problem(said, path, _fields_at(model, path[:-1], self.values))


def read(source: str | Path | Mapping[str, Any], *, name: str = "configuration") -> Document:
    """Return a configuration from a YAML file or a mapping.

    Args:
        source: a file, or what it would say.
        name: what a mapping is called in errors.

    Raises:
        ConfigurationError: the file is no YAML, says a key twice, or is no mapping.
        StoreError: there is no such file, or it cannot be read.
    """
    if isinstance(source, Mapping):
        return Document(source, name)
    path = Path(source)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise StoreError(path, f"it cannot be read: {exc}", "name a file of YAML") from exc
    return parse(text, str(source))


def parse(text: str, source: str) -> Document:
    """Return the configuration that a YAML text says; nothing in it is ever executed."""
    yaml = _library("yaml", "reading a configuration from YAML")
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise ConfigurationError([(f"{source}:1:1", "it is empty")])
        reader = _Nodes(source, yaml)
        reader.walk(node, (), ())
        values = loader.construct_document(node)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        place = Place(source, mark.line + 1, mark.column + 1) if mark else Place(source)
        raise ConfigurationError([(str(place), f"this is not YAML: {exc.problem}")]) from exc
    except yaml.YAMLError as exc:
        raise ConfigurationError([(source, f"this is not YAML: {exc}")]) from exc
    finally:
        loader.dispose()
    return Document(values, source, reader.places)


class _Nodes:
    """Finds the place of every value, and refuses what a reader would misunderstand."""

    def __init__(self, source: str, yaml: Any) -> None:
        self.source = source
        self.places: dict[Path_, tuple[Place, Place]] = {}
        self._yaml = yaml
        self._left = _MOST_NODES

    def walk(self, node: Any, path: Path_, above: tuple[Any, ...], key: Any = None) -> None:
        """Note the place of a node and of all below it."""
        self._left -= 1
        if self._left < 0:
            raise self._error(node, f"it has more than {_MOST_NODES:,} values")
        if any(node is other for other in above):
            raise self._error(node, "it contains itself")
        self.places[path] = (self._place(key or node), self._place(node))
        below = (*above, node)
        if isinstance(node, self._yaml.SequenceNode):
            for number, item in enumerate(node.value):
                self.walk(item, (*path, number), below)
        elif isinstance(node, self._yaml.MappingNode):
            self._mapping(node, path, below)

    def _mapping(self, node: Any, path: Path_, above: tuple[Any, ...]) -> None:
        seen: dict[Any, Any] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                continue
            if not isinstance(key, self._yaml.ScalarNode):
                raise self._error(key, "a key must be one word")
            if key.value in seen:
                first = seen[key.value].start_mark.line + 1
                raise self._error(key, f'the key "{key.value}" is there already, in line {first}')
            seen[key.value] = key
            self.walk(value, (*path, key.value), above, key)

    def _place(self, node: Any) -> Place:
        return Place(self.source, node.start_mark.line + 1, node.start_mark.column + 1)

    def _error(self, node: Any, problem: str) -> ConfigurationError:
        return ConfigurationError([(str(self._place(node)), problem)])


def _path_in(values: Any, loc: Sequence[str | int]) -> Path_:
    """Return the part of an error's location that leads through the values as they are.

    Where a value may be one of several things, the location also names which of them was tried.
    """
    path: list[str | int] = []
    for place, step in enumerate(loc):
        if isinstance(values, Mapping):
            if step in values:
                values = values[step]
            elif place < len(loc) - 1:
                continue
            path.append(step)
        elif isinstance(values, (list, tuple)) and isinstance(step, int) and step < len(values):
            values = values[step]
            path.append(step)
    return tuple(path)


def _fields_at(model: Any, path: Path_, values: Any) -> list[str]:
    """Return the keys that could stand at a path, as far as the models say."""
    from typing import get_args

    found: list[Any] = [model]
    for step in path:
        below: list[Any] = []
        for each in found:
            fields = getattr(each, "model_fields", None)
            if fields is None:
                below += get_args(each)  # a list or a mapping of models, or one of several
            elif step in fields:
                below.append(fields[step].annotation)
        found = [leaf for each in below for leaf in _models_in(each)]
    return [name for each in found for name in getattr(each, "model_fields", ())]


def _models_in(annotation: Any) -> list[Any]:
    """Return the models that an annotation is made of, and itself if it holds them by key."""
    from types import UnionType
    from typing import Annotated, Union, get_args, get_origin

    if hasattr(annotation, "model_fields"):
        return [annotation]
    if get_origin(annotation) in {Union, UnionType, Annotated}:
        return [leaf for each in get_args(annotation) for leaf in _models_in(each)]
    return [annotation] if get_args(annotation) else []


def _problem(said: Mapping[str, Any], path: Path_, known: Sequence[str]) -> str:
    """Return what is wrong in one line."""
    name = path[-1] if path else "it"
    match said["type"]:
        case "extra_forbidden":
            hint = did_you_mean(str(path[-1]), known)
            have = f" There are: {', '.join(sorted(set(known)))}" if known and not hint else ""
            return f'there is no key "{name}" here.{hint}{have}'
        case "missing":
            return f"{name} is missing"
        case "value_error":
            return f"{said['ctx']['error']}"
        case "literal_error":
            hint = did_you_mean(str(said["input"]), said["ctx"]["expected"].split("'")[1::2])
            return (
                f"{name}={said['input']!r} cannot be: it must be {said['ctx']['expected']}.{hint}"
            )
    return f"{name}={said['input']!r} cannot be: {said['msg'][:1].lower()}{said['msg'][1:]}"


def _kind(value: Any) -> str:
    return "nothing" if value is None else type(value).__name__


def _library(name: str, what: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as exc:
        raise MissingExtra(what, extra="study", library=name) from exc
