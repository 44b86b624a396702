"""Where labelled cases lie on a disk: the layouts that people have.

| layout | images of a case | mask |
|---|---|---|
| plain folders | `<case>/image.nii.gz`, or `<case>/image_0000.nii.gz`, `image_0001.nii.gz`, … | `<case>/mask.nii.gz` |
| nnU-Net, MSD | `imagesTr/<case>_0000.nii.gz`, …, or `imagesTr/<case>.nii.gz` | `labelsTr/<case>.nii.gz` |
| AutoPET | `<patient>/<study>/SUV.nii.gz`, `CTres.nii.gz` | `<patient>/<study>/SEG.nii.gz` |

Modalities come from a plain case's `meta.json`, from nnU-Net's `dataset.json`, or from AutoPET's names; else "OT".
"""

import json
from dataclasses import dataclass
from pathlib import Path

CODES = {"ct": "CT", "pet": "PT", "pt": "PT", "suv": "PT", "mr": "MR", "mri": "MR"}


@dataclass(frozen=True)
class CaseFiles:
    """Files of one case: images in order of channel, their modalities (CT, MR, PT, OT), the mask."""

    name: str
    images: tuple[Path, ...]
    modalities: tuple[str, ...]
    mask: Path


def code(name: str) -> str:
    """The modality's DICOM code of a channel's name, such as ``T1 MRI`` or ``CT``."""
    words = name.lower().replace("-", " ").replace("_", " ").split()
    known = [CODES[w] for w in words if w in CODES]
    return known[0] if known else "MR" if any(w in ("t1", "t2", "flair", "t1w", "t2w") for w in words) else "OT"


def find_cases(data: Path) -> list[CaseFiles]:
    """All cases of a folder (or of ``labelled/`` in it), in order of name.

    Raises ValueError where no layout fits.
    """
    root = data / "labelled" if (data / "labelled").is_dir() else data
    found = decathlon(root) if (root / "labelsTr").is_dir() else [*plain(root), *autopet(root)]
    if not found:
        raise ValueError(
            f"no labelled cases in {root}: expected <case>/image.nii.gz and mask.nii.gz, imagesTr/ and labelsTr/, "
            "or <patient>/<study>/SUV.nii.gz and SEG.nii.gz"
        )
    return sorted(found, key=lambda case: case.name)


def plain(root: Path) -> list[CaseFiles]:
    """One folder a case."""
    cases = []
    for mask in sorted(root.glob("*/mask.nii.gz")):
        folder = mask.parent
        images = sorted(folder.glob("image_[0-9][0-9][0-9][0-9].nii.gz")) or [folder / "image.nii.gz"]
        meta = json.loads((folder / "meta.json").read_text()) if (folder / "meta.json").exists() else {}
        given = meta.get("modality", "OT")
        given = [given] if isinstance(given, str) else list(given)
        given += ["OT"] * (len(images) - len(given))
        cases.append(CaseFiles(folder.name, tuple(images), tuple(given[: len(images)]), mask))
    return cases


def decathlon(root: Path) -> list[CaseFiles]:
    """nnU-Net's and the Medical Segmentation Decathlon's."""
    description = root / "dataset.json"
    told = json.loads(description.read_text()) if description.exists() else {}
    names = told.get("channel_names") or told.get("modality") or {}
    modalities = [code(names[k]) for k in sorted(names, key=int)]
    cases = []
    for mask in sorted((root / "labelsTr").glob("[!.]*.nii.gz")):
        name = mask.name.removesuffix(".nii.gz")
        images = sorted((root / "imagesTr").glob(f"{name}_[0-9][0-9][0-9][0-9].nii.gz"))
        images = images or [root / "imagesTr" / mask.name]
        padded = (modalities + ["OT"] * len(images))[: len(images)]
        cases.append(CaseFiles(name, tuple(images), tuple(padded), mask))
    return cases


def autopet(root: Path) -> list[CaseFiles]:
    """FDG-PET in SUV with the CT on its grid."""
    return [
        CaseFiles(
            f"{mask.parent.parent.name}_{mask.parent.name}",
            (mask.with_name("SUV.nii.gz"), mask.with_name("CTres.nii.gz")), ("PT", "CT"), mask,
        )
        for mask in sorted(root.glob("*/*/SEG.nii.gz"))
    ]
