"""What goes up from a folder, and what never does."""

from pathlib import Path

import pytest

from infra.errors import Refused
from infra.uploaded_files import files_to_upload

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n-----END OPENSSH PRIVATE KEY-----\n"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"


def put(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def names(folder: Path) -> list[str]:
    return [name for name, _ in files_to_upload(folder)]


@pytest.mark.parametrize(
    ("files", "kept"),
    [
        pytest.param([".env", ".env.prod", "prod.env", "sub/.envrc", "a.py"], ["a.py"], id="environment-files"),
        pytest.param([".git/config", "sub/.git/config", "a.py"], ["a.py"], id="git"),
        pytest.param(["id_rsa", "sub/id_ed25519", "x.p12", "a.py"], ["a.py"], id="keys-by-name"),
        pytest.param(["__pycache__/a.pyc", "b.pyc", "a.py"], ["a.py"], id="caches"),
        pytest.param(["env.yaml", "envs/a.py", ".hidden"], [".hidden", "env.yaml", "envs/a.py"], id="all"),
    ],
)  # fmt: skip
def test_what_never_goes_up(tmp_path: Path, files: list[str], kept: list[str]) -> None:
    assert names(put(tmp_path, dict.fromkeys(files, "x"))) == kept


def test_a_private_key_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    assert names(put(tmp_path, {"server.pem": KEY, "deploy": KEY, "ca.pem": CERTIFICATE})) == ["ca.pem"]


@pytest.mark.parametrize(
    ("ignore", "kept"),
    [
        pytest.param({".gitignore": "*.log\n/data/\n"}, [".gitignore", "a.py", "sub/data/x"], id="gitignore"),
        pytest.param({".amlignore": "*.py"}, [".amlignore", "data/x", "run.log", "sub/data/x"], id="amlignore"),
        pytest.param(
            {".amlignore": "*.log", ".gitignore": "*"},
            [".amlignore", ".gitignore", "a.py", "data/x", "sub/data/x"],
            id="amlignore-goes-first",
        ),
        pytest.param({".gitignore": "*.log\n!run.log\n**/data"}, [".gitignore", "a.py", "run.log"], id="negation"),
        pytest.param({".gitignore": "\ufeff*.log\r\ndata/\r\n# *.py"}, [".gitignore", "a.py"], id="windows"),
    ],
)
def test_an_ignore_file_says_what_stays(tmp_path: Path, ignore: dict[str, str], kept: list[str]) -> None:
    put(tmp_path, {**dict.fromkeys(["a.py", "run.log", "data/x", "sub/data/x"], "x"), **ignore})
    assert names(tmp_path) == kept


@pytest.mark.parametrize("target", ["../secret", "../elsewhere", "/etc/passwd", "sub/../../secret"])
def test_a_link_out_of_the_folder_is_named(tmp_path: Path, target: str) -> None:
    folder = put(tmp_path / "code", {"a.py": "x", "sub/b.py": "x"})
    put(tmp_path, {"secret": "x", "elsewhere/c": "x"})
    (folder / "link").symlink_to(target)
    with pytest.raises(Refused, match=str(folder / "link")) as refused:
        files_to_upload(folder)
    assert "outside of" in str(refused.value)
    assert ".amlignore" in refused.value.hint
    put(folder, {".amlignore": "link"})
    assert names(folder) == [".amlignore", "a.py", "sub/b.py"]


@pytest.mark.parametrize(
    ("target", "words"), [("none", "does not exist"), (".", "that it is in"), ("link", "leads back")]
)
def test_a_link_to_nothing_and_one_in_a_circle(tmp_path: Path, target: str, words: str) -> None:
    put(tmp_path, {"a.py": "x"})
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(Refused, match=words):
        files_to_upload(tmp_path)


def test_links_within_the_folder_are_followed(tmp_path: Path) -> None:
    put(tmp_path, {"a.py": "x", "sub/b.py": "y"})
    (tmp_path / "c.py").symlink_to("a.py")
    (tmp_path / "more").symlink_to("sub")
    assert [(name, path.read_text()) for name, path in files_to_upload(tmp_path)] == [
        ("a.py", "x"), ("c.py", "x"), ("more/b.py", "y"), ("sub/b.py", "y")
    ]  # fmt: skip


def test_an_ignore_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / ".amlignore").write_bytes("# Schlüssel\n".encode("latin-1"))
    with pytest.raises(Refused, match=r"\.amlignore is not in UTF-8"):
        names(tmp_path)
