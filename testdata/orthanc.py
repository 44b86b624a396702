"""A real Orthanc (Debian) for tests, on loopback only, with a store of its own and one user.

Debian's Orthanc binds every address whatever its configuration says, so its `bind` is preloaded by one that puts the
loopback address in.
"""

import contextlib
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
USER, PASSWORD = "reader", "open sesame"
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
int bind(int fd, const struct sockaddr *address, socklen_t length) {
    int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "bind");
    struct sockaddr_storage copy = {0};
    memcpy(&copy, address, length < sizeof copy ? length : sizeof copy);
    if (copy.ss_family == AF_INET) ((struct sockaddr_in *)&copy)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (copy.ss_family == AF_INET6) ((struct sockaddr_in6 *)&copy)->sin6_addr = in6addr_loopback;
    return real(fd, (struct sockaddr *)&copy, length);
}
"""


@dataclass
class Orthanc:
    """Where it listens."""

    port: int

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}/dicom-web"

    def get(self, path: str, accept: str | None = None) -> bytes:
        """Of its own REST interface or, below /dicom-web, of DICOMweb."""
        return self.request(path, headers={"Accept": accept} if accept else {})

    def request(self, path: str, body: bytes | None = None, headers: dict | None = None) -> bytes:
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        passwords.add_password(None, f"http://127.0.0.1:{self.port}/", USER, PASSWORD)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPBasicAuthHandler(passwords)
        )
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=body, headers=headers or {})
        with opener.open(request, timeout=60) as answer:
            return answer.read()


def missing() -> str | None:
    """What keeps Orthanc from being started here, if anything."""
    if shutil.which("Orthanc") is None or not PLUGIN.exists():
        return "Orthanc and its DICOMweb plugin are not installed: make oracles, as root"
    if shutil.which("cc") is None and shutil.which("gcc") is None:
        return "there is no C compiler for the shim that keeps Orthanc on loopback"
    return None


@contextlib.contextmanager
def running(folder: Path):
    """Starts Orthanc with its store in `folder`; ends it afterwards."""
    shim, source = folder / "loopback.so", folder / "loopback.c"
    source.write_text(SHIM)
    compiler = shutil.which("cc") or shutil.which("gcc")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", shim, source, "-ldl"], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "Name": "test",
        "StorageDirectory": str(folder / "store"),
        "IndexDirectory": str(folder / "store"),
        "HttpPort": port,
        "DicomServerEnabled": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: PASSWORD},
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "EnableWado": False},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            ["Orthanc", folder / "orthanc.json"],
            env={"LD_PRELOAD": str(shim), "PATH": "/usr/sbin:/usr/bin:/bin", "LANG": "C.UTF-8"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    orthanc = Orthanc(port)
    try:
        for _ in range(300):
            try:
                orthanc.get("/system")
                break
            except (urllib.error.URLError, ConnectionError):
                assert process.poll() is None, (folder / "log").read_text()[-2000:]
                time.sleep(0.1)
        else:
            raise AssertionError("Orthanc does not answer")
        yield orthanc
    finally:
        process.terminate()
        process.wait(timeout=20)
