"""Refuse source files that grew past 500 lines: split them by what they know."""

import subprocess
import sys
from pathlib import Path

LIMIT = 500
SOURCES = {".rs", ".py", ".ts", ".tsx", ".js", ".mjs", ".proto"}


def main() -> int:
    """Print each file that is too long; the exit code says whether there was one."""
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True).stdout
    long = [
        (lines, name)
        for name in listed.splitlines()
        if Path(name).suffix in SOURCES and Path(name).is_file()
        and (lines := len(Path(name).read_text().splitlines())) > LIMIT
    ]
    for lines, name in sorted(long, reverse=True):
        print(f"{name}: {lines} lines, {LIMIT} allowed")
    return 1 if long else 0


if __name__ == "__main__":
    sys.exit(main())
