from __future__ import annotations

from typing import Any

import pytest

from fakes.waiting import FakeClock
from modelmatrix.api import names
from modelmatrix.cluster.observed_lease import Holder, LeaseTimes, ObservedLease, released

OWN, TIMES = Holder("system/one", "a"), LeaseTimes()
BROTHER, STRANGER = Holder("system/one", "b"), Holder("system/two", "a")


def lease_of(holder: Holder, *, renewed: str = "10:00:00", seconds: int = 10) -> dict[str, Any]:
    """The Lease as a process holds it."""
    spec = {"holderIdentity": holder.identity, "renewTime": renewed, "leaseDurationSeconds": seconds}
    return {"metadata": {"annotations": {names.ANNOTATION_INSTALLATION: holder.installation}}, "spec": spec}


def wait_of(lease: dict[str, Any]) -> float:
    """Seconds that this process has to wait with its claim when it first sees the Lease."""
    clock = FakeClock()
    observed = ObservedLease(OWN, TIMES, clock)
    observed.see(lease)
    return observed.claimable_at - clock.seconds


@pytest.mark.parametrize(
    ("lease", "seconds"),
    [
        (lease_of(OWN), 0),
        (lease_of(BROTHER), 10),
        (lease_of(BROTHER, seconds=15), 15),
        (released(lease_of(BROTHER)), 0),
        (lease_of(STRANGER), 30),
        (lease_of(STRANGER, seconds=60), 60),
        (released(lease_of(STRANGER)), 30),
        ({"metadata": {}, "spec": {"holderIdentity": "ghost"}}, 10),
        ({"metadata": {}}, 0),
    ],
)
def test_who_held_it_decides_how_long_to_wait(lease: dict[str, Any], seconds: float) -> None:
    assert wait_of(lease) == seconds


def test_a_state_is_as_old_as_when_it_was_first_seen() -> None:
    clock = FakeClock()
    observed = ObservedLease(OWN, TIMES, clock)
    observed.see(lease_of(BROTHER))
    first = observed.claimable_at
    clock.pass_(7)
    observed.see(lease_of(BROTHER))
    assert observed.claimable_at == first
    observed.see(lease_of(BROTHER, renewed="10:00:02"))
    assert observed.claimable_at == first + 7


def test_a_claim_counts_the_changes_of_holders_and_keeps_what_others_wrote() -> None:
    observed = ObservedLease(OWN, TIMES, FakeClock())
    before = lease_of(BROTHER) | {"kind": "Lease"}
    before["metadata"]["labels"] = {"a": "b"}
    claimed = observed.claimed(before, namespace="system")
    again = observed.claimed(claimed, namespace="system")
    assert (claimed["kind"], claimed["metadata"]["labels"]) == ("Lease", {"a": "b"})
    assert claimed["metadata"]["annotations"] == {names.ANNOTATION_INSTALLATION: "system/one"}
    assert [one["spec"]["leaseTransitions"] for one in (claimed, again)] == [1, 1]
    assert again["spec"]["acquireTime"] == claimed["spec"]["acquireTime"]
    observed.see(claimed)
    assert (observed.holder, observed.other_installation) == (OWN, "")


def test_a_release_remembers_the_installation() -> None:
    observed = ObservedLease(STRANGER, TIMES, FakeClock())
    observed.see(released(lease_of(OWN)))
    assert (observed.holder.identity, observed.other_installation) == ("", "system/one")
