"""The operations behind the `token` and `catalog` commands."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.errors import AccessDenied, NotFound
from infra.operations.catalog import catalog_hide, catalog_list, catalog_publish, catalog_show
from infra.operations.doctor.run import run_checks
from infra.operations.token import token_rotate, token_set, token_verify
from infra.spec.model import to_values
from tests.infra.operations.conftest import Phases


def test_a_token_is_set_and_verified(bench: Any) -> None:
    spec = bench.spec("vault")
    target = bench.target(spec)
    assert token_set(spec, target, "hf_goodtoken001")["action"] == "created"
    found = token_verify(spec, target, None)
    assert (found["user"], found["access"], found["source"]) == ("reader", "granted", "stored")
    assert token_verify(spec, target, "hf_secondtoken2")["connection"]["same_token"] is False
    assert token_set(spec, target, "hf_secondtoken2")["action"] == "updated"
    assert token_verify(spec, target, "hf_secondtoken2")["connection"]["same_token"] is True


def test_a_stored_token_serves_up(bench: Any) -> None:
    spec = bench.spec("stored")
    token_set(spec, bench.target(spec), "hf_goodtoken001")
    assert bench.up(spec, token=None).answer == "org/gated with a token"


def test_a_rotated_token_reaches_the_container(bench: Any) -> None:
    spec = bench.spec("rotate")
    bench.up(spec)
    assert token_rotate(spec, bench.target(spec), "hf_secondtoken2")["deployment"] == "rolled"
    assert not bench.plan(spec, token="hf_secondtoken2").has_changes


def test_a_key_that_the_connection_does_not_have_is_told(bench: Any) -> None:
    spec = bench.spec("keys")
    token_set(spec, bench.target(spec), "hf_goodtoken001")
    other = bench.spec("keys", token={"key": "OTHER"})
    with pytest.raises(AccessDenied) as error:
        token_verify(other, bench.target(other), None)
    assert error.value.code == "connection_without_key"


def test_a_rotated_token_restarts_nothing_of_others(bench: Any) -> None:
    spec = bench.spec("rotate-theirs")
    bench.up(spec)
    target = bench.target(spec)
    blue = target.cloud.workspace.deployment("rotate-theirs-endpoint", "blue")
    before = target.arm.get(blue)
    target.cloud.poller.wait(target.arm.begin_patch(blue, {"tags": {**before["tags"], "gatelift": "theirs@1"}}))
    assert token_rotate(spec, target, "hf_secondtoken2")["deployment"] == "not running"
    variables = target.arm.get(blue)["properties"]["environmentVariables"]
    assert variables == before["properties"]["environmentVariables"]


@pytest.mark.parametrize("token", [None, "hf_goodtoken001"])
def test_another_key_is_written_beside_the_old_one(bench: Any, token: str | None) -> None:
    name = "key-given" if token else "key-stored"
    bench.up(bench.spec(name))
    renamed = bench.spec(name, token={"key": "OTHER"})
    assert bench.up(renamed, token=token).answer == "org/gated with a token"
    assert not bench.plan(renamed, token=token).has_changes
    assert not bench.plan(renamed, token=None).has_changes
    target = bench.target(renamed)
    secrets = target.arm.post(target.cloud.workspace.connection("HuggingFaceTokenConnection") + "/listsecrets")
    assert set(secrets["properties"]["credentials"]["keys"]) == {"HF_TOKEN", "OTHER"}


def test_a_secret_that_others_changed_below_its_fingerprint_is_not_the_same(bench: Any) -> None:
    spec = bench.spec("below")
    target = bench.target(spec)
    token_set(spec, target, "hf_goodtoken001")
    id = target.cloud.workspace.connection("HuggingFaceTokenConnection")
    document = target.arm.get(id)
    document["properties"]["credentials"] = {"keys": {"HF_TOKEN": "hf_secondtoken2"}}
    target.arm.put(id, document)
    assert token_verify(spec, target, "hf_goodtoken001")["connection"]["same_token"] is False
    assert token_verify(spec, target, "hf_secondtoken2")["connection"]["same_token"] is True


@pytest.mark.parametrize("token", ["", "hf_with space"])
def test_what_is_no_token_is_not_stored(bench: Any, token: str) -> None:
    spec = bench.spec("form")
    with pytest.raises(AccessDenied):
        token_set(spec, bench.target(spec), token)


def test_a_bad_token_never_replaces_a_good_one(bench: Any) -> None:
    spec = bench.spec("keep")
    token_set(spec, bench.target(spec), "hf_goodtoken001")
    with pytest.raises(AccessDenied):
        token_rotate(spec, bench.target(spec), "hf_strangertok3")
    assert token_verify(spec, bench.target(spec), "hf_goodtoken001")["connection"]["same_token"] is True


def test_an_entry_is_hidden_until_its_moment(bench: Any) -> None:
    spec = bench.spec("cards")
    target = bench.target(spec)
    with pytest.raises(NotFound):
        catalog_show(spec, target)
    entry = catalog_publish(spec, target)
    assert entry["invisible_until"] == "2026-01-16T00:00:00.000Z"
    assert "# org/gated" in entry["card"]

    def visible(as_of: str) -> list[str]:
        return [e["name"] for e in catalog_list(spec, target, include_hidden=False, as_of=as_of)]

    assert visible("2026-01-15T23:59:59.999Z") == []
    assert visible("2026-01-16T00:00:00.000Z") == ["org-gated"]
    catalog_hide(spec, target, "2027-01-01T00:00:00.000Z")
    assert visible("2026-06-01T00:00:00.000Z") == []
    assert catalog_hide(spec, target, None)["invisible_until"] is None
    assert visible("2020-01-01T00:00:00.000Z") == ["org-gated"]
    assert catalog_publish(spec, target)["invisible_until"] == "2026-01-16T00:00:00.000Z"


def store(target: Any, stored: str) -> None:
    """Write the connection as a person does who knows nothing of gatelift."""
    body = {
        "properties": {
            "category": "CustomKeys",
            "authType": "CustomKeys",
            "target": "_",
            "credentials": {"keys": {"HF_TOKEN": stored}},
        }
    }
    target.arm.put(target.cloud.workspace.connection("HuggingFaceTokenConnection"), body)


def test_what_lies_around_a_stored_token_is_told(bench: Any, tmp_path: Path) -> None:
    spec = bench.spec("dirty")
    target = bench.target(spec)
    store(target, "hf_goodtoken001\n")
    verified = token_verify(spec, target, None)
    assert verified["user"] == "reader"
    assert "has a line end after it; write it anew" in verified["warning"]
    (tmp_path / "spec.yaml").write_text(json.dumps(to_values(spec)))
    checks = run_checks(tmp_path / "spec.yaml", local=True, token=None, environ=bench.environ)
    [token] = [check for check in checks if check.name == "token"]
    assert (token.verdict, "a line end after it" in token.detail) == ("warn", True)
    assert "goodtoken" not in json.dumps([verified, token.to_json()])
    phases = Phases()
    bench.up(spec, token=None, phases=phases)
    assert any("has a line end after it" in note for note in phases.notes)


@pytest.mark.parametrize("stored", ['"hf_goodtoken001"', "Bearer hf_goodtoken001", "${HF_TOKEN}", "<your-token>"])
def test_a_stored_token_that_is_none_is_refused_without_showing_it(bench: Any, stored: str) -> None:
    spec = bench.spec("no-token")
    target = bench.target(spec)
    store(target, stored)
    with pytest.raises(AccessDenied) as refused:
        token_verify(spec, target, None)
    assert refused.value.code == "token_form"
    assert "gatelift token set" in refused.value.hint
    assert stored not in str(refused.value) + refused.value.hint


def test_the_catalog_lists_the_models_of_every_page(bench: Any) -> None:
    specs = [bench.spec("paged", catalog={"name": f"paged-{number}"}) for number in range(5)]
    target = bench.target(specs[0])
    for spec in specs:
        catalog_publish(spec, target)
    listed = catalog_list(specs[0], target, include_hidden=True, as_of=None)
    assert [entry["name"] for entry in listed] == [f"paged-{number}" for number in range(5)]


def test_down_removes_versions_of_every_page(bench: Any) -> None:
    """Five versions of one entry: the stack's own is among those that a first page of two leaves out."""
    for version in range(5):
        catalog_publish(bench.spec("many", catalog={"version": str(version)}), bench.target(bench.spec("many")))
    spec = bench.spec("many")
    bench.down(spec)
    assert catalog_list(spec, bench.target(spec), include_hidden=True, as_of=None) == []
