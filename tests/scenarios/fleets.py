"""Generated fleets: pools, nodes, foreign pods and deployments. Sane ones can serve; others have what users get wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from factories import ASCEND, ASCEND_310P, NAMESPACE, NVIDIA, deployment, node, pod, policy, pool
from modelmatrix.planning.snapshot.views import DeploymentView, NodeView, PodView, PoolView, TenantPolicyView
from scenarios.world import World

CHIPS = {"910b-64g": (ASCEND, 8), "h20-96g": (NVIDIA, 8), "a3-die-64g": (ASCEND, 16), "310p3-duo-48g": (ASCEND_310P, 8)}
FORMATS = {
    "910b-64g": ("W8A8", "BF16"),
    "h20-96g": ("FP8", "BF16"),
    "a3-die-64g": ("W8A8", "BF16"),
    "310p3-duo-48g": ("W8A8", "FP16"),
}
POOL_NAMES = ("north", "south", "west")
# One device, one or two, four or so, two nodes of 910B, and an encoder; strange ones are not listed on Ascend, or unknown.
MODELS = ("Qwen3-8B", "Qwen3-32B", "Qwen2.5-72B", "DeepSeek-R1", "Qwen3-235B-A22B", "bge-m3")
STRANGE_MODELS = (*MODELS, "deepseek-vl2", "Unheard-of")
WINDOWS = ({"start": "0 8 * * *", "end": "0 23 * * *"}, {"start": "0 2 * * 1-5", "end": "0 6 * * *"})
STRANGE_WINDOWS = (*WINDOWS, {"start": "junk junk", "end": "0 6 * * *"})

resources = st.sampled_from((ASCEND, NVIDIA, ASCEND_310P))


def seldom(rare: Any, usual: Any, *, one_in: int = 10) -> st.SearchStrategy[Any]:
    """Mostly the usual value."""
    return st.integers(1, one_in).map(lambda number: rare if number == one_in else usual)


@st.composite
def pools(draw: st.DrawFn, *, sane: bool = False) -> list[PoolView]:
    """Up to three pools; unless ``sane`` some have a strange chip, an unparsable spec, or the selector of another."""
    made = []
    for name in POOL_NAMES[: draw(st.sampled_from((1, 2, 3) if sane else (2, 3, 1, 0)))]:
        chip = draw(st.sampled_from(sorted(CHIPS)))
        fields: dict[str, Any] = {"accelerator": chip, "limit": draw(st.none() | st.none() | st.integers(0, 24))}
        fields["site"] = draw(st.sampled_from(("site-a", "site-b")))
        if draw(st.booleans()):
            fields["price"] = {"amount": draw(st.sampled_from(("6.80", "11.50"))), "currency": "CNY"}
        if not sane:
            fields |= draw(seldom({"spec": None}, {}))
            fields |= draw(seldom({"accelerator": "tpu"}, {}))
            fields |= draw(seldom({"runtimeClassName": "ascend"}, {}))
            fields |= draw(seldom({"nodeSelector": {"modelmatrix.io/pool": POOL_NAMES[0]}}, {}))
        made.append(pool(name=name, **fields))
    return made


@st.composite
def nodes(draw: st.DrawFn, made: Sequence[PoolView], *, sane: bool = False) -> list[NodeView]:
    """Up to four nodes a pool; unless ``sane`` some are broken, cordoned, smaller, empty or of another kind."""
    found = []
    for view in made:
        resource, devices = CHIPS.get(view.spec.accelerator if view.spec else "", (ASCEND, 8))
        for index in range(draw(st.sampled_from((1, 2, 3, 4) if sane else (2, 4, 3, 1, 0)))):
            total, fields = devices, {}
            if not sane:
                total = draw(seldom(draw(st.sampled_from((devices // 2, 1, 0, 64))), devices, one_in=5))
                fields["healthy"] = max(0, total - draw(seldom(2, 0)))
                fields["ready"], fields["schedulable"] = (
                    draw(seldom(rare=False, usual=True)),
                    draw(seldom(rare=False, usual=True)),
                )
                resource = draw(seldom(draw(resources), resource))
            found.append(node(name=f"{view.name}-{index}", pool=view.name, devices=total, resource=resource, **fields))
    return found


@st.composite
def foreign_pods(draw: st.DrawFn, made: Sequence[NodeView], *, sane: bool = False) -> list[PodView]:
    """Pods of others; unless ``sane`` some hold more than there is, as after a change of the device plugin."""
    found: dict[str, PodView] = {}
    for index in range(draw(st.integers(0, 3)) if made else 0):
        on = draw(st.sampled_from(list(made)))
        ((resource, devices),) = on.capacity.items()
        if not sane or on.name not in found:
            count = draw(st.integers(1, max(1, devices)))
            name = on.name if sane else f"foreign-{index}"
            found[name] = pod(name=name, namespace="others", node=on.name, devices=count, resource=resource)
    return list(found.values())


@st.composite
def one_deployment(draw: st.DrawFn, index: int, made: Sequence[PoolView], *, sane: bool = False) -> DeploymentView:
    """One deployment; unless ``sane`` it may be unparsable or contradict itself."""
    name, namespace = f"model-{index}", draw(st.sampled_from((NAMESPACE, "other-bank")))
    if not sane and draw(seldom(rare=True, usual=False, one_in=15)):
        return deployment(name=name, namespace=namespace, spec=None, error="spec.model: Field required")
    fields = draw(spec_fields(made, sane=sane))
    if not sane:
        name = draw(seldom("x" * 41, name, one_in=15))
        fields["maxModelLen"] = draw(st.sampled_from((4096, 32768, 1_000_000, 100_000_000)))
        fields["source"] = draw(seldom("hf://one/../two", "pvc://weights/model", one_in=15))
        fields |= draw(seldom({"quantization": "NVFP4"}, {}))
    return deployment(name=name, namespace=namespace, created_seconds=draw(st.sampled_from((1.0, 2.0, 3.0))), **fields)


@st.composite
def spec_fields(draw: st.DrawFn, made: Sequence[PoolView], *, sane: bool = False) -> dict[str, Any]:
    """Fields of a spec that names some of the pools, each with a format that its chip can run."""
    known = {view.name: view.spec.accelerator if view.spec else "" for view in made}
    there = st.lists(st.sampled_from(sorted(known) or ["nowhere"]), min_size=1, max_size=3, unique=True)
    names = draw(there) if sane else draw(seldom(["nowhere"], draw(there)))
    chosen = [
        {"name": name, "quantization": draw(st.sampled_from(FORMATS.get(known.get(name, ""), ("BF16",))))} for name in names
    ]
    return {
        "model": draw(st.sampled_from(MODELS if sane else STRANGE_MODELS)),
        "pools": chosen,
        "priority": draw(st.sampled_from(("P0", "P1", "P2", "P3"))),
        "placement": draw(st.sampled_from(("Ordered", "Cheapest", "Spread"))),
        "unlisted": draw(st.sampled_from(("Refuse", "Allow"))),
        "suspend": draw(seldom(rare=True, usual=False)),
        "maxModelLen": 8192,
    } | draw(counts(sane=sane))


@st.composite
def counts(draw: st.DrawFn, *, sane: bool = False) -> dict[str, Any]:
    """A fixed number of replicas, or bounds with windows."""
    if draw(st.booleans()):
        return {"replicas": draw(st.integers(0, 4))}
    least = draw(st.integers(0, 3))
    windows = draw(st.lists(st.sampled_from(WINDOWS if sane else STRANGE_WINDOWS), max_size=2))
    zone = "Asia/Shanghai" if sane else draw(seldom("Mars/Olympus", "Asia/Shanghai"))
    schedule = [window | {"name": f"w{i}", "timeZone": zone, "minReplicas": 2} for i, window in enumerate(windows)]
    most = least + draw(st.integers(1, 4))
    if sane and schedule:
        most = max(most, 2)
    return {"scaling": {"minReplicas": least, "maxReplicas": most, "schedule": schedule}}


def stated(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A field of a policy that is mostly left out."""
    return st.none() | st.none() | values


limits = st.fixed_dictionaries(
    {"max": st.integers(0, 24)},
    optional={"priority": st.sampled_from(("P0", "P2")), "accelerator": st.sampled_from((*sorted(CHIPS), "tpu"))},
)


@st.composite
def policies(draw: st.DrawFn, *, sane: bool = False) -> list[TenantPolicyView]:
    """Up to two policies, each for one namespace or for all; unless ``sane`` one may be unparsable."""
    made = []
    for name in ("base", "unit")[: draw(st.sampled_from((0, 0, 1, 2)))]:
        fields = {
            "namespaces": draw(st.sampled_from((None, (NAMESPACE,), ("other-bank",)))),
            "pools": draw(stated(st.lists(st.sampled_from((*POOL_NAMES, "*t*")), max_size=2, unique=True))),
            "highestPriority": draw(stated(st.sampled_from(("P0", "P1", "P2", "P3")))),
            "devices": draw(st.lists(limits, max_size=2)),
            "models": draw(stated(st.sampled_from((["Qwen*"], ["bge-m3"], [])))),
            "claimNames": draw(stated(st.sampled_from((["weights"], ["other*"])))),
            "tenant": draw(stated(st.sampled_from(({"value": "trading"}, {"fromNamespaceLabel": "unit"})))),
            "showOtherTenants": draw(stated(st.booleans())),
        }
        fields |= {} if sane else draw(seldom({"spec": None}, {}))
        made.append(policy(name=name, **fields))
    return made


@st.composite
def worlds(draw: st.DrawFn, *, sane: bool = False, most: int = 5) -> World:
    """A cluster without any workload yet."""
    made = draw(pools(sane=sane))
    there = draw(nodes(made, sane=sane))
    guests = draw(foreign_pods(there, sane=sane))
    fleet = [draw(one_deployment(index, made, sane=sane)) for index in range(draw(st.integers(1 if sane else 0, most)))]
    return World(
        deployments={view.key: view for view in fleet},
        pools={view.name: view for view in made},
        nodes={view.name: view for view in there},
        foreign={view.key: view for view in guests},
        policies={view.name: view for view in draw(policies(sane=sane))},
        leader_worker_sets=sane or draw(seldom(rare=False, usual=True)),
        best_fit=draw(st.booleans()),
    )
