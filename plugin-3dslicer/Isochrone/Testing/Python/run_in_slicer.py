"""The same suite in a full Slicer:

    Slicer --testing --no-splash --additional-module-paths plugin-3dslicer/Isochrone \\
           --python-script plugin-3dslicer/Isochrone/Testing/Python/run_in_slicer.py
"""

import sys
from pathlib import Path

import slicer

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from IsochroneLib import selftest  # noqa: E402

slicer.util.exit(selftest.run())
