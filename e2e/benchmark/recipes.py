"""Every autoscaler of the benchmark, as its vendor sets it and in the settings that are tried for the best single one.

The published grid. Targets in flight are parts of what a replica has in flight at its capacity, which differs from model to
model: peers are given that scale, real owners must find it. Data only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark import product
from benchmark.peers import aibrix, dynamo, hpa, keda, knative, kthena, kubeai, llmd, static, wva1, wva2
from benchmark.peers.site import Site, site_of
from benchmark.recipe import Recipe, Sight

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmark.scenario import Deployment, Scenario
    from modelmatrix.simulation.policy import Policy

PARTS = (0.8, 0.65, 0.5, 0.4, 0.3, 0.22)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One autoscaler: its vendor's setting, and those that are tried."""

    name: str
    default: Recipe
    grid: tuple[Recipe, ...] = ()

    @property
    def recipes(self) -> tuple[Recipe, ...]:
        """All settings, each once."""
        return (self.default, *(recipe for recipe in self.grid if recipe.name != self.default.name))


def _peer(family: str, setting: str, make: Callable[[Site], Policy], **more: object) -> Recipe:
    def build(scenario: Scenario, deployment: Deployment) -> Policy:
        return make(site_of(scenario, deployment))

    return Recipe(family=family, setting=setting, build=build, **more)  # type: ignore[arg-type]


def _in_flight(family: str, make: Callable[[Site, float], Policy], **more: object) -> tuple[Recipe, ...]:
    """A family that is tuned by its target of requests in flight."""

    def recipe(part: float) -> Recipe:
        return _peer(family, f"target={part:.0%}", lambda site: make(site, part * site.home.in_flight), **more)

    return tuple(recipe(part) for part in PARTS)


def _hpa() -> Family:
    # A HorizontalPodAutoscaler without metrics has 80 % of CPU as its target; for requests in flight there is no default.
    grid = _in_flight("hpa", hpa.Hpa)
    return Family(name="hpa", default=grid[0], grid=grid)


def _keda() -> Family:
    def recipe(threshold: float) -> Recipe:
        return _peer("keda", f"waiting={threshold:g}", lambda site: keda.Keda(site, threshold))

    return Family(name="keda", default=recipe(keda.THRESHOLD), grid=tuple(map(recipe, (5.0, 2.0, 1.0, 0.5, 0.2))))


def _knative() -> Family:
    looks = {"period_seconds": 5, "scrape_seconds": 5, "sight": Sight.PROXY}
    return Family(
        name="knative",
        default=_peer("knative", "target=70", knative.Knative, **looks),
        grid=_in_flight("knative", knative.Knative, **looks),
    )


def _kubeai() -> Family:
    looks = {"period_seconds": 10, "scrape_seconds": 10, "sight": Sight.PROXY}
    return Family(
        name="kubeai",
        default=_peer("kubeai", "target=100", kubeai.KubeAi, **looks),
        grid=_in_flight("kubeai", kubeai.KubeAi, **looks),
    )


def _aibrix() -> Family:
    looks = {"period_seconds": 10, "scrape_seconds": 10}
    return Family(
        name="aibrix",
        default=_peer("aibrix", "kv=50%", aibrix.Apa, **looks),
        grid=_in_flight("aibrix", aibrix.Apa, **looks),
    )


def _kthena() -> Family:
    return Family(
        name="kthena",
        default=_peer("kthena", "waiting=10", kthena.Kthena),
        grid=_in_flight("kthena", kthena.Kthena),
    )


def _wva1() -> Family:
    def recipe(spare: float) -> Recipe:
        make = wva1.Wva1
        return _peer("wva-v1", f"kv-spare={spare:.0%}", lambda site: make(site, spare), period_seconds=wva1.CYCLE_SECONDS)

    return Family(name="wva-v1", default=recipe(wva1.KV_SPARE), grid=tuple(map(recipe, (0.1, 0.3, 0.5, 0.6, 0.65, 0.7))))


def _wva2() -> Family:
    def recipe(threshold: float) -> Recipe:
        make = wva2.Wva2
        return _peer("wva-v2", f"up={threshold:.0%}", lambda site: make(site, threshold), period_seconds=wva2.CYCLE_SECONDS)

    return Family(name="wva-v2", default=recipe(wva2.UP_THRESHOLD), grid=tuple(map(recipe, (0.85, 0.7, 0.5, 0.35, 0.25, 0.15))))


def _llmd() -> Family:
    def recipe(up: float, down: float, least: int) -> Recipe:
        thresholds = llmd.Thresholds(up, down, least)
        return _peer("llm-d", f"up={up:g} down={down:g} min={least}", lambda site: llmd.LlmD(site, thresholds))

    tried = ((0.9, 0.7, 1), (0.7, 0.5, 1), (0.55, 0.4, 1), (0.55, 0.4, 3), (0.45, 0.33, 1), (0.35, 0.25, 1))
    return Family(name="llm-d", default=recipe(0.55, 0.4, 3), grid=tuple(recipe(*one) for one in tried))


def _dynamo() -> Family:
    def recipe(part: float) -> Recipe:
        return _peer("dynamo", f"profile={part:.0%}", lambda site: dynamo.Dynamo(site, part))

    return Family(name="dynamo", default=recipe(1.0), grid=tuple(map(recipe, (1.0, 0.8, 0.7, 0.6, 0.5, 0.4))))


def _static() -> Family:
    return Family(
        name="static-peak",
        default=Recipe(family="static-peak", setting="", build=lambda _, deployment: static.static_peak(deployment)),
    )


PEERS: tuple[Family, ...] = (
    _hpa(),
    _keda(),
    _knative(),
    _kubeai(),
    _aibrix(),
    _kthena(),
    _wva1(),
    _wva2(),
    _llmd(),
    _dynamo(),
)
PRODUCT = Family(name=product.RECIPE.family, default=product.RECIPE)
STATIC = _static()
FAMILIES: tuple[Family, ...] = (PRODUCT, *PEERS, STATIC)


def recipe_of(name: str) -> Recipe:
    """The recipe of a name.

    Raises:
        KeyError: there is none.
    """
    return {recipe.name: recipe for family in FAMILIES for recipe in family.recipes}[name]
