from .availability import Availability as Availability
from .availability import availability as availability
from .cache import cache_folder as cache_folder
from .source import Layout as Layout
from .source import WeightsSource as WeightsSource
from .source import parse_source as parse_source
from .source import parse_sources as parse_sources
from .store import ensure as ensure
from .store import load_published as load_published
from .store import load_state_dict as load_state_dict
from .table import Table as Table
from .table import read_toml as read_toml

__all__ = [
    "Availability",
    "Layout",
    "Table",
    "WeightsSource",
    "availability",
    "cache_folder",
    "ensure",
    "load_published",
    "load_state_dict",
    "parse_source",
    "parse_sources",
    "read_toml",
]
