"""The text output of the demo: headings, the live lines of the ramp, the chart, and the next steps."""

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
from playground.live_status import LiveStatus
from playground.options import REPOSITORY
from playground.traffic import Ramp, Target

ZONE = ZoneInfo("Asia/Shanghai")
HOUR_SECONDS = 3600.0
LABEL = 12
LIVE = "{time:<7}{rate:>7}  {dots:<12} {replicas:<8}{slo:>7}{cost:>9}  {words}"


@dataclass(frozen=True, slots=True)
class Terminal:
    """The terminal: its width, and whether it shows only ASCII (``plain``) and colors."""

    columns: int
    plain: bool
    color: bool

    def heading(self, text: str) -> None:
        """Print the title of a section."""
        print(f"\n{self._bold(text)}", flush=True)

    def line(self, text: str = "") -> None:
        """Print a line, which may wrap."""
        print(text, flush=True)

    def truncated_line(self, text: str) -> None:
        """Print a line, truncated to the width of the terminal."""
        print(text if len(text) <= self.columns else f"{text[: self.columns - 3]}...", flush=True)

    def _bold(self, text: str) -> str:
        return f"\x1b[1m{text}\x1b[0m" if self.color else text


def standard_output() -> Terminal:
    """The properties of standard output."""
    terminal = sys.stdout.isatty()
    columns = shutil.get_terminal_size((100, 24)).columns if terminal else 200
    plain = "utf" not in (sys.stdout.encoding or "").lower()
    return Terminal(columns, plain, terminal and not os.environ.get("NO_COLOR"))


def clock(second: float) -> str:
    """The time of day in Shanghai, HH:MM."""
    return datetime.fromtimestamp(second, ZONE).strftime("%H:%M")


def introduction(bank: str, time_scale: float, second: float) -> str:
    """The introduction: the institution, and the model time and its speed."""
    day = datetime.fromtimestamp(second, ZONE).strftime("%A %H:%M")
    return (
        f"The matrix of {bank}, on simulated nodes under a real Kubernetes control plane.\n"
        f"Model time runs {time_scale:g} times as fast for engines, metrics and schedules: it is {day}, and a model hour takes "
        f"{HOUR_SECONDS / time_scale / 60:g} minutes."
    )


def describe_ramp(target: Target, ramp: Ramp) -> str:
    """The traffic, the deployment that receives it, and its SLO."""
    traffic = target.row["traffic"]
    bounds = " and ".join(f"{name.partition('_')[0].upper()} {seconds:g} s" for name, seconds in target.bounds.items())
    return (
        f"{target.row['id']} ({target.row['scenarioEn']}) gets the steepest half hour of a week of Azure's coding traffic:\n"
        f"{ramp.first_per_second:.1f} to {ramp.peak_per_second:.1f} requests/s of {traffic['tokensIn']} tokens in and "
        f"{traffic['tokensOut']} out. SLO: {bounds} for {target.percentile} % of the requests."
    )


def live_header() -> str:
    """The names of the columns of the live lines."""
    return LIVE.format(
        time="TIME", rate="REQ/S", dots="REPLICAS", replicas="", slo="SLO %", cost="COST/H", words="LAST DECISION"
    )


def live_line(before: LiveStatus, now: LiveStatus, *, plain: bool) -> str:
    """The live line of one status; rates are relative to the status before."""
    return LIVE.format(
        time=clock(now.second),
        rate=f"{rate(before, now):.1f}",
        dots=dots(now.ready, now.desired, plain=plain),
        replicas=f"{now.ready} of {now.desired}",
        slo="-" if now.attainment_percent is None else f"{now.attainment_percent:.1f}",
        cost=f"{now.cost_per_hour:.2f}",
        words=now.decision if now.decision != before.decision else "",
    )


def rate(before: LiveStatus, now: LiveStatus) -> float:
    """Arrivals per second between two statuses."""
    return (now.arrivals - before.arrivals) / max(1e-9, now.second - before.second)


def chart(moments: Sequence[LiveStatus], *, plain: bool) -> list[str]:
    """The run as four bar charts, one line each."""
    rates = [rate(before, now) for before, now in itertools.pairwise(moments)]
    ready = [float(moment.ready) for moment in moments[1:]]
    attained = [moment.attainment_percent for moment in moments[1:]]
    known_values = [value for value in attained if value is not None]
    cost = [moment.cost_per_hour for moment in moments[1:]]
    return [
        _row("requests/s", bars(rates, low=0, high=max(rates), plain=plain), f"{min(rates):.1f} to {max(rates):.1f}"),
        _row("replicas", bars(ready, low=0, high=max(ready), plain=plain), f"{min(ready):g} to {max(ready):g} ready"),
        _row(
            "SLO %",
            bars(attained, low=50, high=100, plain=plain),
            f"{min(known_values):.1f} to {max(known_values):.1f}" if known_values else "-",
        ),
        _row("cost/h", bars(cost, low=0, high=max(cost), plain=plain), f"{min(cost):.2f} to {max(cost):.2f} CNY"),
    ]


def _row(name: str, drawn: str, span: str) -> str:
    return f"  {name:<{LABEL}}{drawn}  {span}"


def totals(moments: Sequence[LiveStatus], target: Target) -> str:
    """SLO attainment as counted by the engines, and the cost beside that of the largest fleet at all times."""
    first, last = moments[0], moments[-1]
    ended, within = last.ended - first.ended, last.within - first.within
    hours = (last.second - first.second) / HOUR_SECONDS
    spent = sum(now.cost_per_hour * (now.second - before.second) / HOUR_SECONDS for before, now in itertools.pairwise(moments))
    replica_cost = max((moment.cost_per_hour / moment.desired for moment in moments if moment.desired), default=0.0)
    most = target.manifest["spec"]["scaling"]["maxReplicas"]
    share = f"{100 * within / ended:.1f} %" if ended else "none"
    return (
        f"{share} of {ended} requests met both TTFT and TPOT. Devices cost {spent:.2f} CNY in {60 * hours:.0f} minutes; "
        f"{most} replicas at all times would have cost {replica_cost * most * hours:.2f} CNY."
    )


def next_steps(cluster: Cluster, target: Target) -> list[str]:
    """Commands to explore the running cluster and to stop it."""
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
