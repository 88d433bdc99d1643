"""What a strategy looks at of the broker, heard only where its code says that it may look.

A function on the broker that takes note of who calls costs time at each bar, for the host asks the
broker for cash and worth at each bar itself. So it is put there only if the strategy's code names
that function, and is taken away when it has heard the strategy.
"""

from __future__ import annotations

import dis
import sys
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from capture_backtrader.asking import by_strategy
from capture_backtrader.calls import VERBS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from capture_backtrader.ear import Ear

__all__ = ["BrokerReads", "mentions"]

_METHODS: Final = (
    "getcash",
    "get_cash",
    "getvalue",
    "get_value",
    "get_value_lever",
    "getposition",
    "get_leverage",
    "get_orders_open",
    "get_fundvalue",
    "get_fundshares",
)
_ATTRIBUTES: Final = frozenset({"fundvalue", "fundshares", "stats", "_trades", "_orders"})
"""What can be looked at without a call; that the code names it has to do."""

_OF_ORDERS: Final = frozenset({"status", "alive", "getstatusname", "executed"})
"""What a strategy that keeps its orders can look at; elsewhere than where it is told of them."""

_KEEPING: Final = frozenset({"STORE_ATTR", "STORE_SUBSCR", "STORE_GLOBAL", "DELETE_ATTR"})
_LOOKING: Final = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_ACTING: Final = frozenset({*VERBS, "cancel"})
_NOTIFIED: Final = ("notify_order", "notify_trade", "notify_cashvalue", "notify_fund")


class BrokerReads:
    """Hears which of the broker's functions strategies call."""

    def __init__(self, broker: Any) -> None:
        """Hear nothing yet."""
        self._broker = broker
        self._heard: set[str] = set()
        self._put_there: set[str] = set()
        self._ears: list[Ear] = []

    def hear(self, ear: Ear) -> None:
        """Hear a strategy: what its code names, and what it does when it is told something."""
        self._ears.append(ear)
        names = mentions(type(ear.strategy))
        ear.reads |= {name for name in _ATTRIBUTES if name in names}
        ear.reads |= _heeded(type(ear.strategy)) | _polled(type(ear.strategy))
        for name in _METHODS:
            if name in names and hasattr(self._broker, name):
                self._put(name)

    def _put(self, name: str) -> None:
        broker, ears = self._broker, self._ears
        own: Callable[..., Any] = getattr(broker, name)
        of_class = getattr(own, "__func__", None) is getattr(type(broker), name, None)
        if not of_class or name in self._heard:
            return
        self._heard.add(name)

        def read(*args: Any, **kwargs: Any) -> Any:
            asking = by_strategy(sys._getframe(1))
            if asking is not None:
                for ear in ears:
                    if ear.strategy is asking and not ear.acting:
                        ear.reads.add(f"broker.{name}")
                        self._take_away(name)
            return own(*args, **kwargs)

        setattr(broker, name, read)
        self._put_there.add(name)

    def _take_away(self, name: str) -> None:
        if len(self._ears) == 1 and name in self._put_there:
            self._leave(name)

    def end(self) -> None:
        """Leave the broker as it was."""
        for name in list(self._put_there):
            self._leave(name)
        self._heard.clear()

    def _leave(self, name: str) -> None:
        # Not by its __dict__: who has asked for that of an object is slower to be used ever after.
        self._put_there.remove(name)
        delattr(self._broker, name)


def _heeded(strategy: type) -> set[str]:
    """Return the notifications from which the strategy keeps something, or on which it may act.

    Whether it ever acted on one in this run does not matter: it may under other settings.
    """
    methods: dict[str, Any] = {}
    for cls in reversed(_own_classes(strategy)):
        methods.update(vars(cls))
    told = {name: methods[name] for name in _NOTIFIED if name in methods}
    return {
        name
        for name, own in told.items()
        if any(map(_keeps, _codes_of(own))) or _may_act(own, methods)
    }


def _may_act(method: Any, methods: Mapping[str, Any]) -> bool:
    """Return whether a method, or one that it names, gives orders, or calls what it finds by name.

    Args:
        method: where to begin.
        methods: all of the strategy's own.
    """
    seen: set[str] = set()
    waiting = [method]
    while waiting:
        for function in _functions(waiting.pop()):
            for code in _codes_of(function):
                if "getattr" in code.co_names or any(map(_acts, dis.get_instructions(code))):
                    return True
                named = (methods.keys() & set(code.co_names)) - seen
                seen |= named
                waiting.extend(methods[name] for name in named)
    return False


def _acts(step: dis.Instruction) -> bool:
    # Not any mention: `close` is also a line of the data.
    called = step.opname == "LOAD_METHOD" or "NULL|self" in step.argrepr
    return called and step.argval in _ACTING


def _polled(strategy: type) -> set[str]:
    """Return what the strategy's code reads of its orders where nobody tells it of them."""
    methods = (
        method
        for cls in _own_classes(strategy)
        for name, method in vars(cls).items()
        if name not in _NOTIFIED
    )
    codes = (code for method in methods for each in _functions(method) for code in _codes_of(each))
    names = {
        step.argval
        for code in codes
        for step in dis.get_instructions(code)
        if step.opname in _LOOKING
    }
    return {f"order.{name}" for name in names & _OF_ORDERS}


def _own_classes(strategy: type) -> list[type]:
    """Return the user's classes that a strategy is made of."""
    return [
        cls
        for cls in strategy.__mro__
        if "_made_of" not in vars(cls) and not _is_host(cls.__module__)
    ]


def _keeps(code: CodeType) -> bool:
    return any(step.opname in _KEEPING for step in dis.get_instructions(code))


def mentions(strategy: type) -> frozenset[str]:
    """Return the names that a strategy's own code uses, with those of functions it refers to."""
    seen: set[int] = set()
    names: set[str] = set()
    waiting: list[Any] = [v for cls in _own_classes(strategy) for v in vars(cls).values()]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, type) and not _is_host(thing.__module__):
            waiting.extend(vars(thing).values())
        for function in _functions(thing):
            for code in _codes_of(function):
                names.update(code.co_names)
                names.update(text for text in code.co_consts if isinstance(text, str))
                waiting.extend(_referred(function, code))
    return frozenset(names)


def _is_host(module: str) -> bool:
    top = module.partition(".")[0]
    return top in _LIBRARIES or top in sys.stdlib_module_names


_LIBRARIES: Final = frozenset(
    {"backtrader", "capture", "capture_backtrader", "numpy", "pandas", "pyarrow"}
)


def _functions(thing: Any) -> Iterator[FunctionType]:
    for candidate in (
        thing,
        getattr(thing, "__func__", None),
        getattr(thing, "fget", None),
        getattr(thing, "__wrapped__", None),
        getattr(thing, "func", None),
    ):
        if isinstance(candidate, FunctionType) and not _is_host(candidate.__module__ or ""):
            yield candidate


def _codes_of(function: Any) -> Iterator[CodeType]:
    waiting = [function.__code__] if isinstance(function, FunctionType) else []
    while waiting:
        code = waiting.pop()
        yield code
        waiting.extend(const for const in code.co_consts if isinstance(const, CodeType))


def _referred(function: FunctionType, code: CodeType) -> Iterator[Any]:
    """Yield the functions and classes that a function knows by a global name, or of a module."""
    modules = []
    for name in code.co_names:
        found = function.__globals__.get(name)
        if isinstance(found, ModuleType):
            modules.append(found)
        elif found is not None:
            yield found
    for module in modules:
        if not _is_host(module.__name__):
            yield from (vars(module).get(name) for name in code.co_names)
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not yet bound
            continue
