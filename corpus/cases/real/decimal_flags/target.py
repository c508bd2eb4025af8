"""A `decimal.Context` used by all threads. Its flags are sticky: one that was raised stays so."""

import decimal

from stressor.targets import Target, operation

ONE, THREE, ZERO = decimal.Decimal(1), decimal.Decimal(3), decimal.Decimal(0)
SIGNALLING = decimal.Decimal("sNaN")


class State:
    def __init__(self):
        self.context = decimal.Context(prec=7, traps=[])
        self.raised = []


class Flags(Target):
    def setup(self):
        return State()

    @operation
    def third(self, state):
        state.context.divide(ONE, THREE)
        state.raised.append(decimal.Inexact)

    @operation
    def by_zero(self, state):
        state.context.divide(ONE, ZERO)
        state.raised.append(decimal.DivisionByZero)

    @operation
    def not_a_number(self, state):
        state.context.add(SIGNALLING, ONE)
        state.raised.append(decimal.InvalidOperation)

    def check(self, state):
        lost = {signal.__name__ for signal in state.raised if not state.context.flags[signal]}
        assert not lost, f"flags lost: {sorted(lost)}"
