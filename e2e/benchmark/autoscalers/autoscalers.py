"""Every autoscaler of the benchmark, with its vendor's setting and the grid of settings for the best single one.

The grid is published in the report. Targets of requests in flight are shares of a replica's requests in flight at its
capacity, which depends on the model: the benchmark gives peers this number, real owners must measure it. Data only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmark.autoscalers import own_policy as product
from benchmark.autoscalers.autoscaler_config import Recipe, SampleScope
from benchmark.peers.aibrix import Apa
from benchmark.peers.dynamo import Dynamo
from benchmark.peers.hpa import Hpa
from benchmark.peers.keda import THRESHOLD, Keda
from benchmark.peers.knative import Knative
from benchmark.peers.kthena import Kthena
from benchmark.peers.kubeai import KubeAi
from benchmark.peers.llmd import LlmD, Thresholds
from benchmark.peers.owner_settings import OwnerSettings, owner_settings
from benchmark.peers.static import static_peak
from benchmark.peers.wva1 import CYCLE_SECONDS, KV_SPARE, Wva1
from benchmark.peers.wva2 import UP_THRESHOLD, Wva2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from benchmark.scenarios.scenario import Deployment, Scenario
    from modelmatrix.simulation.cluster.policy import Policy

TARGET_SHARES = (0.8, 0.65, 0.5, 0.4, 0.35, 0.3, 0.26, 0.22)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One autoscaler: its vendor's setting, and the settings to try."""

    name: str
    default: Recipe
    grid: tuple[Recipe, ...] = ()

    @property
    def recipes(self) -> tuple[Recipe, ...]:
        """All settings without duplicates, the vendor's first."""
        return (self.default, *(recipe for recipe in self.grid if recipe.name != self.default.name))


def _peer(kind: Any, setting: str, *arguments: Any, **sampling: Any) -> Recipe:
    """A peer with arguments; an argument that is a function is called with the owner's settings."""

    def build(scenario: Scenario, deployment: Deployment) -> Policy:
        site = owner_settings(scenario, deployment)
        policy: Policy = kind(site, *(argument(site) if callable(argument) else argument for argument in arguments))
        return policy

    peer: Any = kind.func if isinstance(kind, partial) else kind
    return Recipe(family=peer.name, setting=setting, module=peer.__module__, build=build, **sampling)


def _part_in_flight(part: float) -> Callable[[OwnerSettings], float]:
    return lambda site: part * site.home.in_flight


def _in_flight(kind: Any, **sampling: Any) -> tuple[Recipe, ...]:
    """A recipe for each target of requests in flight."""
    return tuple(_peer(kind, f"target={part:.0%}", _part_in_flight(part), **sampling) for part in TARGET_SHARES)


def _family(default: Recipe, grid: Iterable[Recipe]) -> Family:
    return Family(name=default.family, default=default, grid=tuple(grid))


# A HorizontalPodAutoscaler without metrics has 80 % of CPU as its target; for requests in flight there is no default.
_HPA = _family(_in_flight(Hpa)[0], _in_flight(Hpa))
_KEDA = _family(
    _peer(Keda, f"waiting={THRESHOLD:g}"),
    (_peer(Keda, f"waiting={threshold:g}", threshold) for threshold in (2.0, 1.0, 0.5, 0.2, 0.1)),
)
_PROXY_10 = {"period_seconds": 10, "scrape_seconds": 10, "sample_scope": SampleScope.PROXY}
_KNATIVE = _family(_peer(Knative, "target=70", **_PROXY_10), _in_flight(Knative, **_PROXY_10))
_KUBEAI = _family(_peer(KubeAi, "target=100", **_PROXY_10), _in_flight(KubeAi, **_PROXY_10))
_PODS_10 = {"period_seconds": 10, "scrape_seconds": 10}
_AIBRIX = _family(_peer(Apa, "kv=50%", **_PODS_10), _in_flight(Apa, **_PODS_10))
_KTHENA = _family(_peer(Kthena, "waiting=10"), _in_flight(Kthena))
_CYCLE = {"period_seconds": CYCLE_SECONDS}
_WVA1 = _family(
    _peer(Wva1, f"kv-spare={KV_SPARE:.0%}", **_CYCLE),
    (_peer(Wva1, f"kv-spare={spare:.0%}", spare, **_CYCLE) for spare in (0.3, 0.5, 0.6, 0.7, 0.75, 0.78)),
)
_WVA2 = _family(
    _peer(Wva2, f"up={UP_THRESHOLD:.0%}", **_CYCLE),
    (
        _peer(partial(Wva2, is_told=True), f"told up={threshold:.0%}", threshold, **_CYCLE)
        for threshold in (0.85, *TARGET_SHARES)
    ),
)
_LLMD = _family(
    _peer(LlmD, "up=0.55 down=0.4 min=3"),
    (
        _peer(LlmD, f"up={up:g} down={down:g} min=1", Thresholds(up, down, 1))
        for up, down in ((0.9, 0.7), (0.8, 0.6), (0.7, 0.5), (0.55, 0.4), (0.45, 0.33), (0.35, 0.25))
    ),
)
_DYNAMO = _family(
    _peer(Dynamo, "profile=100%"),
    (_peer(Dynamo, f"profile={part:.0%}", part) for part in (0.8, 0.7, 0.6, 0.55, 0.5, 0.4)),
)

PEERS: tuple[Family, ...] = (_HPA, _KEDA, _KNATIVE, _KUBEAI, _AIBRIX, _KTHENA, _WVA1, _WVA2, _LLMD, _DYNAMO)
PRODUCT = Family(name=product.RECIPE.family, default=product.RECIPE)
STATIC = Family(
    name="static-peak",
    default=Recipe(
        family="static-peak",
        setting="",
        module=static_peak.__module__,
        build=lambda _, deployment: static_peak(deployment),
    ),
)
FAMILIES: tuple[Family, ...] = (PRODUCT, *PEERS, STATIC)


def recipe_of(name: str) -> Recipe:
    """The recipe with a name.

    Raises:
        KeyError: no recipe has this name.
    """
    return {recipe.name: recipe for family in FAMILIES for recipe in family.recipes}[name]
