"""What goes wrong, as one sentence in the panel; and what must not get lost."""

import shutil
import subprocess
from concurrent import futures

import numpy as np
import pytest
import slicer
from conftest import begin, load_lesion, make_panel, same_masks, settle, slicer_mask, wait
from driver import View
from IsochroneLib import segments
from IsochroneLib.address import parse
from IsochroneLib.masks import Box
from IsochroneLib.panels.got import got
from standin.server import BINARY, Server


def says(panel) -> str:
    """The panel's sentence on the server."""
    return got(panel.ui.stateLabel.text)


@pytest.mark.parametrize("address", ["{}", "http://{}", "grpc://{}", " {}/ "])
def test_addresses_with_and_without_scheme(server, closing, address):
    closing.append(make_panel(address.format(server.address)))
    assert closing[0].session.state == "connected", says(closing[0])


@pytest.mark.parametrize(
    "text, target, secure",
    [
        ("server.hospital.org", "server.hospital.org:50051", True),
        ("server.hospital.org:443", "server.hospital.org:443", True),
        ("http://server:7000", "server:7000", False),
        ("GRPCS://localhost", "localhost:50051", True),
        ("localhost", "localhost:50051", False),
        ("[::1]:7000", "[::1]:7000", False),
    ],
)
def test_other_machines_are_spoken_to_by_tls_unless_the_scheme_says_otherwise(text, target, secure):
    assert tuple(parse(text)) == (target, secure)


def test_no_server_and_no_address(closing):
    closing.append(make_panel("127.0.0.1:1"))
    assert says(closing[0]) == "No server answers at 127.0.0.1:1. Start it, or correct the address."
    closing.append(make_panel("what is this"))
    assert "This is no address" in says(closing[1])


def answering(describe):
    """A server of another make: `describe(context)` answers DescribeServer."""
    import grpc
    from IsochroneLib.client import messages

    pb = messages().segmentation

    class Handler(grpc.GenericRpcHandler):
        def service(self, call):
            if not call.method.endswith("/DescribeServer"):
                return None
            return grpc.unary_unary_rpc_method_handler(
                lambda _request, context: describe(pb, context),
                request_deserializer=pb.DescribeServerRequest.FromString,
                response_serializer=pb.ServerDescription.SerializeToString,
            )

    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((Handler(),))
    return server


@pytest.mark.parametrize("version, words", [(0, "too old: update it"), (99, "newer: update the Isochrone extension")])
def test_old_and_new_servers(closing, version, words):
    server = answering(lambda pb, _: pb.ServerDescription(server_version="0.0.1", protocol_version=version))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    closing.append(make_panel(f"127.0.0.1:{port}"))
    server.stop(0)
    assert words in says(closing[0])


def test_wrong_token(closing):
    import grpc

    def refuse(pb, context):
        token = dict(context.invocation_metadata()).get("authorization")
        if token != "Bearer right":
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "unknown token")
        return pb.ServerDescription(server_version="1", protocol_version=1)

    server = answering(refuse)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    for token in ("wrong", " right "):
        closing.append(make_panel(f"127.0.0.1:{port}", token))
    server.stop(0)
    assert says(closing[0]) == "The server does not accept this token. Ask its administrator for a new one."
    assert closing[1].session.state == "connected"
    closing.append(make_panel("http://hospital.example:50051", "secret"))
    assert "A token is not sent without TLS" in says(closing[2])


def test_accounts_of_a_real_server(tmp_path, closing):
    if not BINARY.exists():
        pytest.skip("target/release/isochrone is missing: make build")
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    add = [str(BINARY), "user", "add", "alice", "--state", str(state)]
    token = subprocess.run(add, check=True, capture_output=True, text=True).stdout.split()[-1]
    server = Server(tmp_path, "--state", str(state))
    try:
        for given in (token, "isochrone_wrong", ""):
            closing.append(make_panel(server.address, given))
        assert closing[0].session.state == "connected", says(closing[0])
        assert closing[1].session.state == closing[2].session.state == "token", says(closing[1])
    finally:
        server.stop()


def certified(folder, name: str) -> tuple:
    """PEM files: an authority of a site's own, a certificate by it for a name, and that one's key."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1".split()
    run = lambda *words: subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=folder)
    run(*new, "-subj", "/CN=Site authority", "-keyout", "ca.key", "-out", "ca.pem")
    own = ["-addext", f"subjectAltName=DNS:{name}", "-addext", "basicConstraints=critical,CA:FALSE"]
    own += ["-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "key.pem", "-out", "cert.pem"]
    run(*new, "-subj", f"/CN={name}", *own)
    (folder / "key.pem").chmod(0o600)
    return tuple(folder / file for file in ("ca.pem", "cert.pem", "key.pem"))


@pytest.mark.parametrize(
    "name, scheme, trusted, sentence",
    [
        ("localhost", "https://", True, ""),
        ("other.hospital.example", "https://", True, "The server's certificate is not for localhost: use the name"),
        ("localhost", "https://", False, "certificate is not trusted here: choose the file of your site's"),
        ("localhost", "http://", True, "if it uses TLS, write https:// in front"),
    ],
)
def test_tls_of_a_real_server(closing, tmp_path, name, scheme, trusted, sentence):
    if not BINARY.exists():
        pytest.skip("target/release/isochrone is missing: make build")
    authority, certificate, key = certified(tmp_path, name)
    server = Server(tmp_path, "--tls-cert", str(certificate), "--tls-key", str(key))
    try:
        address = f"{scheme}localhost:{server.address.rsplit(':', 1)[1]}"
        closing.append(make_panel(address, "", str(authority) if trusted else ""))
        assert sentence in says(closing[0]) and "\n" not in says(closing[0]), says(closing[0])
        assert (closing[0].session.state == "connected") == (not sentence)
    finally:
        server.stop()


def test_a_server_without_tls_that_is_asked_for_it(server, closing):
    closing.append(make_panel(f"https://{server.address}"))
    assert says(closing[0]) == "The server does not use TLS: write the address with http:// in front."
    closing.append(make_panel(f"https://{server.address}", "", "/nowhere/ca.pem"))
    assert says(closing[1]) == "The certificate authority's file cannot be read: choose it again."


def test_volume_too_large(panel):
    """The server's own limit (4 GiB) on a size that only the header claims."""
    from IsochroneLib.volumes import NrrdSource

    volume = load_lesion("lung2")
    whole = NrrdSource.__init__

    def claims(self, node):
        whole(self, node)
        self.size_bytes = 1 << 43

    NrrdSource.__init__ = claims
    try:
        begin(panel, volume, "a")
    finally:
        NrrdSource.__init__ = whole
    wait(lambda: panel.session.state == "connected", "the refusal")
    assert says(panel) == (
        "The volume (8192.0 GiB) is too large for this server: crop it first (module Crop Volume)."
    )


@pytest.mark.parametrize("keeps_sessions", [False, True])
def test_server_killed_in_the_middle_of_a_click(tmp_path, closing, keeps_sessions):
    if not BINARY.exists():
        pytest.skip("target/release/isochrone is missing: make build")
    root, state = tmp_path / "root", tmp_path / "state"
    root.mkdir()
    state.mkdir(mode=0o700)
    server = Server(root, *(["--state", str(state)] if keeps_sessions else []))
    panel = make_panel(server.address)
    closing.append(panel)
    try:
        volume = load_lesion("lung2")
        from conftest import lesion_centre

        centre = lesion_centre(volume, "lung2")
        begin(panel, volume, "tumour")
        red = View("Red")
        red.node.SetOrientation("Axial")
        red.show(volume)
        panel.ui.clickButton.click()
        red.click(centre)
        settle(panel)
        first = slicer_mask(panel, "tumour")
        red.click(centre + [6, 0, 0], control=True)
        server.kill()
        wait(lambda: panel.session.state == "lost", "the panel's notice")
        assert "Prompts are kept" in says(panel)
        red.click(centre + [0, 6, 0])  # while nobody answers
        server.start()
        wait(lambda: panel.session.state == "ready", "the server's return")
        settle(panel)
        last = slicer_mask(panel, "tumour")
        assert (last != first).any() and last.any()
        same_masks(panel, "tumour")
        kinds = [p.prompt.click.polarity for p, _ in panel.session.prompts.values()]
        assert kinds.count(2) == 1, "the click in the middle of which the server died is lost"
        # A server that had forgotten the session got the first click's mask, not the click.
        assert kinds.count(1) == 1 + keeps_sessions, "the click given while the server was away is lost"
        if keeps_sessions:
            # The very same session: all three clicks can be undone.
            for _ in range(3):
                panel.ui.undoButton.click()
            settle(panel)
            assert not slicer_mask(panel, "tumour").any()
        same_masks(panel, "tumour")
    finally:
        server.stop()


def test_connect_with_an_open_session_goes_on_there(lung, views, server, tmp_path):
    """The same server keeps the session; another one gets its masks."""
    lung.ui.clickButton.click()
    views["Red"].click(lung.centre)
    settle(lung)
    first, session_id = slicer_mask(lung, "tumour"), lung.session.context.remote.session_id
    other = Server(tmp_path)
    try:
        for address in (server.address, other.address):
            lung.ui.addressEdit.setText(address)
            lung.ui.connectButton.click()
            wait(lambda: lung.session.state == "ready", "the session")
            settle(lung)
            remote = lung.session.context.remote
            assert (remote.session_id == session_id) == (address == server.address)
            same_masks(lung, "tumour")
            assert (slicer_mask(lung, "tumour") == first).all()
        views["Red"].click(lung.centre + [6, 0, 0], control=True)
        settle(lung)
        assert (slicer_mask(lung, "tumour") != first).any()
        same_masks(lung, "tumour")
    finally:
        other.stop()


def test_cancel_ends_the_waiting_for_a_lost_server(lung, views, server):
    lung.ui.clickButton.click()
    server.kill()
    views["Red"].click(lung.centre)
    wait(lambda: lung.session.state == "lost", "the panel's notice")
    lung.ui.cancelButton.click()
    settle(lung)
    assert "Waiting was cancelled" in says(lung)
    box = Box((100, 100, 20), (110, 112, 22))
    segments.write(lung.session.segmentation, "tumour", lung.session.volume, box, np.ones(box.shape, bool))
    views["Red"].click(lung.centre)
    wait(lambda: lung.session.worker._running, "the worker")
    lung.ui.cancelButton.click()  # before it has noticed that nobody answers
    settle(lung)
    server.start()
    views["Red"].click(lung.centre)
    wait(lambda: lung.session.state == "ready", "the server's return")
    settle(lung)
    assert slicer_mask(lung, "tumour")[box.slices()].all(), "the paint of meanwhile is lost"
    assert slicer_mask(lung, "tumour").sum() > 340
    same_masks(lung, "tumour")


def test_a_fault_of_the_extension_is_told_and_the_next_click_works(lung, views, capsys):
    lung.ui.clickButton.click()
    lung.session.worker.submit(lambda: {}["nothing"])
    settle(lung)
    assert "The extension failed (KeyError)" in got(lung.ui.answerLabel.text)
    assert "KeyError: 'nothing'" in capsys.readouterr().err
    views["Red"].click(lung.centre)
    settle(lung)
    assert slicer_mask(lung, "tumour").any()


@pytest.mark.parametrize("gone", ["scene", "volume", "segmentation"])
def test_volume_or_segmentation_taken_away(lung, views, gone):
    lung.ui.clickButton.click()
    views["Red"].click(lung.centre)
    settle(lung)
    views["Red"].click(lung.centre + [0, 4, 0])  # an answer is on its way
    if gone == "scene":
        slicer.mrmlScene.Clear()
    else:
        slicer.mrmlScene.RemoveNode(getattr(lung.session, gone))
    wait(lambda: lung.session.context is None, "the end")
    settle(lung)
    assert lung.session.state == "connected" and "choose a volume and press Begin" in says(lung)
    assert got(lung.ui.promptList.count) == got(lung.ui.proposalList.count) == 0
    views["Red"].drag([(200, 200)])
    assert "press Begin first" in got(lung.ui.answerLabel.text)
    for button in (lung.ui.undoButton, lung.ui.nextButton, lung.ui.acceptButton, lung.ui.storeButton):
        button.click()
    settle(lung)
    volume = load_lesion("lung2")
    begin(lung, volume, "again")
    views["Red"].show(volume)
    views["Red"].click(lung.centre)
    settle(lung)
    same_masks(lung, "again")
    assert slicer_mask(lung, "again").any()


def test_cancel_and_rapid_clicks(lung, views):
    lung.ui.clickButton.click()
    for step in range(6):
        views["Red"].click(lung.centre + [step, 0, 0])
    settle(lung)
    assert len(lung.session.prompts) == 6
    same_masks(lung, "tumour")
    views["Red"].click(lung.centre + [0, 3, 0])
    lung.ui.cancelButton.click()
    settle(lung)
    same_masks(lung, "tumour")
    views["Red"].click(lung.centre + [0, 5, 0])
    settle(lung)
    same_masks(lung, "tumour")
