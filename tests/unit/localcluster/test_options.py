"""What a person may choose, and how a wrong choice is answered."""

from __future__ import annotations

import pytest

from localcluster.errors import LocalClusterError
from localcluster.options import Options, from_environment


def test_unset_and_empty_variables_mean_the_default() -> None:
    assert from_environment({}) == from_environment({"CLUSTER": "", "TIME_SCALE": "", "FAST_PODS": ""}) == Options()
    assert (Options().name, Options().time_scale, Options().fast_pods) == ("cluster", 15, False)


def test_variables_are_heard() -> None:
    options = from_environment({"CLUSTER": "two", "TIME_SCALE": "1.5", "FAST_PODS": "1"})
    assert (options.name, options.time_scale, options.fast_pods) == ("two", 1.5, True)
    assert options.folder.kubeconfig.parts[-3:] == ("build", "two", "kubeconfig")


@pytest.mark.parametrize("name", ["../other", "A", "-a", "a/b", "a" * 41, "a\n"])
def test_a_name_that_could_leave_the_build_folder_is_refused(name: str) -> None:
    with pytest.raises(LocalClusterError, match="cannot be a cluster's name"):
        from_environment({"CLUSTER": name})


@pytest.mark.parametrize("scale", ["0", "0.99", "15.1", "-1", "nan", "inf"])
def test_a_time_scale_out_of_range_is_refused(scale: str) -> None:
    with pytest.raises(LocalClusterError, match="out of range"):
        from_environment({"TIME_SCALE": scale})


def test_a_time_scale_that_is_no_number_is_refused_with_what_to_do() -> None:
    with pytest.raises(LocalClusterError, match="TIME_SCALE=15"):
        from_environment({"TIME_SCALE": "fast"})
