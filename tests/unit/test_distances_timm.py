"""LPIPS' uncalibrated form over networks of timm: names, weight files, values and derivatives."""

from __future__ import annotations

import hashlib
from pathlib import Path

import huggingface_hub
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.func import jvp, vmap
from torch.nn import functional

from pullback.distances import BackboneLpips, DistanceEntry, catalogue, entry, load
from pullback.errors import InvalidInputError, UnknownNameError, WeightsError, WeightsUnavailableError

# torch itself calls it when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")

# Residual, depthwise with hard swish and hard sigmoid, grouped with squeeze-and-excitation, layer norms.
NETWORKS = ["resnet18", "mobilenetv3_small_050", "regnety_002", "convnext_atto"]
SIDE = 48


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "cache"))


def seeded(network: str) -> nn.Module:
    import timm  # seconds, which those processes are spared that only collect this file

    with torch.random.fork_rng():
        torch.manual_seed(0)
        return timm.create_model(network, pretrained=False, num_classes=4).eval()


def weight_file(network: str, path: Path) -> Path:
    safetensors.torch.save_file(seeded(network).state_dict(), path)
    return path


def distance_over(network: str, path: Path, side: int = SIDE, dtype: torch.dtype = torch.float64) -> BackboneLpips:
    found = load(f"lpips-timm:{network}:{side}@{weight_file(network, path / 'weights.safetensors')}", dtype=dtype)
    assert isinstance(found, BackboneLpips)
    return found


def images(count: int, seed: int, side: int = 40) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(
    ("name", "network", "side", "file"),
    [
        ("lpips-timm:resnet18", "resnet18", 0, ""),
        ("lpips-timm:resnet18.a1_in1k", "resnet18.a1_in1k", 0, ""),
        ("lpips-timm:resnet18:96", "resnet18", 96, ""),
        ("lpips-timm:resnet18@/a b/c@d:2.pth", "resnet18", 0, "/a b/c@d:2.pth"),
        ("lpips-timm:resnet18:96@w.safetensors", "resnet18", 96, "w.safetensors"),
    ],
)
def test_a_name_says_network_side_and_file(name: str, network: str, side: int, file: str):
    found = entry(name)
    assert (found.family, found.backbone, found.side, found.file) == ("lpips-timm", network, side, file)
    assert found.name == name.partition("@")[0]
    assert found.takes == ("images",)
    assert found.weights_hash == ""
    assert name not in {known.name for known in catalogue()}


@pytest.mark.parametrize(
    "name",
    [
        "lpips-timm",
        "lpips-timm:",
        "lpips-timm:res/net",
        "lpips-timm:resnet18:0",
        "lpips-timm:resnet18:x",
        "lpips-timm:a@",
    ],
)
def test_a_name_of_another_form_is_unknown_and_gets_the_form(name: str):
    with pytest.raises(UnknownNameError, match=r"known: .*, lpips-timm:NETWORK\[:SIDE\]\[@FILE\](; did you mean|$)"):
        entry(name)


def test_who_answers_strangers_takes_names_of_the_catalogue_only():
    assert entry("mse", only_catalogue=True) == entry("mse")
    with pytest.raises(UnknownNameError, match=r"no distance is named 'lpips-timm:resnet18'; known: .*, stft$"):
        entry("lpips-timm:resnet18", only_catalogue=True)


@pytest.mark.parametrize("network", NETWORKS)
def test_it_is_the_uncalibrated_form_over_the_networks_stages(network: str, tmp_path: Path):
    import timm

    distance = distance_over(network, tmp_path)
    with torch.random.fork_rng():
        stages = timm.create_model(network, pretrained=False, features_only=True).eval().double()
    source = seeded(network).double().state_dict()
    by_name = {name.replace(".", "_"): tensor for name, tensor in source.items()}
    stages.load_state_dict({name: by_name[name.replace(".", "_")] for name in stages.state_dict()})
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    a, b = images(2, 1), images(2, 2)

    def unit(batch: Tensor) -> list[Tensor]:
        resized = functional.interpolate(batch, (SIDE, SIDE), mode="bilinear", antialias=True)
        return [
            functional.normalize(tap, dim=1) for tap in stages((resized - mean[:, None, None]) / std[:, None, None])
        ]

    pairs = zip(unit(a), unit(b), strict=True)
    expected = torch.stack([(x - y).square().sum(dim=1).mean(dim=(1, 2)) for x, y in pairs]).mean(dim=0)
    torch.testing.assert_close(distance(a, b), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("network", NETWORKS)
def test_forward_mode_under_vmap_is_the_transpose_of_backward_mode(network: str, tmp_path: Path):
    distance = distance_over(network, tmp_path)
    image, directions = images(1, 3), images(3, 4)
    columns = vmap(lambda v: jvp(distance.embed, (image,), (v[None],))[1])(directions)
    # ⟨u, J v⟩ = ⟨Jᵀ u, v⟩
    u = torch.randn(columns.shape[1:], generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    leaf = image.clone().requires_grad_()
    (pulled,) = torch.autograd.grad(distance.embed(leaf), leaf, u)
    torch.testing.assert_close((columns * u).sum(dim=(1, 2)), (pulled * directions).sum(dim=(1, 2, 3)))


@pytest.mark.parametrize("network", NETWORKS)
def test_the_hessian_at_equal_images_is_twice_the_gram_matrix(network: str, tmp_path: Path):
    distance = distance_over(network, tmp_path)
    image, direction = images(1, 6), images(1, 7)
    leaf = image.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(distance(leaf, image).sum(), leaf, create_graph=True)
    (product,) = torch.autograd.grad((gradient * direction).sum(), leaf)
    tangent = jvp(distance.embed, (image,), (direction,))[1]
    # vᵀ H v = 2 ‖J v‖²
    torch.testing.assert_close((product * direction).sum(), 2 * tangent.square().sum())


def test_networks_with_channels_last_and_fused_attention_serve_too(tmp_path: Path):
    distance = distance_over("swin_tiny_patch4_window7_224", tmp_path, side=224, dtype=torch.float32)
    stages = distance.backbone(torch.zeros(1, 3, 224, 224))
    assert [tuple(stage.shape[1:]) for stage in stages] == [(96, 56, 56), (192, 28, 28), (384, 14, 14), (768, 7, 7)]


def test_the_loaded_distance_is_named_by_network_and_side_and_identified_by_its_file(tmp_path: Path):
    file = weight_file("resnet18", tmp_path / "weights.safetensors")
    distance = load(f"lpips-timm:resnet18:{SIDE}@{file}")
    assert distance.name == f"lpips-timm:resnet18:{SIDE}"
    assert distance.weights_hash == hashlib.sha256(file.read_bytes()).hexdigest()
    assert not distance.training
    assert not any(tensor.requires_grad for tensor in distance.parameters())


def test_the_side_is_the_published_one_where_the_name_gives_none(tmp_path: Path):
    file = weight_file("mobilenetv3_small_050", tmp_path / "weights.safetensors")
    assert load(f"lpips-timm:mobilenetv3_small_050@{file}").name == "lpips-timm:mobilenetv3_small_050:224"


def test_a_checkpoint_of_a_training_run_and_half_precision_are_taken(tmp_path: Path):
    state = seeded("resnet18").state_dict()
    torch.save(
        {"epoch": 3, "state_dict": {f"module.{name}": value.half() for name, value in state.items()}},
        tmp_path / "w.pth",
    )
    found = load(f"lpips-timm:resnet18:{SIDE}@{tmp_path / 'w.pth'}")
    a, b = images(1, 8).float(), images(1, 9).float()
    torch.testing.assert_close(found(a, b), distance_over("resnet18", tmp_path).float()(a, b), rtol=1e-2, atol=1e-3)


def test_loading_leaves_torchs_random_numbers_alone(tmp_path: Path):
    file = weight_file("resnet18", tmp_path / "weights.safetensors")
    before = torch.get_rng_state()
    load(f"lpips-timm:resnet18:{SIDE}@{file}")
    assert torch.equal(before, torch.get_rng_state())


def test_weights_of_another_network_are_refused(tmp_path: Path):
    file = weight_file("regnety_002", tmp_path / "weights.safetensors")
    with pytest.raises(WeightsError, match=r"the weights of distance 'lpips-timm:resnet18:48' do not fit its network"):
        load(f"lpips-timm:resnet18:{SIDE}@{file}")


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path):
    with pytest.raises(WeightsUnavailableError, match=r"weight file .*none\.pth .* .*: there is no such file"):
        load(f"lpips-timm:resnet18@{tmp_path / 'none.pth'}")


def test_without_a_file_weights_come_from_timms_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    asked = []

    def give(repository: str, file: str, **_: object) -> str:
        asked.append((repository, file))
        return str(weight_file("resnet18", tmp_path / "hub.safetensors"))

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", give)
    assert load(f"lpips-timm:resnet18:{SIDE}").weights_hash
    assert asked == [("timm/resnet18.a1_in1k", "model.safetensors")]


def test_where_the_hub_is_not_reached_the_error_says_how_to_pass_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PULLBACK_OFFLINE", "1")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(WeightsUnavailableError) as caught:
        load("lpips-timm:resnet18:96")
    assert "PULLBACK_OFFLINE is set" in str(caught.value)
    assert "name it: lpips-timm:resnet18:96@/path/to/file" in str(caught.value)


@pytest.mark.parametrize("network", ["resnet81", "resnet18.no_such_tag"])
def test_a_network_that_timm_does_not_know_gets_similar_names(network: str):
    with pytest.raises(UnknownNameError, match=rf"no network of timm is named '{network}'; known: resnet.*list_models"):
        load(f"lpips-timm:{network}@file.pth")


def test_a_network_of_one_size_refuses_another(tmp_path: Path):
    file = weight_file("vit_tiny_patch16_224", tmp_path / "weights.safetensors")
    with pytest.raises(InvalidInputError, match="timm's vit_tiny_patch16_224 takes images of 224 px only, not 96"):
        load(f"lpips-timm:vit_tiny_patch16_224:96@{file}")


def test_a_network_that_cannot_be_differentiated_twice_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # Left as timm builds it, the hard sigmoid has no second derivative.
    monkeypatch.setattr("pullback.distances.lpips_timm.HardSigmoid", nn.Hardsigmoid)
    with pytest.raises(
        InvalidInputError, match=r"cannot serve as a distance of 48 px images: derivative for .*hardsigmoid"
    ):
        distance_over("mobilenetv3_small_050", tmp_path)


def test_an_entry_is_a_plain_value():
    assert entry("lpips-timm:resnet18") == entry("lpips-timm:resnet18")
    assert isinstance(entry("lpips-timm:resnet18"), DistanceEntry)
