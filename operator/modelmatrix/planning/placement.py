"""Handing out devices: which replicas stay, which are new and where, and who gives way. Pure and deterministic.

Replicas that run stay where they are unless they are too many, or their pool's limit was cut. What is missing is placed
by priority, first replicas before second ones, large ones before small ones. Displacement comes last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby

from modelmatrix.api.model_deployment import PlacementPolicy
from modelmatrix.planning.assessment import Case, Option
from modelmatrix.planning.packing import PoolPacking, Shape, packings
from modelmatrix.planning.pools import PoolState
from modelmatrix.planning.views import Key


@dataclass(frozen=True, slots=True)
class HeldReplica:
    """A replica with pods: the nodes that they are bound to, and how many nodes it still needs.

    ``overdue`` says that it has had pods without nodes for too long.
    """

    nodes: tuple[str, ...]
    missing: int = 0
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """What a deployment has on one pool today: the workload's number of replicas, and those with pods, the best first."""

    replicas: int
    existing: tuple[HeldReplica, ...] = ()

    @property
    def running(self) -> tuple[HeldReplica, ...]:
        """Replicas that have all of their nodes."""
        return tuple(replica for replica in self.existing if not replica.missing)

    @property
    def unbound(self) -> list[HeldReplica]:
        """Replicas that the workload was told to make and that lack nodes, the most complete first."""
        partial = sorted((r for r in self.existing if r.missing), key=lambda replica: replica.missing)
        nowhere = self.replicas - len(self.existing)
        return [*partial, *[HeldReplica((), missing=0)] * nowhere]


@dataclass(frozen=True, slots=True)
class Demand:
    """What a deployment wants, and what it has by pool."""

    case: Case
    replicas: int
    held: Mapping[str, Held] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """Identity of the deployment."""
        return self.case.view.key

    @property
    def priority(self) -> str:
        """P0 to P3; text that sorts."""
        return self.case.spec.priority if self.case.spec else "P9"


@dataclass(slots=True)
class Grant:
    """Replicas of one deployment on one pool.

    ``running`` are kept ones; ``new_nodes`` are the nodes that each further replica was packed into. ``waiting`` of those
    are groups whose nodes are not free yet and that must not be created now. ``pending`` replicas were created, found no
    devices, and stay as they are: they cost nothing and need nobody when devices come free.
    """

    running: list[HeldReplica] = field(default_factory=list)
    new_nodes: list[tuple[str, ...]] = field(default_factory=list)
    waiting: int = 0
    pending: int = 0

    @property
    def replicas(self) -> int:
        """All replicas that have devices."""
        return len(self.running) + len(self.new_nodes)


@dataclass(slots=True)
class Assignment:
    """Replicas of one deployment by pool, what found no devices, and who took replicas away."""

    grants: dict[str, Grant] = field(default_factory=dict)
    wanted: int = 0
    displaced_by: dict[Key, int] = field(default_factory=dict)

    @property
    def placed(self) -> int:
        """Replicas that have devices, or will have them when terminating pods are gone."""
        return sum(grant.replicas for grant in self.grants.values())

    @property
    def shortage(self) -> int:
        """Replicas that found no devices."""
        return max(0, self.wanted - self.placed)


@dataclass(slots=True)
class Table:
    """The state of one round of placement."""

    packing: dict[str, PoolPacking]
    demands: dict[Key, Demand]
    assignments: dict[Key, Assignment]

    def option(self, key: Key, pool: str) -> Option | None:
        """The fitting option of a deployment on a pool."""
        return next((o for o in self.demands[key].case.fitting if o.pool == pool), None)


def place(demands: Iterable[Demand], pools: Mapping[str, PoolState]) -> Table:
    """Give every demand its replicas by pool."""
    ordered = sorted(demands, key=_rank)
    table = Table(packings(pools), {demand.key: demand for demand in ordered}, {})
    for demand in ordered:
        table.assignments[demand.key] = _keep(demand, table.packing)
    for _, level in groupby(ordered, key=lambda demand: demand.priority):
        members = list(level)
        _resume(members, table)
        _grow(members, table)
    for demand in ordered:
        _leave_pending(demand, table.assignments[demand.key])
    return table


def shape_of(option: Option) -> Shape:
    """Devices and nodes of one replica of the option."""
    return Shape(option.devices, option.nodes)


def _rank(demand: Demand) -> tuple[str, int, float, Key]:
    """Priority, then large before small (better packing), then age."""
    largest = max((option.devices for option in demand.case.fitting), default=0)
    return (demand.priority, -largest, demand.case.view.created_seconds, demand.key)


def _keep(demand: Demand, packing: Mapping[str, PoolPacking]) -> Assignment:
    """Running replicas stay, as far as they are wanted and below the limits."""
    assignment = Assignment(wanted=demand.replicas)
    for option in demand.case.fitting:
        held = demand.held.get(option.pool)
        if held is not None and held.running:
            kept = packing[option.pool].keep(shape_of(option), len(held.running))
            if kept:
                assignment.grants[option.pool] = Grant(list(held.running[:kept]))
    while assignment.placed > demand.replicas:
        option = _first_to_go(demand, assignment, packing)
        grant = assignment.grants[option.pool]
        grant.running.pop()
        packing[option.pool].granted -= option.devices  # its devices stay used until the pod is gone
    return assignment


def _first_to_go(demand: Demand, assignment: Assignment, packing: Mapping[str, PoolPacking]) -> Option:
    """The option that loses a replica: the least preferred, or with Spread the one on the fullest site."""
    present = [o for o in preference(demand, packing) if assignment.grants.get(o.pool, Grant()).replicas]
    if _spreads(demand):
        return max(present, key=lambda option: _site_share(option, assignment, packing))
    return present[-1]


def _resume(level: Sequence[Demand], table: Table) -> None:
    """Replicas that were created and are not bound yet keep their place before anything new is placed."""
    for demand in level:
        assignment = table.assignments[demand.key]
        for option in preference(demand, table.packing):
            held = demand.held.get(option.pool)
            for replica in held.unbound if held else ():
                if not assignment.shortage or not _take(option, assignment, table, replica):
                    break


def _grow(level: Sequence[Demand], table: Table) -> None:
    """Place what is missing: everyone's first replica before anyone's second."""
    for demand in level:
        if not table.assignments[demand.key].placed:
            _place_one(demand, table)
    for demand in level:
        while table.assignments[demand.key].shortage and _place_one(demand, table):
            pass


def _place_one(demand: Demand, table: Table) -> bool:
    assignment = table.assignments[demand.key]
    if not assignment.shortage:
        return False
    options = preference(demand, table.packing)
    if _spreads(demand):
        options = sorted(options, key=lambda option: _site_share(option, assignment, table.packing))
    return any(_take(option, assignment, table) for option in options)


def _leave_pending(demand: Demand, assignment: Assignment) -> None:
    """Replicas that were created and found no devices stay; groups only for a while, because they hold nodes."""
    left = assignment.shortage
    for option in demand.case.fitting:
        held = demand.held.get(option.pool)
        if held is None or not left:
            continue
        grant = assignment.grants.setdefault(option.pool, Grant())
        lacking = held.unbound[max(0, len(grant.new_nodes)) :]
        stay = [replica for replica in lacking if option.nodes == 1 or not replica.overdue]
        grant.pending = min(len(stay), left)
        left -= grant.pending


def _take(option: Option, assignment: Assignment, table: Table, replica: HeldReplica | None = None) -> bool:
    """Grant one replica: a new one, or one that exists and lacks some or all of its nodes."""
    shape = shape_of(option)
    have = replica.nodes if replica else ()
    nodes = table.packing[option.pool].take(shape, lacking=shape.nodes - len(have))
    if nodes is None:
        return False
    grant = assignment.grants.setdefault(option.pool, Grant())
    grant.new_nodes.append((*have, *(node.name for node in nodes)))
    if shape.nodes > 1 and replica is None and any(node.used for node in nodes):
        grant.waiting += 1
    return True


def preference(demand: Demand, packing: Mapping[str, PoolPacking]) -> list[Option]:
    """Fitting options in the order of the deployment's policy."""
    fitting = list(demand.case.fitting)
    spec = demand.case.spec
    if spec is not None and spec.placement is PlacementPolicy.CHEAPEST:
        fitting.sort(key=lambda option: price_per_hour(option, packing[option.pool].pool))
    return fitting


def price_per_hour(option: Option, pool: PoolState) -> Decimal:
    """Price of one replica for an hour; a pool without a price costs nothing."""
    price = pool.spec.price if pool.spec else None
    return Decimal(price.amount) * option.devices if price else Decimal(0)


def _spreads(demand: Demand) -> bool:
    return demand.case.spec is not None and demand.case.spec.placement is PlacementPolicy.SPREAD


def _site_share(option: Option, assignment: Assignment, packing: Mapping[str, PoolPacking]) -> int:
    """Replicas of the deployment on the option's site."""
    site = _site(option.pool, packing)
    return sum(grant.replicas for pool, grant in assignment.grants.items() if _site(pool, packing) == site)


def _site(pool: str, packing: Mapping[str, PoolPacking]) -> str:
    spec = packing[pool].pool.spec
    return (spec.site if spec else None) or pool
