"""The calls of a strategy that are recorded, and their arguments by name."""

from __future__ import annotations

from typing import Final

__all__ = ["NAMES"]

NAMES: Final = {
    "submit_order": ("order", "position_id", "client_id", "params"),
    "submit_order_list": ("order_list", "position_id", "client_id", "params"),
    "modify_order": ("order", "quantity", "price", "trigger_price", "client_id", "params"),
    "cancel_order": ("order", "client_id", "params"),
    "cancel_orders": ("orders", "client_id", "params"),
    "cancel_all_orders": ("instrument_id", "order_side", "client_id", "params"),
    "close_position": (
        "position", "client_id", "tags", "time_in_force", "reduce_only", "params",
    ),
    "close_all_positions": (
        "instrument_id", "position_side", "client_id", "tags", "time_in_force", "reduce_only",
        "params",
    ),
}  # fmt: skip
"""By verb, the names of its arguments in their order."""
