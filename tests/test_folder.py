"""What a command may overwrite: its own files, and those of nobody else; one process at a time."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.command import folder


def prepared(out: Path, command: str = "one", writes=("a.txt", "many/")) -> None:
    folder.prepare_folder(out, command, writes)


def write(path: Path, text: str) -> None:
    with folder.replacing(path) as temporary:
        temporary.write_text(text)


def test_a_command_overwrites_what_it_wrote(tmp_path):
    for text in ("first", "second"):
        prepared(tmp_path)
        write(tmp_path / "a.txt", text)
    assert (tmp_path / "a.txt").read_text() == "second"


def test_a_copied_folder_is_still_its_own(tmp_path):
    prepared(tmp_path / "here")
    write(tmp_path / "here" / "a.txt", "mine")
    shutil.copytree(tmp_path / "here", tmp_path / "there", copy_function=shutil.copy)
    prepared(tmp_path / "there")


@pytest.mark.parametrize("content", ["precious", ""])
def test_a_file_of_somebody_elses_is_kept(tmp_path, content):
    (tmp_path / "a.txt").write_text(content)
    with pytest.raises(ValueError, match=r"--out is .*, but one did not write the a\.txt in it"):
        prepared(tmp_path)
    assert (tmp_path / "a.txt").read_text() == content


def test_a_file_that_was_changed_since_is_kept(tmp_path):
    prepared(tmp_path)
    write(tmp_path / "a.txt", "mine")
    (tmp_path / "a.txt").write_text("mine, with a note of yours")
    with pytest.raises(ValueError, match=r"a\.txt in it, or it was changed since"):
        prepared(tmp_path)


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").write_text("precious")
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.txt").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=r"a\.txt"):
        prepared(out)
    (out / "a.txt").unlink()
    (out / "a.txt").symlink_to(tmp_path / "nothing")
    with pytest.raises(ValueError, match=r"a\.txt"):
        prepared(out)


def test_what_another_command_wrote_is_kept(tmp_path):
    prepared(tmp_path)
    write(tmp_path / "a.txt", "mine")
    with pytest.raises(ValueError, match=r"holds what one wrote, a\.txt among it"):
        prepared(tmp_path, command="other")
    with pytest.raises(ValueError, match="holds what one wrote: choose another folder"):
        prepared(tmp_path, command="other", writes=("b.txt",))


def test_a_folder_in_which_a_command_wrote_nothing_yet_is_free(tmp_path):
    prepared(tmp_path)
    prepared(tmp_path, command="other")


@pytest.mark.parametrize(
    "list_of_files",
    ["{", "[]", '{"command": 3}', '{"files": [], "command": null}', '{"files": {"a": null}, "command": "one"}'],
)
def test_a_damaged_list_makes_no_file_a_commands_own(tmp_path, list_of_files):
    (tmp_path / "a.txt").write_text("precious")
    (tmp_path / folder.WRITTEN).write_text(list_of_files)
    with pytest.raises(ValueError, match=r"\.written\.json in it is no list of a command's"):
        prepared(tmp_path)
    assert (tmp_path / "a.txt").read_text() == "precious"
    assert (tmp_path / folder.WRITTEN).read_text() == list_of_files


def test_a_lock_of_somebody_elses_is_kept(tmp_path):
    (tmp_path / folder.LOCK).write_text("precious")
    with pytest.raises(ValueError, match=r"\.lock in it is no lock of a command's"):
        prepared(tmp_path)
    assert (tmp_path / folder.LOCK).read_text() == "precious"
    (tmp_path / folder.LOCK).unlink()
    (tmp_path / "thesis").write_text("precious")
    (tmp_path / folder.LOCK).symlink_to(tmp_path / "thesis")
    with pytest.raises(ValueError, match=r"\.lock in it cannot be opened"):
        prepared(tmp_path)
    assert (tmp_path / "thesis").read_text() == "precious"


def test_kills_between_the_list_and_the_file_make_neither_foreign(tmp_path, monkeypatch):
    prepared(tmp_path)
    write(tmp_path / "a.txt", "old")

    def killed(self, target):
        raise KeyboardInterrupt

    replace = Path.replace
    for text in ("new", "newer"):
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(Path, "replace", lambda self, to: (killed if to.name == "a.txt" else replace)(self, to))
            write(tmp_path / "a.txt", text)
        assert (tmp_path / "a.txt").read_text() == "old"
        prepared(tmp_path)


@pytest.mark.parametrize(("name", "make"), [("a.txt", Path.mkdir), ("many", Path.touch)])
def test_a_folder_where_a_file_should_be_and_the_other_way_round(tmp_path, name, make):
    make(tmp_path / name)
    with pytest.raises(ValueError, match=f"{name} in it is in the way"):
        prepared(tmp_path)


HOLD = """
import sys, time
from pathlib import Path
from experiments.command.folder import prepare_folder
prepare_folder(Path(sys.argv[1]), "holder", ())
print("held", flush=True)
sys.stdin.read()
"""


def test_one_process_at_a_time_and_a_lock_left_behind_is_taken_over(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             cwd=Path(folder.__file__).parents[2], text=True)  # fmt: skip
    assert child.stdout.readline() == "held\n"
    with pytest.raises(ValueError, match=rf"but process {child.pid}, holder, is writing there: wait"):
        prepared(tmp_path)
    child.kill()
    child.communicate()
    prepared(tmp_path)
    prepared(tmp_path)  # the same process may come back


def test_a_write_that_fails_names_the_file_and_leaves_the_old_one(tmp_path):
    prepared(tmp_path)
    write(tmp_path / "a.txt", "old")
    with (
        pytest.raises(OSError, match=r"a\.txt could not be written: No space left"),
        folder.replacing(tmp_path / "a.txt") as temporary,
    ):
        temporary.write_text("half")
        raise OSError(28, os.strerror(28))
    assert (tmp_path / "a.txt").read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"a.txt", folder.WRITTEN, folder.LOCK}


def test_the_list_names_the_command_and_what_it_wrote(tmp_path):
    prepared(tmp_path)
    write(tmp_path / "a.txt", "mine")
    written = json.loads((tmp_path / folder.WRITTEN).read_text())
    assert written == {"command": "one", "files": {"a.txt": [folder.digest(b"mine")]}}
