from .catalogue_file import Catalogue as Catalogue
from .catalogue_file import CatalogueEntry as CatalogueEntry
from .catalogue_file import CatalogueFault as CatalogueFault
from .catalogue_file import catalogue as catalogue
from .catalogue_file import entry as entry
from .catalogue_file import read_catalogue as read_catalogue
from .families.conditional_dcgan import ConditionalDcgan as ConditionalDcgan
from .families.dcgan import Dcgan as Dcgan
from .families.stylegan1 import StyleGan1 as StyleGan1
from .families.stylegan2 import StyleGan2 as StyleGan2
from .families.stylegan2_ada import StyleGan2Ada as StyleGan2Ada
from .generator import Generator as Generator
from .generator import LatentSpace as LatentSpace
from .generator import Prior as Prior
from .loader import build as build
from .loader import load as load
from .priors import Bounded as Bounded
from .priors import Mapped as Mapped
from .priors import OneHot as OneHot
from .priors import Product as Product
from .priors import StandardNormal as StandardNormal
from .rendering import rendered as rendered
from .residual.priors import ClassEmbeddings as ClassEmbeddings
from .residual.priors import TruncatedNormal as TruncatedNormal
from .shuffled_weights import shuffle_weights as shuffle_weights
from .space_entry import SpaceEntry as SpaceEntry

__all__ = [
    "Bounded",
    "Catalogue",
    "CatalogueEntry",
    "CatalogueFault",
    "ClassEmbeddings",
    "ConditionalDcgan",
    "Dcgan",
    "Generator",
    "LatentSpace",
    "Mapped",
    "OneHot",
    "Prior",
    "Product",
    "SpaceEntry",
    "StandardNormal",
    "StyleGan1",
    "StyleGan2",
    "StyleGan2Ada",
    "TruncatedNormal",
    "build",
    "catalogue",
    "entry",
    "load",
    "read_catalogue",
    "rendered",
    "shuffle_weights",
]
