"""Trees of strategies as records, and as strategies that have everything but algos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import bt
from bt.core import SecurityBase, StrategyBase

from capture_bt.classes import original

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["build", "root_above", "tree_of"]

_HAVE_FIXED_INCOME: Final = ("CouponPayingSecurity", "CouponPayingHedgeSecurity")


def tree_of(node: Any) -> dict[str, Any]:
    """Return what a replay must know to build a node: kind, name, children, how it counts."""
    if isinstance(node, StrategyBase):
        children = [*node._childrenv, *node._lazy_children.values()]
        return {
            "kind": "FixedIncomeStrategy" if node.fixed_income else "Strategy",
            "name": str(node.name),
            "limited": bool(node._original_children_are_present),
            "children": [tree_of(child) for child in children],
        }
    return {
        "kind": _host_class(node),
        "name": str(node.name),
        "multiplier": float(node.multiplier),
        "fixed_income": bool(node._fixed_income),
        "lazy": node.lazy_add,
    }


def _host_class(node: SecurityBase) -> str:
    return next(c.__name__ for c in original(node).__mro__ if c.__module__ == "bt.core")


def build(said: Mapping[str, Any], make: Callable[[str, bool, list[Any]], Any]) -> Any:
    """Return the node that a record tells of.

    Args:
        said: the record.
        make: makes a strategy of a name, whether its notional values count, and its children.
    """
    if "children" in said:
        children = [build(child, make) for child in said["children"]]
        return make(said["name"], said["kind"] == "FixedIncomeStrategy", children)
    kind = getattr(bt.core, said["kind"])
    further: dict[str, Any] = {"multiplier": said["multiplier"], "lazy_add": said["lazy"]}
    if said["kind"] in _HAVE_FIXED_INCOME:
        further["fixed_income"] = said["fixed_income"]
    return kind(said["name"], **further)


def root_above(paper: Any) -> Any:
    """Return the root that strategies within a paper tree have; None if it is the tree's own.

    The host copies a nested strategy with all that it knows, its parents among it, and makes the
    copy its own parent; what is nested in the copy goes on to update the copied parents.
    """
    for child in paper._childrenv:
        if isinstance(child, StrategyBase) and child.root is not paper:
            return child.root
    return None
