"""Names and profiles of an instance, read once and again when its own files have changed."""

from functools import lru_cache
from pathlib import Path

from dcim.snmp.mibs.sources import MibCollection, load_names, shipped_folder
from dcim.snmp.reading.profiles import Catalogue, load_catalogue

# Names, times and sizes of the files in a site's folder.
Stamp = tuple[tuple[str, int, int], ...]


def known_names(site: Path) -> MibCollection:
    """The program's, those of a site's folder of MIB files and profiles, the shipped profiles'."""
    return _load_names(site, stamp(site))


def known_catalogue(site: Path) -> Catalogue:
    """The shipped profiles and a site's own."""
    return _load_catalogue(site, stamp(site))


@lru_cache(maxsize=2)
def _load_names(site: Path, at: Stamp) -> MibCollection:
    shipped = shipped_folder()
    folders = [site] if shipped is None else [site, shipped]
    return load_names(folders, _load_catalogue(site, at))


@lru_cache(maxsize=2)
def _load_catalogue(site: Path, at: Stamp) -> Catalogue:
    return load_catalogue(site)


def stamp(site: Path) -> Stamp:
    """Differs once anything in the folder has changed; empty without one."""
    try:
        files = [(path.name, path.stat()) for path in site.iterdir()]
    except OSError:
        return ()
    return tuple(sorted((name, stat.st_mtime_ns, stat.st_size) for name, stat in files))
