"""Reading specs, and the message for every mistake."""

from pathlib import Path
from typing import Any

import pytest

from infra.errors import SpecError
from infra.spec.deployment import ProbeSpec
from infra.spec.file import load_spec
from infra.spec.model import spec_from, to_values

GOOD = """\
name: demo
model:
  id: org/model
workspace:
  subscription_id: 00000000-0000-0000-0000-000000000001
  resource_group: group
  name: workspace
endpoint:
  name: demo-endpoint
deployment:
  instance_type: Standard_NC24ads_A100_v4
  instance_count: 1
  engine:
    max-model-len: 4096
catalog:
  invisible_until: 2026-01-16T00:00:00.000Z
local:
  engine:
    max_num_seqs: 8
"""


def read(tmp_path: Path, text: str, *, local: bool = False, **environ: str) -> Any:
    path = tmp_path / "demo.yaml"
    path.write_text(text, encoding="utf-8")
    return load_spec(path, environ=environ, local=local)


def test_a_good_spec_is_read_with_its_defaults(tmp_path: Path) -> None:
    spec = read(tmp_path, GOOD)
    assert spec.deployment.name == "blue"
    assert spec.endpoint.auth_mode == "key"
    assert spec.deployment.engine == {"max_model_len": 4096}
    assert spec.catalog.invisible_until == "2026-01-16T00:00:00.000Z"


def test_the_local_part_counts_only_on_this_machine(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD, local=True).deployment.engine == {"max_model_len": 4096, "max_num_seqs": 8}


def test_references_take_the_environment_or_their_default(tmp_path: Path) -> None:
    text = GOOD.replace("resource_group: group", "resource_group: ${GROUP}").replace(
        "name: workspace", "name: ${WS:-fallback}"
    )
    spec = read(tmp_path, text, GROUP="from-environment")
    assert (spec.workspace.resource_group, spec.workspace.name) == ("from-environment", "fallback")


def test_a_number_may_come_from_the_environment(tmp_path: Path) -> None:
    assert (
        read(tmp_path, GOOD.replace("instance_count: 1", "instance_count: ${N}"), N="3").deployment.instance_count == 3
    )


@pytest.mark.parametrize(
    ("field", "written", "read_as"),
    [
        pytest.param("instance_count", '" 3 "', 3, id="text"),
        pytest.param("instance_count", '"+3.0"', 3, id="text-with-a-fraction-of-nothing"),
        pytest.param("instance_count", "3.0", 3, id="fraction-of-nothing"),
        pytest.param("instance_count", '"1_0"', 10, id="digits-in-groups"),
        pytest.param("keep_previous", '"False"', False, id="false-as-text"),
        pytest.param("keep_previous", "off", False, id="off"),
        pytest.param("keep_previous", '"yes"', True, id="yes"),
        pytest.param("keep_previous", "1", True, id="one-is-true"),
        pytest.param("liveness_probe", "{period: null}", ProbeSpec(), id="nothing-is-the-default"),
    ],
)
def test_a_value_is_read_as_what_is_wanted(tmp_path: Path, field: str, written: str, read_as: Any) -> None:
    found = getattr(read(tmp_path, GOOD.replace("instance_count: 1", f"{field}: {written}")).deployment, field)
    assert (found, type(found)) == (read_as, type(read_as))


def test_a_spec_written_out_is_the_same_spec(tmp_path: Path) -> None:
    vault = "https://vault-a.vault.azure.net/secrets/HF/0123456789abcdef0123456789abcdef"
    text = GOOD.replace("catalog:", f"token: {{key_vault: '{vault}'}}\ncatalog:").replace(
        "name: demo-endpoint", identities(IDENTITY)
    )
    spec = read(tmp_path, text)
    assert spec_from(to_values(spec)) == spec
    assert to_values(spec)["token"] == {"key_vault": vault}


def test_an_escaped_reference_and_a_secret_reference_stay_as_they_are(tmp_path: Path) -> None:
    text = GOOD.replace(
        "  engine:\n    max-model-len: 4096",
        "  environment_variables:\n    A: $${HOME}\n    B: ${{azureml://connections/other/credentials/KEY}}",
    )
    variables = read(tmp_path, text).deployment.environment_variables
    assert variables == {"A": "${HOME}", "B": "${{azureml://connections/other/credentials/KEY}}"}


IDENTITY = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/group/providers/Microsoft.ManagedIdentity"
    "/userAssignedIdentities/reader"
)


def identities(*ids: str) -> str:
    listed = ", ".join(f'"{id}"' for id in ids)
    return f"name: demo-endpoint\n  identity: {{type: user_assigned, user_assigned_identities: [{listed}]}}"


def tags(*names: str) -> str:
    return f"{ENDPOINT}\n  tags: {{{', '.join(f'{name!r}: x' for name in names)}}}"


ENDPOINT = "name: demo-endpoint"
VARIABLES = "instance_count: 1\n  environment_variables: {%s: x}"
MISTAKES = [
    pytest.param(
        ENDPOINT, identities("@127.0.0.1:9/x"), 10, "resource id of an identity", "az identity", id="another-host"
    ),
    pytest.param(
        ENDPOINT, identities(IDENTITY + "/x"), 10, "resource id of an identity", "az identity", id="below-identity"
    ),
    pytest.param("catalog:", "catalog:\n  registry: a/b", 16, "name of a registry", "az ml registry", id="registry"),
    pytest.param("instance_count: 1", VARIABLES % "AML_APP_ROOT", 13, "AML_APP_ROOT is set", "delete", id="platform"),
    pytest.param(ENDPOINT, tags("a,b"), 10, "contains a comma", "another name", id="tag-comma"),
    pytest.param(ENDPOINT, tags(""), 10, "is empty", "another name", id="tag-without-name"),
    pytest.param(ENDPOINT, tags("Gatelift"), 10, "gatelift's own", "another name", id="tag-of-ours"),
    pytest.param(ENDPOINT, tags("a/b"), 10, "contains '/'", "forbids", id="tag-character"),
    pytest.param(ENDPOINT, tags("Team", "team"), 10, "the tags Team and team", "delete one", id="tag-twice"),
    pytest.param(ENDPOINT, tags(*(f"t{n}" for n in range(48))), 10, "48 tags", "Azure allows 50", id="many-tags"),
    pytest.param(ENDPOINT, tags("a" * 200, "b" * 56), 10, "256 characters in total", "shorten", id="long-tag-names"),
    pytest.param("catalog:", "catalog:\n  tags: {'a,b': x}", 16, "a comma", "another name", id="catalog-comma"),
    pytest.param(ENDPOINT, identities(IDENTITY, IDENTITY), 10, "one user-assigned", "delete", id="two-identities"),
    pytest.param(
        "  instance_count: 1", "  instance_cont: 1", 12, "deployment.instance_cont", "instance_count", id="key"
    ),
    pytest.param("instance_count: 1", "instance_count: two", 12, "'two' is not a whole number", "", id="type"),
    pytest.param("instance_count: 1", "instance_count: true", 12, "must be a whole number", "", id="bool-is-no-number"),
    pytest.param("instance_count: 1", "instance_count: .inf", 12, "inf is not a whole number", "1", id="endless"),
    pytest.param("instance_count: 1", "instance_count: 1e+308", 12, "1e+308 is not a whole number", "1", id="huge"),
    pytest.param("instance_count: 1", "instance_count: &a true", 12, "must be a whole number", "", id="named-bool"),
    pytest.param(
        "instance_count: 1", f"instance_count: 0x{'f' * 5000}", 12, "thousands of digits is more", "50", id="digits"
    ),
    pytest.param(
        "max-model-len: 4096", 'load_format: "\\ud800"', 14, "half of a surrogate pair", "itself", id="surrogate"
    ),
    pytest.param(
        "instance_count: 1", "request_settings: {request_timeout_ms: true}", 12, "must be a whole", "", id="bool-again"
    ),
    pytest.param(
        "max-model-len: 4096", "load_format: {a: [!!binary eA==]}", 14, "load_format.a.0: b'x'", "", id="bytes"
    ),
    pytest.param("instance_count: 1", "instance_count: 0", 12, "0 is less than 1", "", id="no-instance"),
    pytest.param("instance_count: 1", "instance_count: 51", 12, "51 is more than 50", "", id="too-many-instances"),
    pytest.param("name: demo-endpoint", "name: 1demo", 9, "a letter first", "", id="endpoint-name"),
    pytest.param("name: demo-endpoint", "name: de", 9, "3 to 32", "", id="short-endpoint-name"),
    pytest.param("name: demo-endpoint", "name: a--b-c", 9, "single hyphens", "", id="double-hyphen"),
    pytest.param("name: demo-endpoint", "nme: demo-endpoint", 9, "unknown key", "name", id="missing-name"),
    pytest.param("00000000-0000-0000-0000-000000000001", "abc", 5, "a GUID", "", id="subscription"),
    pytest.param("org/model", "org/model/more", 3, "Hub id", "", id="model"),
    pytest.param("org/model", "123", 3, "is not text", "quotes", id="number-for-text"),
    pytest.param("Standard_NC24ads_A100_v4", "gpu", 11, "VM size", "", id="vm-size"),
    pytest.param(
        "max-model-len", "max_model_len: 1\n    max-model-len", 13, "is given twice", "one of", id="two-spellings"
    ),
    pytest.param("max-model-len", "model", 13, "model.id", "", id="engine-argument-of-ours"),
    pytest.param(".000Z", "Z", 16, "milliseconds", "2026-01-16T00:00:00.000Z", id="no-milliseconds"),
    pytest.param(".000Z", ".000+01:00", 16, "UTC", "2026-01-16", id="not-utc"),
    pytest.param("2026-01-16", "2026-02-30", 16, "day", "2026-01-16T", id="no-such-day"),
    pytest.param("name: demo\n", "name: demo\nname: again\n", 2, "duplicate", "", id="twice"),
    pytest.param("resource_group: group", "resource_group: ${GONE}", 6, "GONE is not set", "export GONE", id="unset"),
    pytest.param("org/model", "[org", 4, "not valid YAML", "", id="not-yaml"),
]


LEVELS = "".join(f"  {letter}: &{letter} [{', '.join(['*' + chr(ord(letter) - 1)] * 9)}]\n" for letter in "bcdefghi")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param("instance_count: 1", f"instance_count: {'1' * 5000}", "cannot be read", id="digits"),
        pytest.param("org/model", "[" * 3000 + "]" * 3000, "nested too deeply", id="brackets"),
        pytest.param("org/model", "[" * 40 + "]" * 40, "nested more than 32 levels deep", id="fewer-brackets"),
        pytest.param("local:\n", f"local:\n  a: &a [x]\n{LEVELS}", "more than 10000 values", id="aliases"),
        pytest.param("local:\n", "local: &again\n  more: *again\n", "unknown key", id="alias-of-itself"),
        pytest.param("local:\n", "local:\n  ? [a]\n  : {[b]: c}\n", "", id="keys-that-are-no-text"),
        pytest.param("org/model", "!!int x", "cannot be read", id="tagged-number"),
        pytest.param("org/model", "!!float x", "cannot be read", id="tagged-fraction"),
        pytest.param("org/model", "!!bool maybe", "", id="tagged-truth"),
        pytest.param("org/model", "!!binary x", "", id="tagged-bytes"),
        pytest.param("local:\n", "local:\n  <<: 5\n", "", id="merge-of-nothing"),
    ],
)
def test_what_no_spec_holds_is_one_error_with_a_way_out(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(SpecError) as error:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert (said in str(error.value), str(error.value).count("\n") < 3, bool(error.value.hint)) == (True, True, True)


@pytest.mark.parametrize(("old", "new", "line", "said", "hint"), MISTAKES)
def test_a_mistake_names_file_line_and_way_out(
    tmp_path: Path, old: str, new: str, line: int, said: str, hint: str
) -> None:
    assert old in GOOD
    with pytest.raises(SpecError) as error:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert f"demo.yaml:{line}" in str(error.value)
    assert said in str(error.value)
    assert hint in error.value.hint


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as error:
        read(tmp_path, GOOD.replace("org/model", "a/b/c").replace("instance_count: 1", "instance_count: x"))
    assert len(str(error.value).splitlines()) == 2


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("name: demo-endpoint\n  description: hf_abcDEF123456", id="value"),
        pytest.param("name: demo-endpoint\n  tags: {hf_abcDEF123456: x}", id="key"),
        pytest.param("name: demo-endpoint\n  description: ${TOKEN}", id="through-the-environment"),
        pytest.param("name: demo-endpoint\n  description: !!pairs [a: hf_abcDEF123456]", id="in-pairs"),
    ],
)
def test_a_token_in_a_spec_is_refused_and_never_shown(tmp_path: Path, place: str) -> None:
    with pytest.raises(SpecError) as error:
        read(tmp_path, GOOD.replace("name: demo-endpoint", place), TOKEN="hf_abcDEF123456")
    assert error.value.code == "secret_in_spec"
    assert "abcDEF123456" not in str(error.value) + error.value.hint


@pytest.mark.parametrize(
    "how",
    [
        "!mine hf_abcDEF123456",
        "!!binary aGZfYWJjREVGMTIzNDU2",
        "!!set {hf_abcDEF123456}",
        "!!pairs [a: hf_abcDEF123456]",
    ],
)
def test_a_token_in_a_value_that_is_wrong_is_not_shown_either(tmp_path: Path, how: str) -> None:
    with pytest.raises(SpecError) as error:
        read(tmp_path, GOOD.replace("name: demo-endpoint", f"name: demo-endpoint\n  description: {how}"))
    assert "abcDEF123456" not in str(error.value) + error.value.hint


def test_words_that_only_begin_like_a_token_are_fine(tmp_path: Path) -> None:
    spec = read(tmp_path, GOOD.replace("max-model-len: 4096", "load_format: hf_transfer"))
    assert spec.deployment.engine == {"load_format": "hf_transfer"}


def test_the_enforce_flag_does_not_go_with_a_user_assigned_identity(tmp_path: Path) -> None:
    identity = (
        "name: demo-endpoint\n  enforce_access_to_default_secret_stores: enabled\n"
        f"  identity: {{type: user_assigned, user_assigned_identities: [{IDENTITY}]}}"
    )
    with pytest.raises(SpecError, match="user-assigned"):
        read(tmp_path, GOOD.replace("name: demo-endpoint", identity))


def test_no_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as error:
        load_spec(tmp_path / "none.yaml", environ={}, local=False)
    assert "gatelift init" in error.value.hint


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        pytest.param("name: demo-endpoint", "name: My_Endpoint-", "for example `my-endpoint`", id="endpoint-name"),
        pytest.param("name: workspace", "name: w", "for example `my-model`", id="workspace-name"),
        pytest.param("name: workspace", "name: [w]", "one value after `name:`", id="list-for-text"),
        pytest.param("max-model-len: 4096", "model: x", "delete `model` here", id="engine-argument-of-ours"),
    ],
)
def test_every_mistake_has_a_way_out(tmp_path: Path, old: str, new: str, hint: str) -> None:
    assert old in GOOD
    with pytest.raises(SpecError) as error:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert hint in error.value.hint


def test_the_token_itself_is_refused_whatever_it_looks_like(tmp_path: Path) -> None:
    spec = tmp_path / "gatelift.yaml"
    spec.write_text("name: ${HF_TOKEN}\n")
    with pytest.raises(SpecError) as caught:
        load_spec(spec, environ={"HF_TOKEN": "hf_good"}, local=True)
    assert caught.value.code == "secret_in_spec"
    assert "hf_good" not in str(caught.value)
