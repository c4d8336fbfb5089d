"""The words of the demo: headings, the live lines of the ramp, the chart, and how to look around. Nothing is decided here."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from localcluster.cluster import Cluster
from playground.chart import bars, dots
from playground.live_status import Moment
from playground.options import REPOSITORY
from playground.traffic import Ramp, Target

ZONE = ZoneInfo("Asia/Shanghai")
HOUR_SECONDS = 3600.0
LABEL = 12
LIVE = "{time:<7}{rate:>7}  {dots:<12} {replicas:<8}{slo:>7}{cost:>9}  {words}"


@dataclass(frozen=True, slots=True)
class Paper:
    """Where the story is written: how wide it is, and what it can show."""

    columns: int
    plain: bool
    color: bool

    def heading(self, text: str) -> None:
        """The title of a part."""
        print(f"\n{self._bold(text)}", flush=True)

    def say(self, text: str = "") -> None:
        """A line."""
        print(text, flush=True)

    def fitted(self, text: str) -> None:
        """A line that is cut rather than wrapped."""
        print(text if len(text) <= self.columns else f"{text[: self.columns - 3]}...", flush=True)

    def _bold(self, text: str) -> str:
        return f"\x1b[1m{text}\x1b[0m" if self.color else text


def paper() -> Paper:
    """Paper for standard output."""
    terminal = sys.stdout.isatty()
    columns = shutil.get_terminal_size((100, 24)).columns if terminal else 200
    plain = "utf" not in (sys.stdout.encoding or "").lower()
    return Paper(columns, plain, terminal and not os.environ.get("NO_COLOR"))


def clock(second: float) -> str:
    """Time of day."""
    return datetime.fromtimestamp(second, ZONE).strftime("%H:%M")


def opening(bank: str, time_scale: float, second: float) -> str:
    """What is going to happen."""
    day = datetime.fromtimestamp(second, ZONE).strftime("%A %H:%M")
    return (
        f"The matrix of {bank}, on simulated nodes under a real Kubernetes control plane.\n"
        f"Time runs {time_scale:g} times as fast, for engines, metrics and schedules alike: it is {day}, and a model hour "
        f"takes {HOUR_SECONDS / time_scale / 60:g} minutes."
    )


def ramp_words(target: Target, ramp: Ramp) -> str:
    """Which traffic goes where, and what is expected of it."""
    traffic = target.row["traffic"]
    bounds = " and ".join(f"{name.partition('_')[0].upper()} {seconds:g} s" for name, seconds in target.bounds.items())
    return (
        f"{target.row['id']} ({target.row['scenarioEn']}) gets the steepest half hour of a week of Azure's coding traffic:\n"
        f"{ramp.first_per_second:.1f} to {ramp.peak_per_second:.1f} requests/s of {traffic['tokensIn']} tokens in and "
        f"{traffic['tokensOut']} out. SLO: {bounds} for {target.percentile} % of the requests."
    )


def live_header() -> str:
    """Names of the columns."""
    return LIVE.format(
        time="TIME", rate="REQ/S", dots="REPLICAS", replicas="", slo="SLO %", cost="COST/H", words="LAST DECISION"
    )


def live_line(before: Moment, now: Moment, *, plain: bool) -> str:
    """One moment of the ramp."""
    return LIVE.format(
        time=clock(now.second),
        rate=f"{rate(before, now):.1f}",
        dots=dots(now.ready, now.desired, plain=plain),
        replicas=f"{now.ready} of {now.desired}",
        slo="-" if now.attainment_percent is None else f"{now.attainment_percent:.1f}",
        cost=f"{now.cost_per_hour:.2f}",
        words=now.decision if now.decision != before.decision else "",
    )


def rate(before: Moment, now: Moment) -> float:
    """Requests a second that arrived between two moments."""
    return (now.arrivals - before.arrivals) / max(1e-9, now.second - before.second)


def chart(moments: Sequence[Moment], *, plain: bool) -> list[str]:
    """The run in four lines."""
    rates = [rate(before, now) for before, now in itertools.pairwise(moments)]
    ready = [float(moment.ready) for moment in moments[1:]]
    attained = [moment.attainment_percent for moment in moments[1:]]
    known = [value for value in attained if value is not None]
    cost = [moment.cost_per_hour for moment in moments[1:]]
    return [
        _row("requests/s", bars(rates, low=0, high=max(rates), plain=plain), f"{min(rates):.1f} to {max(rates):.1f}"),
        _row("replicas", bars(ready, low=0, high=max(ready), plain=plain), f"{min(ready):g} to {max(ready):g} ready"),
        _row("SLO %", bars(attained, low=50, high=100, plain=plain), f"{min(known):.1f} to {max(known):.1f}" if known else "-"),
        _row("cost/h", bars(cost, low=0, high=max(cost), plain=plain), f"{min(cost):.2f} to {max(cost):.2f} CNY"),
    ]


def _row(name: str, drawn: str, span: str) -> str:
    return f"  {name:<{LABEL}}{drawn}  {span}"


def totals(moments: Sequence[Moment], target: Target) -> str:
    """What the run achieved, as the engines counted it, beside the largest fleet all the time."""
    first, last = moments[0], moments[-1]
    ended, within = last.ended - first.ended, last.within - first.within
    hours = (last.second - first.second) / HOUR_SECONDS
    spent = sum(now.cost_per_hour * (now.second - before.second) / HOUR_SECONDS for before, now in itertools.pairwise(moments))
    each = max((moment.cost_per_hour / moment.desired for moment in moments if moment.desired), default=0.0)
    most = target.manifest["spec"]["scaling"]["maxReplicas"]
    share = f"{100 * within / ended:.1f} %" if ended else "none"
    return (
        f"Of {ended} requests {share} kept TTFT and TPOT at once. Devices cost {spent:.2f} CNY in {60 * hours:.0f} minutes; "
        f"{most} replicas all the time would have cost {each * most * hours:.2f} CNY."
    )


def farewell(cluster: Cluster, target: Target) -> list[str]:
    """How to look around."""
    namespace, _, name = target.key.partition("/")
    programs = f"{cluster.bin('kubectl').parent}:{REPOSITORY / '.venv' / 'bin'}"
    down = "make down" if cluster.name == "cluster" else f"make down CLUSTER={cluster.name}"
    return [
        f"  export KUBECONFIG={cluster.kubeconfig} PATH={programs}:$PATH",
        "  kubectl get modeldeployments -A",
        f"  kubectl matrix why {name} -n {namespace}",
        "  kubectl get acceleratorpools",
        f"  Prometheus    {cluster.prometheus_url}/graph?g0.expr=modelmatrix_deployment_replicas&g0.tab=0",
        f"  stop it       {down}",
    ]
