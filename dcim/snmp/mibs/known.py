"""All names there are for an instance, read once and again when its MIB files have changed."""

from functools import lru_cache
from pathlib import Path

from dcim.snmp.mibs.sources import MibCollection, load_names, shipped_folder
from dcim.snmp.reading.profiles import load_catalogue

_Stamp = tuple[tuple[str, int, int], ...]


def known_names(site: Path) -> MibCollection:
    """The program's, those of a site's folder of MIB files and profiles, the shipped profiles'."""
    return _load(site, _stamp(site))


@lru_cache(maxsize=2)
def _load(site: Path, stamp: _Stamp) -> MibCollection:
    shipped = shipped_folder()
    return load_names([site] if shipped is None else [site, shipped], load_catalogue(site))


def _stamp(site: Path) -> _Stamp:
    try:
        files = [(path.name, path.stat()) for path in site.iterdir()]
    except OSError:
        return ()
    return tuple(sorted((name, stat.st_mtime_ns, stat.st_size) for name, stat in files))
