"""Bake the template and look at, or run, what came out."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from cookiecutter.main import cookiecutter
from jinja2 import Template

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = ROOT / "{{cookiecutter.project_slug}}"

# What make and uv tell these tests of themselves is none of the baked project's business.
HIDDEN = ("DJANGO_SETTINGS_MODULE", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "UV", "UV_PYTHON", "VIRTUAL_ENV")


def template_files() -> set[str]:
    """Return the path of every file that makes the template, but for those that git ignores."""
    parts = ("cookiecutter.json", "hooks", TEMPLATE.name)
    if (ROOT / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *parts]
        listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
        paths = [ROOT / path for path in listing if path]
    else:
        paths = [path for part in parts for path in (ROOT / part, *(ROOT / part).rglob("*"))]
    return {path.relative_to(ROOT).as_posix() for path in paths if path.is_file()}


@dataclass(frozen=True)
class BakedProject:
    path: Path

    @property
    def package(self) -> str:
        return self.path.name

    def files(self) -> set[str]:
        return {path.relative_to(self.path).as_posix() for path in self.path.rglob("*") if path.is_file()}

    def read(self, name: str) -> str:
        return (self.path / name).read_text(encoding="utf-8")

    def run(self, *command: str, **variables: str) -> str:
        """Run a command in the project as its owner would; return what it printed, or show all that it said if it fails."""
        result = run(*command, cwd=self.path, **variables)
        assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}\n{result.stderr}"
        return result.stdout


Bake = Callable[..., BakedProject]
MistakesInSlug = Callable[[str], list[str]]
Command = Callable[..., subprocess.CompletedProcess[str]]


def run(*command: str, cwd: Path, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    own_tools = str(Path(sys.executable).parent)
    environment["PATH"] = os.pathsep.join(part for part in environment["PATH"].split(os.pathsep) if part != own_tools)
    return subprocess.run(
        command,
        cwd=cwd,
        input=stdin,
        env=environment | variables,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture(autouse=True)
def hooks_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where Cookiecutter is to render its hooks: it never removes them."""
    folder = tmp_path / "hooks"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    """Return a Cookiecutter configuration that keeps the developer's own out, and leaves nothing in their home."""
    config = tmp_path / "cookiecutterrc"
    settings = {
        "cookiecutters_dir": f"{tmp_path}/cookiecutters",
        "replay_dir": f"{tmp_path}/replay",
        "abbreviations": {"gh": f"file://{tmp_path}/hub/{{0}}.git"},  # See test_tools.
    }
    config.write_text(yaml.safe_dump(settings))
    return config


@pytest.fixture
def bake(tmp_path: Path, config_file: Path) -> Bake:
    """Return a function that bakes the template with the answers it is given, through Cookiecutter's Python API."""

    def bake_with(folder: str = "baked", **answers: Any) -> BakedProject:  # noqa: ANN401 - answers that are no text must be refused too
        output = tmp_path / folder
        output.mkdir(exist_ok=True)
        path = cookiecutter(
            str(ROOT),
            no_input=True,
            extra_context=answers,
            output_dir=str(output),
            config_file=str(config_file),
            accept_hooks=True,
        )
        return BakedProject(Path(path))

    return bake_with


@pytest.fixture
def cookiecutter_command(tmp_path: Path, config_file: Path, hooks_folder: Path) -> Command:
    """Return a function that runs the `cookiecutter` command in an empty folder called `work`."""
    (tmp_path / "work").mkdir()
    command = (sys.executable, "-m", "cookiecutter", "--config-file", str(config_file))
    return lambda *arguments, stdin="": run(*command, *arguments, cwd=tmp_path / "work", stdin=stdin, TMPDIR=str(hooks_folder))


@pytest.fixture(scope="session")
def mistakes_in_slug() -> MistakesInSlug:
    """Return the function of that name from the hook, which cannot be imported, being a template."""
    namespace: dict[str, Any] = {"__name__": "hook"}
    source = Template((ROOT / "hooks/pre_gen_project.py").read_text(encoding="utf-8")).render(cookiecutter={})
    exec(compile(source, "pre_gen_project.py", "exec"), namespace)  # noqa: S102 - it is the hook that Cookiecutter runs
    return namespace["mistakes_in_slug"]


@pytest.fixture(scope="session")
def uv_on_path(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return a PATH that leads to the uv which runs these tests, so that no baked project has to fetch its own."""
    folder = tmp_path_factory.mktemp("uv")
    if uv := os.environ.get("UV") or shutil.which("uv"):
        (folder / "uv").symlink_to(uv)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture(scope="session")
def shared_environment(tmp_path_factory: pytest.TempPathFactory, uv_on_path: dict[str, str]) -> dict[str, str]:
    """Return variables that let all baked projects use one environment, since all of them need the same packages."""
    folder = tmp_path_factory.mktemp("shared")
    return uv_on_path | {"UV_PROJECT_ENVIRONMENT": str(folder / "venv"), "MYPY_CACHE_DIR": str(folder / "mypy")}


@pytest.fixture(scope="module")
def baked_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch_module: pytest.MonkeyPatch) -> Path:
    """Return a folder for projects, and keep what Cookiecutter leaves in it."""
    folder = tmp_path_factory.mktemp("baked")
    (folder / "hooks").mkdir()
    monkeypatch_module.setattr("tempfile.tempdir", str(folder / "hooks"))
    (folder / "rc").write_text(f"cookiecutters_dir: {folder}/cookiecutters\nreplay_dir: {folder}/replay\n")
    return folder


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def bake_into(folder: Path, *, lock: bool = True, **answers: object) -> Path:
    """Bake a project into a `baked_folder`, with a lock file as its owner commits one."""
    path = cookiecutter(
        str(ROOT),
        no_input=True,
        extra_context=answers,
        output_dir=str(folder),
        config_file=str(folder / "rc"),
        accept_hooks=True,
    )
    if lock:
        subprocess.run(["make", "uv.lock"], cwd=path, check=True, capture_output=True)
    return Path(path)
