"""Plots of a study: attainment over cost for each scenario, and one day of replicas over load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmark.autoscalers.autoscalers import PEERS, PRODUCT, STATIC
from benchmark.experiment import DAY_SCENARIO, DAY_SECOND
from benchmark.paths import PICTURES
from benchmark.results.targets import ORDINARY, compare_with_best_peer
from benchmark.scenarios.catalogue import scenario_of

if TYPE_CHECKING:
    from benchmark.experiment import Study

FRONTIER, DAY = "frontier.svg", "day.svg"
_COLUMNS = 4
_LOWEST = 90.0
_OWN, _GRAY, _LIGHT = "#c0392b", "#555555", "#b0b0b0"


def draw(study: Study) -> None:
    """Write all plots as SVG."""
    import matplotlib as mpl  # noqa: PLC0415 - only this needs it

    mpl.use("Agg")
    mpl.rcParams.update({"svg.hashsalt": "modelmatrix", "svg.fonttype": "none", "font.size": 8, "axes.spines.top": False})
    mpl.rcParams.update({"axes.spines.right": False})
    PICTURES.mkdir(parents=True, exist_ok=True)
    _frontier(study)
    _day(study)


def _frontier(study: Study) -> None:
    from matplotlib import pyplot as plt  # noqa: PLC0415

    scenarios = [*ORDINARY, "S4-flash", "S4-flash-15s", "S4-market"]
    lines = -(-len(scenarios) // _COLUMNS)
    figure, axes = plt.subplots(lines, _COLUMNS, figsize=(3.0 * _COLUMNS, 2.4 * lines), layout="constrained")
    for axis, scenario in zip(axes.flat, scenarios, strict=False):
        _panel(axis, study, scenario)
    for axis in axes.flat[len(scenarios) :]:
        axis.set_visible(False)
    figure.supxlabel("cost over the lower bound")
    figure.supylabel("requests within the SLO, %")
    _save(figure, FRONTIER)


def _panel(axis: Any, study: Study, scenario: str) -> None:
    """One scenario: all autoscalers at their best single setting, and the bound."""
    static, own_row = study.row(scenario, STATIC.default.name), study.row(scenario, PRODUCT.default.name)
    highest = min(5.0, max(3.0, 1.15 * own_row.ratio))
    for family in PEERS:
        row = study.row(scenario, study.tuned.best[family.name].name)
        if row.ratio <= highest and row.attainment >= _LOWEST:
            point = row.ratio, row.attainment
            axis.plot(*point, "o", color=_GRAY, markersize=3)
            axis.annotate(family.name, point, fontsize=5, color=_GRAY, xytext=(2, 2), textcoords="offset points")
    axis.plot(static.ratio, static.attainment, "s", color=_LIGHT, markersize=4)
    axis.plot(own_row.ratio, own_row.attainment, "D", color=_OWN, markersize=5)
    axis.axvline(1.0, color="black", linewidth=0.8)
    axis.axhline(99.0, color=_LIGHT, linewidth=0.8, linestyle="--")
    axis.set_title(scenario)
    axis.set_xlim(0.9, highest)
    axis.set_ylim(_LOWEST, 100.4)
    axis.locator_params(nbins=4)


def _day(study: Study) -> None:
    from matplotlib import pyplot as plt  # noqa: PLC0415

    (deployment,) = scenario_of(DAY_SCENARIO).deployments
    variant = deployment.home_variant
    capacity = deployment.capacity_per_second(variant)
    figure, axis = plt.subplots(figsize=(10, 3.6), layout="constrained")
    shown = (
        (PRODUCT.default.name, _OWN, 1.6),
        (compare_with_best_peer(study).peer, _GRAY, 1.0),
        (STATIC.default.name, _LIGHT, 1.0),
    )
    for name, color, width in shown:
        moments = study.days[name]
        seconds = [(one.second - DAY_SECOND) / 3600.0 for one in moments]
        axis.step(seconds, [one.devices for one in moments], where="post", color=color, linewidth=width, label=name)
    load = [variant.devices_per_replica * one.rate / capacity for one in moments]
    axis.fill_between(seconds, load, color="#dfe8f1", label="devices that the arrivals keep busy at the SLO")
    axis.set_xlim(0, 24)
    axis.set_ylim(0, None)
    axis.set_xlabel("hour of the trace")
    axis.set_ylabel("devices held")
    axis.legend(loc="upper left", frameon=False)
    _save(figure, DAY)


def _save(figure: Any, name: str) -> None:
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure.savefig(PICTURES / name, metadata={"Date": None})
    plt.close(figure)
