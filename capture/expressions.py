"""Conditions written as a person writes them: `indicator_rsi < 30 and regime_trend == 'bull'`.

The text is parsed, and becomes an Arrow expression; it is never evaluated as Python.
"""

from __future__ import annotations

import ast
import operator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any, Final

from capture.errors import ConfigError, UnknownName
from capture.filters import Predicate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pyarrow as pa
    import pyarrow.compute as pc

__all__ = ["Expression"]

_COMPARED: Final[Mapping[type[ast.cmpop], tuple[str, Callable[[Any, Any], Any]]]] = {
    ast.Eq: ("=", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
}
_MIRRORED: Final = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_COMPUTED: Final[Mapping[type[ast.operator], str]] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
}
_HELP: Final = (
    "use columns, numbers, texts, True, False, None, and, or, not, in, is None, < <= > >= == !=, "
    "+ - * / and brackets"
)
_DEEPEST: Final = 100


@dataclass(frozen=True)
class Expression:
    """A condition on the columns of a table. A row for which it is null does not meet it."""

    text: str

    def __post_init__(self) -> None:
        """Refuse what is no condition."""
        _Check(self.text).visit(self._tree, 0)

    @cached_property
    def _tree(self) -> ast.expr:
        if not isinstance(self.text, str) or not self.text.strip():
            raise ConfigError("where", self.text, f"is no condition; {_HELP}")
        try:
            return ast.parse(self.text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
            said = getattr(exc, "msg", None) or type(exc).__name__
            raise ConfigError("where", self.text, f"cannot be read: {said}; {_HELP}") from exc

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns that it reads, in the order in which they are named."""
        found = (node.id for node in ast.walk(self._tree) if isinstance(node, ast.Name))
        return tuple(dict.fromkeys(found))

    def predicates(self, schema: pa.Schema) -> tuple[Predicate, ...]:
        """Return what a backend can check beforehand, by a column of this schema and a value.

        All of these conditions must hold for the whole to hold.
        """
        found = filter(None, map(_simple, _conjuncts(self._tree)))
        return tuple(one for one in found if _fits(schema, one))

    def arrow(self, schema: pa.Schema) -> pc.Expression:
        """Return it as an Arrow expression on a table of this schema.

        Raises:
            UnknownName: the table has no such column.
            ConfigError: a column is compared with a value of another kind.
        """
        for name in self.names:
            if name not in schema.names:
                raise UnknownName("column", name, schema.names)
        return _Build(self.text, schema).condition(self._tree)

    def __str__(self) -> str:
        return self.text


class _Check:
    """Walks over a tree and refuses what a condition cannot say."""

    def __init__(self, text: str) -> None:
        self._text = text

    def visit(self, node: ast.expr, depth: int) -> None:
        if depth > _DEEPEST:
            raise ConfigError("where", self._text, "is nested too deeply")
        match node:
            case ast.BoolOp(values=inner) | ast.List(elts=inner) | ast.Tuple(elts=inner):
                below = inner
            case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.UAdd(), operand=one):
                below = [one]
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _COMPUTED:
                below = [left, right]
            case ast.Compare(left=left, ops=ops, comparators=others):
                self._compared(ops, others)
                below = [left, *others]
            case ast.Name():
                below = []
            case ast.Constant(value=bool() | int() | float() | str() | None):
                below = []
            case _:
                said = ast.unparse(node)
                raise ConfigError("where", self._text, f"{said!r} is not allowed here; {_HELP}")
        for one in below:
            self.visit(one, depth + 1)

    def _compared(self, ops: list[ast.cmpop], others: list[ast.expr]) -> None:
        for op, other in zip(ops, others, strict=True):
            if isinstance(op, (ast.In, ast.NotIn)):
                listed = isinstance(other, (ast.List, ast.Tuple))
                if not listed or not all(_is_value(one) for one in other.elts):  # type: ignore[attr-defined]
                    problem = "'in' needs a list of values, such as ['bull', 'bear']"
                    raise ConfigError("where", self._text, problem)
            elif isinstance(op, (ast.Is, ast.IsNot)):
                if not (isinstance(other, ast.Constant) and other.value is None):
                    raise ConfigError("where", self._text, "'is' goes with None alone; use ==")
            elif isinstance(other, (ast.List, ast.Tuple)):
                raise ConfigError("where", self._text, "a list goes with 'in' alone")


class _Build:
    """Makes the Arrow expression of a tree."""

    def __init__(self, text: str, schema: pa.Schema) -> None:
        self._text = text
        self._schema = schema

    def of(self, node: ast.expr) -> Any:
        import pyarrow.compute as pc

        match node:
            case ast.BoolOp(op=ast.And(), values=terms):
                return reduce(operator.and_, map(self.condition, terms))
            case ast.BoolOp(op=ast.Or(), values=terms):
                return reduce(operator.or_, map(self.condition, terms))
            case ast.UnaryOp(op=ast.Not(), operand=one):
                return ~self.condition(one)
            case ast.Compare(left=left, ops=ops, comparators=others):
                lefts = [left, *others[:-1]]
                return reduce(operator.and_, map(self._compared, lefts, ops, others))
            case ast.Name(id=name):
                return pc.field(name)
            case _:
                return self._number(node)

    def condition(self, node: ast.expr) -> Any:
        """Return a term that is true or false."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if isinstance(node, ast.Name) and not pa.types.is_boolean(self._type(node.id)):
            problem = f"{node.id} is no condition; compare it with something"
            raise ConfigError("where", self._text, problem)
        if isinstance(node, ast.Constant):
            if not isinstance(node.value, bool):
                raise ConfigError("where", self._text, f"{node.value!r} is no condition")
            return pc.scalar(node.value)
        if isinstance(node, ast.BinOp):
            raise ConfigError("where", self._text, f"{ast.unparse(node)!r} is no condition")
        return self.of(node)

    def _type(self, name: str) -> pa.DataType:
        return self._schema.field(name).type

    def _compared(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Any:
        if isinstance(op, (ast.Is, ast.IsNot)):
            null = self.of(left).is_null()
            return ~null if isinstance(op, ast.IsNot) else null
        if isinstance(op, (ast.In, ast.NotIn)):
            values = [self._value(left, one) for one in right.elts]  # type: ignore[attr-defined]
            return self._among(left, [v for v in values if v is not None], outside=op)
        _, compare = _COMPARED[type(op)]
        return compare(self._side(left, right), self._side(right, left))

    def _among(self, column: ast.expr, values: list[Any], *, outside: ast.cmpop) -> Any:
        import pyarrow as pa

        kind = self._type(column.id) if isinstance(column, ast.Name) else None
        side = self.of(column)
        found = side.isin(pa.array(values, kind))
        return (~found if isinstance(outside, ast.NotIn) else found) & side.is_valid()

    def _side(self, node: ast.expr, other: ast.expr) -> Any:
        """Return one side of a comparison; a value as what it is compared with needs it."""
        import pyarrow.compute as pc

        if _is_value(node):
            return pc.scalar(self._value(other, node))
        return self.of(node)

    def _value(self, column: ast.expr, node: ast.expr) -> Any:
        """Return a value to be compared with a column, refusing one that never can be equal."""
        import pyarrow as pa

        value = ast.literal_eval(node)
        if not isinstance(column, ast.Name) or value is None:
            return value
        kind = self._type(column.id)
        numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind)
        if pa.types.is_timestamp(kind):
            return self._time(column.id, value, kind)
        fits = (
            pa.types.is_null(kind)
            or (numeric and isinstance(value, (int, float)))
            or (pa.types.is_string(kind) and isinstance(value, str))
            or (pa.types.is_boolean(kind) and isinstance(value, bool))
        )
        if not fits:
            problem = f"{column.id} holds {kind}, and {value!r} is none"
            raise ConfigError("where", self._text, problem)
        return value

    def _time(self, name: str, value: Any, kind: pa.DataType) -> Any:
        import pandas as pd
        import pyarrow as pa

        try:
            moment = pd.Timestamp(datetime.fromisoformat(value))
        except (TypeError, ValueError) as exc:
            problem = f"{name} is a time; compare it with one such as '2024-03-31 15:30'"
            raise ConfigError("where", self._text, problem) from exc
        aware = moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")
        return pa.scalar(aware.value, pa.int64()).cast(kind)

    def _number(self, node: ast.expr) -> Any:
        import pyarrow.compute as pc

        match node:
            case ast.Constant(value=value):
                return pc.scalar(value)
            case ast.UnaryOp(op=ast.USub(), operand=one):
                return pc.negate(self.of(one))
            case ast.UnaryOp(operand=one):
                return self.of(one)
            case ast.BinOp(left=left, op=op, right=right):
                sides = [_real(self.of(side)) for side in (left, right)]
                return getattr(pc, _COMPUTED[type(op)])(*sides)
        raise ConfigError("where", self._text, f"{ast.unparse(node)!r} is not allowed here")


def _fits(schema: pa.Schema, predicate: Predicate) -> bool:
    """Return whether a backend can compare the column with the value, as they are."""
    import pyarrow as pa

    if predicate.column not in schema.names:
        return False
    kind = schema.field(predicate.column).type
    if isinstance(predicate.value, str):
        return bool(pa.types.is_string(kind))
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _real(term: Any) -> Any:
    """Return a term as a real number, so that 1 / 2 is a half."""
    import pyarrow as pa

    return term.cast(pa.float64())


def _is_value(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        inner = node.operand
        return isinstance(inner, ast.Constant) and type(inner.value) in {int, float}
    return isinstance(node, ast.Constant)


def _conjuncts(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        for term in node.values:
            yield from _conjuncts(term)
    else:
        yield node


def _simple(node: ast.expr) -> Predicate | None:
    """Return a condition of one column and one value; None of any other."""
    if not isinstance(node, ast.Compare) or len(node.ops) != 1:
        return None
    [op], left, [right] = node.ops, node.left, node.comparators
    word = _COMPARED[type(op)][0] if type(op) in _COMPARED else ""
    if isinstance(right, ast.Name) and _is_value(left):
        left, right, word = right, left, _MIRRORED.get(word, "")
    if not word or not isinstance(left, ast.Name) or not _is_value(right):
        return None
    value = ast.literal_eval(right)
    # What the column holds is not known here: a text may be compared with a time.
    if not isinstance(value, (int, float, str)) or isinstance(value, bool):
        return None
    return Predicate(left.id, word, value)  # type: ignore[arg-type]
