"""gRPC is installed by a button, after asking, and never before; a Python without it, played in one of its own."""

import subprocess
import sys
import types
from pathlib import Path

import pytest
import slicer
from conftest import end_panel, new_panel
from IsochroneLib import install
from IsochroneLib.panels.got import got

WITHOUT_GRPC = """
import sys
sys.path[:0] = {paths!r}
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("grpc", "google"):
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Absent())
from standin import core
core.start()
import slicer
slicer.util.confirmOkCancelDisplay = slicer.util.pip_install = lambda *_: sys.exit("it asked or installed by itself")
from conftest import new_panel
panel = new_panel()
assert not panel.ui.installButton.isHidden(), "no button to install gRPC"
panel.ui.connectButton.click()
assert "press Install gRPC" in panel.ui.stateLabel.text(), panel.ui.stateLabel.text()
panel.module.cleanup()
print("fine")
"""


def test_nothing_is_installed_at_import_or_when_the_panel_opens():
    here = Path(__file__).resolve().parent
    if not hasattr(sys.modules.get("standin.core"), "start") or not hasattr(slicer, "qt_application"):
        pytest.skip("in a full Slicer there is no second Python without gRPC")
    script = WITHOUT_GRPC.format(paths=[str(here), str(here.parents[1])])
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0 and ran.stdout.strip().endswith("fine"), ran.stderr[-1500:]


@pytest.fixture
def machine(monkeypatch):
    """A Python without gRPC: `answer` to the question, `installs` or fails; what was asked and asked for."""
    played = types.SimpleNamespace(answer=True, works=True, asked=[], wanted=[], there=False)

    def confirm(text, *_):
        assert not played.wanted, "installed before it asked"
        played.asked.append(text)
        return played.answer

    def pip_install(requirements, **_):
        played.wanted.append(requirements)
        if not played.works:
            raise subprocess.CalledProcessError(1, "pip")
        played.there = True

    monkeypatch.setattr(install, "is_installed", lambda: played.there)
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", confirm, raising=False)
    monkeypatch.setattr(slicer.util, "pip_install", pip_install)
    monkeypatch.setitem(sys.modules, "slicer.packaging", None)
    yield played


def pressed(machine):
    """The panel of a machine without gRPC, after Install gRPC; its sentence, and whether the button is still there."""
    panel = new_panel()
    assert not panel.ui.installButton.isHidden() and not machine.asked
    panel.ui.installButton.click()
    found = got(panel.ui.stateLabel.text), not panel.ui.installButton.isHidden()
    end_panel(panel)
    return found


def test_install_asks_first(machine):
    sentence, still_there = pressed(machine)
    assert len(machine.asked) == 1 and "grpcio and protobuf" in machine.asked[0]
    assert machine.wanted == [["grpcio~=1.72", "protobuf>=6.30.0,<8"]]
    assert sentence == "gRPC is installed: press Connect." and not still_there


def test_a_refusal_installs_nothing(machine):
    machine.answer = False
    sentence, still_there = pressed(machine)
    assert not machine.wanted and sentence.startswith("Not installed.") and still_there


def test_a_failure_is_one_sentence(machine):
    machine.works = False
    sentence, still_there = pressed(machine)
    assert sentence.startswith("The installation failed (CalledProcessError): see the Python console") and still_there


def test_slicers_newer_installer_is_preferred(machine, monkeypatch):
    packaging = types.ModuleType("slicer.packaging")
    packaging.pip_install = slicer.util.pip_install
    monkeypatch.delattr(slicer.util, "pip_install")
    monkeypatch.setitem(sys.modules, "slicer.packaging", packaging)
    assert pressed(machine)[0] == "gRPC is installed: press Connect."
