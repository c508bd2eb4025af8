"""The list of strategies. A new one is a file, a line here and a test."""

from stressor.strategies.detach import Detach
from stressor.strategies.edges import Edges
from stressor.strategies.hooks import Hooks
from stressor.strategies.none import Plain
from stressor.strategies.protocol import Strategy
from stressor.strategies.targeted import Targeted
from stressor.strategies.uniform import Uniform
from stressor.strategies.weighted import Weighted

STRATEGIES: tuple[Strategy, ...] = (
    Plain(),
    Uniform(),
    Weighted(),
    Targeted(),
    Detach(),
    Hooks(),
    Edges(),
)

BY_NAME = {strategy.name: strategy for strategy in STRATEGIES}
