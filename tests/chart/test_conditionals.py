"""Every conditional of the chart both ways: one set of values switches all of them on, another one off.

With the golden file of the defaults these show whatever a conditional adds or leaves out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from charts import CHART, Manifest
from localcluster.build.programs import Programs

pytestmark = pytest.mark.cluster

ON: dict[str, Any] = {
    "global": {"imageRegistry": "registry.example", "imagePullSecrets": ["puller"]},
    "image": {"digest": f"sha256:{'0' * 64}"},
    "crds": {"install": False, "keep": False},
    "prometheus": {"url": "https://prometheus:9090", "caSecret": {"name": "ca"}, "tokenSecret": {"name": "reader"}},
    "operator": {"extraEnv": {"MODELMATRIX_TIME_SCALE": 2}},
    "admission": {"existingSecret": "webhook", "caBundle": "PEM", "url": "https://10.0.0.5:9443"},
    "tenancy": {"admission": "Warn"},
    "metrics": {
        "secure": {"enabled": True},
        "podMonitor": {"enabled": True, "additionalLabels": {"release": "p"}, "tokenSecret": {"name": "scraper"}},
    },
    "engines": {"networkPolicy": {"openPorts": [15008]}},
    "networkPolicy": {"enabled": True, "metricsFrom": [{"podSelector": {}}], "egress": [{"ports": [{"port": 443}]}]},
    "policies": {"operator": {"hostPaths": [{"path": "/data", "readOnly": False}]}},
    "rbac": {"scope": ["trading"]},
    "serviceAccount": {"name": "robot", "annotations": {"a": "b"}},
    "podAnnotations": {"a": "b"},
    "podLabels": {"team": "ai"},
    "nodeSelector": {"zone": "z"},
    "tolerations": [{"operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
}
OFF: dict[str, Any] = {
    "replicas": 1,
    "crds": {"install": False},
    "admission": {"mode": "Off"},
    "prometheus": {"caSecret": {"name": "ca"}},
    "tenancy": {"admission": "Off"},
    "engines": {"networkPolicy": {"enabled": False}},
    "policies": {"operator": {"enabled": False}, "priorityClasses": {"enabled": False}},
    "networkPolicy": {"enabled": True},
    "priorityClasses": {"install": False},
    "rbac": {"create": False, "aggregate": False},
    "serviceAccount": {"create": False},
    "priorityClassName": "",
    "podDisruptionBudget": {"enabled": False},
}
CERT_MANAGER: dict[str, Any] = OFF | {"admission": {"certManager": {"enabled": True}}, "metrics": {"secure": {"enabled": True}}}


def rendered(programs: Programs, folder: Path, values: dict[str, Any]) -> list[Manifest]:
    """The manifests by a file of values."""
    path = folder / "values.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    release = ("helm", "template", "modelmatrix", str(CHART), "--namespace", "modelmatrix-system")
    text = programs.run(*release, "--values", str(path))
    return [item for item in yaml.safe_load_all(text) if item]


@pytest.mark.parametrize(("name", "values"), [("on", ON), ("off", OFF), ("cert-manager", CERT_MANAGER)])
def test_the_manifests(programs: Programs, golden: Any, tmp_path: Path, name: str, values: dict[str, Any]) -> None:
    golden(f"chart-{name}", rendered(programs, tmp_path, values))


@pytest.mark.parametrize(("release", "name"), [("models", "models-modelmatrix"), ("my-modelmatrix", "my-modelmatrix")])
def test_objects_are_named_by_the_release_and_by_the_chart_once(programs: Programs, release: str, name: str) -> None:
    text = programs.run("helm", "template", release, str(CHART), "--show-only", "templates/deployment.yaml")
    assert yaml.safe_load(text)["metadata"]["name"] == name


def test_the_notes_say_what_is_missing_and_nothing_when_nothing_is(programs: Programs, tmp_path: Path) -> None:
    path = tmp_path / "values.yaml"

    def notes(values: dict[str, Any]) -> str:
        path.write_text(yaml.safe_dump(values), encoding="utf-8")
        release = ("helm", "install", "modelmatrix", str(CHART), "--dry-run=client", "--namespace", "modelmatrix-system")
        return programs.run(*release, "--values", str(path), environment={"KUBECONFIG": str(tmp_path / "none")}).partition(
            "NOTES"
        )[2]

    hints = ("prometheus.url is empty", "metrics.podMonitor.enabled=true", "with one replica")
    assert [hint in notes(OFF) for hint in hints] == [True, True, True]
    assert [hint in notes(ON) for hint in hints] == [False, False, False]
