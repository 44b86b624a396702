"""Two image channels, from the cases on a disk to a bundle that the server takes."""

import copy
import json
import subprocess
import tomllib
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
nibabel = pytest.importorskip("nibabel")
pytest.importorskip("onnxruntime")
pytest.importorskip("isochrone")
HERE = Path(__file__).resolve().parent.parent


def patient(folder, seed):
    """A PET with a CT on a finer grid, and the lesion that both show."""
    rng = np.random.default_rng(seed)
    lesion = sum((g - 20) ** 2 for g in np.indices((40, 40, 40))) <= 64
    fine = np.repeat(np.repeat(np.repeat(lesion, 2, 0), 2, 1), 2, 2)
    folder.mkdir(parents=True)
    for name, values, spacing in (
        ("image_0000", 5.0 * lesion + rng.normal(0, 0.3, lesion.shape), 2.0),
        ("image_0001", 60.0 * fine + rng.normal(0, 9, fine.shape), 1.0),
        ("mask", lesion.astype(np.uint8), 2.0),
    ):
        affine = np.diag([spacing] * 3 + [1.0])
        affine[:3, 3] = spacing / 2
        dtype = np.uint8 if name == "mask" else np.float32
        nibabel.save(nibabel.Nifti1Image(values.astype(dtype), affine), folder / f"{name}.nii.gz")
    (folder / "meta.json").write_text('{"modality": ["PT", "CT"]}')


def test_a_network_of_two_channels_is_trained_judged_and_served(tmp_path):
    from isochrone_training.ablation import Source
    from isochrone_training.bundle import write_description
    from isochrone_training.checkpoint import save
    from isochrone_training.data import read_cases
    from isochrone_training.evaluate import Bundle, evaluate_target
    from isochrone_training.export import ROLES, export, sha256
    from isochrone_training.recipe import read_recipe
    from isochrone_training.samples import Sampler
    from isochrone_training.train import Trainer
    from isochrone_training.validate import summary, validate
    from isochrone_training.volumes import parts, read_volumes, write

    for seed, name in enumerate(("a", "b", "sts_029_petct")):
        patient(tmp_path / "labelled" / name, seed)
    (tmp_path / "split.toml").write_text('train = ["a", "b"]\nvalidate = ["sts_029_petct"]')
    text = (HERE / "recipe.toml").read_text()
    one = next(line for line in text.splitlines() if line.startswith("channels = "))
    (tmp_path / "recipe.toml").write_text(text.replace(one, 'channels = [["PT"], ["CT"]]'))
    recipe = read_recipe(tmp_path / "recipe.toml")
    recipe["network"]["width"] = 4
    recipe["sampling"]["side_voxels"] = 32
    volumes = tmp_path / "volumes"
    volumes.mkdir()
    index = [write(volumes, c.name, c, True, {}, False) for c in read_cases(tmp_path, "train", recipe)]
    (volumes / "index.json").write_text(json.dumps(index))
    assert len(parts(np.ones((4, 4, 4), np.uint8), (1.0,) * 3, {}, False)[1]) == 1

    trainer = Trainer(recipe, tmp_path, 10)
    source = Source(Sampler(read_volumes(volumes), {}, recipe, [1]), 2)
    batch = trainer.batch(source)
    assert batch[0].channels.shape == (2, 32, 32, 32)
    assert np.isfinite([trainer.update(batch), trainer.update(trainer.batch(source))]).all()
    save(trainer, tmp_path)
    again = Trainer(recipe, tmp_path, 10)
    assert again.step == 2 and again.voxels == trainer.voxels
    assert again.rng.bit_generator.state == trainer.rng.bit_generator.state
    assert all(torch.equal(v, again.average[k]) for k, v in trainer.average.items())
    batch = [source.next()[0]]
    again.pool, trainer.pool = [], []
    twice = [t.update(copy.deepcopy(batch)) for t in (trainer, again)]
    assert twice[0] == twice[1], "going on is the same as not having stopped"
    assert all(torch.equal(v, again.net.state_dict()[k]) for k, v in trainer.net.state_dict().items())
    recipe["validation"]["clicks"] = 1
    rows = validate(trainer.averaged(), tmp_path, recipe)
    assert [r["modality"] for r in rows] == ["PT"] and "macro over modalities" in summary(rows)

    bundle = tmp_path / "bundle"
    export(trainer.averaged(), bundle)
    digests = {role: sha256(bundle / f"{role}.onnx") for role in ROLES}
    write_description(bundle / "bundle.toml", recipe, trainer.net.drop_channels(), digests)
    described = tomllib.loads((bundle / "bundle.toml").read_text())["channel"]
    assert [c["modalities"] for c in described] == [["PT"], ["CT"]]
    assert "missing" not in described[0] and described[1]["missing"] == 0.0
    (case,) = read_cases(tmp_path, "validate", recipe)
    ((name, truth),) = case.targets()
    assert len(evaluate_target(Bundle(bundle), case, name, truth, recipe["region"], 1)["dice"]) == 1

    server = HERE.parent / "target" / "release" / "isochrone"
    if not server.exists():
        pytest.skip("the server is not built: whether it takes the bundle was not seen")
    held = tmp_path / "labelled" / "sts_029_petct"
    for command in (
        ["model", "check", bundle],
        ["evaluate", "--cases", held.parent, "--only", held.name, "--model", bundle, "--clicks", "1",
         "--out", tmp_path / "out"],
    ):
        done = subprocess.run([server, *command], cwd=HERE.parent, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "sts_029_petct,PT+CT,1," in (tmp_path / "out" / "clicks.csv").read_text()
