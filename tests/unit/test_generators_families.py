"""Families of generators: their options, how their files are recognised, and what is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pullback.errors import CatalogueError
from pullback.generators.family import Family, Option
from pullback.generators.registry import FAMILIES, recognised
from pullback.weights import Table

FAMILY = Family(
    name="toy",
    title="Toy",
    loader="nowhere:Toy",
    tensors=(r"first\.weight", r"blocks\.\d+\.weight"),
    none_of=(r"last\..*",),
    options=(
        Option(name="resolution", kind=int, help="side, px", usual="1024", choices=(64, 1024), required=True),
        Option(name="truncation", kind=float, help="ψ", usual="0.7", minimum=0.1, maximum=1, default=1.0),
        Option(name="noise", kind=str, help="of the maps", usual="fixed", choices=("fixed", "none")),
        Option(name="clamp", kind=float, help="of layers; 0 = none", usual="256", minimum=0),
    ),
)
NAMES = ["first.weight", "blocks.0.weight", "blocks.1.weight"]


def read(**options: Any) -> Any:
    return FAMILY.read_options(Table(options, "mine.toml: entry 'mine': options", Path("mine.toml")))


def test_options_are_read_in_their_kind_and_only_what_is_stated():
    assert read(resolution=64, truncation=1, noise="none") == {"resolution": 64, "truncation": 1.0, "noise": "none"}
    assert isinstance(read(resolution=64, truncation=1)["truncation"], float)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resolution": 65}, r"'resolution': expected one of 64, 1024 \(side, px; usual: 1024\), got 65"),
        ({"resolution": 64.0}, r"expected one of 64, 1024 .*, got 64\.0"),
        ({"resolution": True}, "got True"),
        (
            {"resolution": 64, "truncation": 1.5},
            r"a number of at least 0\.1 and of at most 1 \(ψ; usual: 0\.7\), got 1\.5",
        ),
        ({"resolution": 64, "truncation": float("nan")}, "got nan"),
        ({"resolution": 64, "clamp": "none"}, r"a number of at least 0 .*, got 'none'"),
        ({"resolution": 64, "noise": "some"}, "one of 'fixed', 'none' .*, got 'some'"),
        ({"resolution": 64, "size": 3}, r"unknown key.s. 'size'; known: resolution, truncation, noise, clamp"),
        ({}, r"a toy needs the option 'resolution', .*\[NAME\.options\], one of 64, 1024 \(side, px; usual: 1024\)"),
    ],
)
def test_an_option_that_cannot_be_used_or_is_needed_is_told_with_what_is_usual(options: dict[str, Any], message: str):
    with pytest.raises(CatalogueError, match=message):
        read(**options)


def test_what_a_family_needs_is_asked_for_where_there_are_no_options_at_all():
    with pytest.raises(CatalogueError, match="a toy needs the option 'resolution'"):
        FAMILY.read_options(None)


def test_a_family_says_why_names_are_not_its_own():
    assert FAMILY.strangeness(NAMES) == ""
    assert FAMILY.strangeness(NAMES[:1]) == "no tensor is named blocks.N.weight"
    assert FAMILY.strangeness([*NAMES, "last.bias"]) == "it has a tensor 'last.bias'"
    fastgan = FAMILIES["fastgan"].strangeness(["g.init.init.0.weight_orig"])
    assert fastgan == "no tensor is named feat_8.1.weight_orig"


def test_a_family_is_recognised_behind_a_prefix():
    names = ["style.1.weight", "input.input", "conv1.conv.weight", "to_rgb1.conv.weight"]
    assert [(family.name, prefix) for family, prefix in recognised(names)] == [("stylegan2", "")]
    wrapped = [f"module.G.{name}" for name in names]
    assert [(family.name, prefix) for family, prefix in recognised(wrapped)] == [("stylegan2", "module.G.")]
    assert recognised(["x"]) == []
    listed = ["0", *(f"g.{name}.weight_orig" for name in ("init.init.0", "feat_8.1", "se_64.main.1"))]
    assert [(family.name, prefix) for family, prefix in recognised(listed)] == [("fastgan", "")]


def test_families_describe_every_option():
    for family in FAMILIES.values():
        for option in family.options:
            assert option.help, family.name
            assert option.usual, family.name
            assert option.default is None or not option.required
