"""How many instances run, who decides about it, what they need, and for which stack they run."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.cli.main import main
from infra.errors import SpecError
from infra.operations.status import list_stacks, status
from infra.operations.token import token_rotate
from infra.spec.model import to_values
from tests.infra.operations.sharing.actors import put_untagged, reasons, scale, set_variable


def test_a_count_that_the_spec_leaves_out_is_left_alone(bench: Any) -> None:
    open_count = {"responses_per_instance": True}
    spec = bench.spec("open-count", deployment=open_count)
    bench.up(spec)
    target = bench.target(spec)
    blue = target.cloud.workspace.deployment("open-count-endpoint", "blue")
    assert target.arm.get(blue)["sku"]["capacity"] == 1
    scale(target, blue, 3)
    assert not bench.plan(spec).has_changes
    with pytest.raises(SpecError, match="left out, and the number of live instances is 3: each instance would keep"):
        bench.plan(bench.spec("open-count"))
    bench.up(bench.spec("open-count", deployment={**open_count, "environment_variables": {"NAME": "value"}}))
    assert target.arm.get(blue)["sku"]["capacity"] == 3
    token_rotate(spec, target, "hf_secondtoken2")
    assert target.arm.get(blue)["sku"]["capacity"] == 3
    bigger = bench.spec("open-count", deployment={**open_count, "instance_type": "Standard_NC48ads_A100_v4"})
    assert bench.up(bigger, "hf_secondtoken2").connection.deployment != "blue"
    [new] = [id for id in target.arm.list(f"{blue.rpartition('/')[0]}") if id["name"] != "blue"]
    assert new["sku"]["capacity"] == 3  # the requests of three instances move to it


def test_a_count_that_autoscale_owns_is_left_alone_and_told(bench: Any) -> None:
    counted = {"instance_count": 1, "responses_per_instance": True}
    spec = bench.spec("scaled", deployment=counted)
    bench.up(spec)
    target = bench.target(spec)
    blue = target.cloud.workspace.deployment("scaled-endpoint", "blue")
    group = target.workspace.id.partition("/providers/")[0]
    profile = {"name": "p", "capacity": {"minimum": "1", "maximum": "4", "default": "1"}, "rules": []}
    setting = f"{group}/providers/Microsoft.Insights/autoscaleSettings/scaler"
    properties = {"profiles": [profile], "enabled": True, "targetResourceUri": blue.upper().replace("//", "/")}
    target.arm.put(setting, {"location": "eastus", "properties": properties}, api_version="2022-10-01")
    scale(target, blue, 3)
    with pytest.raises(SpecError, match="the autoscale setting scaler with a maximum of 4"):
        bench.plan(bench.spec("scaled"))
    planned = bench.plan(spec)
    assert not planned.has_changes
    assert "left at 3, not 1 as in the spec: the autoscale setting scaler decides" in reasons(
        planned.changes, "deployment"
    )
    assert [each["autoscale"] for each in status(spec, target)["deployments"]] == ["scaler"]
    bench.up(bench.spec("scaled", deployment={**counted, "environment_variables": {"NAME": "value"}}))
    assert target.arm.get(blue)["sku"]["capacity"] == 3
    target.arm.delete(setting, api_version="2022-10-01")
    assert bench.plan(spec).has_changes


def test_variables_with_the_platforms_prefixes_survive(bench: Any) -> None:
    spec = bench.spec("platform")
    bench.up(spec)
    target = bench.target(spec)
    blue = target.cloud.workspace.deployment("platform-endpoint", "blue")
    set_variable(target, blue, ("AML_APP_ROOT_HINT", "theirs"))
    bench.up(bench.spec("platform", deployment={"environment_variables": {"NAME": "value"}}))
    variables = target.arm.get(blue)["properties"]["environmentVariables"]
    assert (variables["AML_APP_ROOT_HINT"], variables["NAME"]) == ("theirs", "value")


def test_the_quota_counts_what_is_deleted_first(bench: Any) -> None:
    h100 = {"instance_type": "Standard_NC40ads_H100_v5"}  # the seed has the cores of one
    first = bench.spec("tight", deployment={**h100, "name": "blue", "keep_previous": False})
    bench.up(first)
    target = bench.target(first)
    endpoint = target.cloud.workspace.endpoint("tight-endpoint")
    document = target.arm.get(endpoint)
    body = {name: document[name] for name in ("location", "tags", "properties")}
    body["properties"].pop("provisioningState")
    body["properties"]["traffic"] = {}
    target.cloud.poller.wait(
        target.arm.begin_put(endpoint, {**body, "identity": {"type": document["identity"]["type"]}})
    )
    renamed = bench.spec("tight", deployment={**h100, "name": "green", "keep_previous": False})
    assert bench.up(renamed).connection.deployment == "green"
    bench.down(renamed)


def test_the_stacks_of_a_workspace_are_listed(bench: Any, pair: Any) -> None:
    ours, theirs = pair("listed")
    bench.up(ours)
    bench.up(theirs)
    target = bench.target(ours)
    blue = target.cloud.workspace.deployment("listed-b-endpoint", "blue")
    scale(target, blue, 2)
    found = list_stacks(target)
    rows = [(stack["name"], stack["endpoint"], stack["instances"]) for stack in found["stacks"]]
    assert rows == [("listed-a", "listed-a-endpoint", 1), ("listed-b", "listed-b-endpoint", 2)]
    [deployment] = found["stacks"][1]["deployments"]
    assert (deployment["name"], deployment["instance_count"]) == ("blue", 2)
    assert all(stack["last_change"]["at"] and stack["last_change"]["by"] for stack in found["stacks"])
    put_untagged(target, blue)
    assert list_stacks(target)["untagged"] == [{"endpoint": "listed-b-endpoint", "deployment": "blue", "instances": 2}]


def test_a_line_for_each_stack(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = bench.spec("lines")
    bench.up(spec)
    for name, value in bench.environ.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "spec.yaml").write_text(json.dumps(to_values(spec)), encoding="utf-8")
    assert main(["list", str(tmp_path / "spec.yaml"), "--local"]) == 0
    header, line, _, total = capsys.readouterr().out.splitlines()
    assert header.split() == ["stack", "endpoint", "deployments", "instances", "cost", "last", "change", "by"]
    assert line.split()[:5] == ["lines", "lines-endpoint", "blue", "1", "$3.67/h"]
    assert total.startswith("On Azure it would cost $")
    assert total.endswith("nothing is billed here")
