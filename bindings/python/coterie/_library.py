"""Finds and loads the shared library, and checks that it is the version this package was written for."""

import ctypes
import os
from pathlib import Path
from typing import Iterator, Tuple

from . import _abi


def _candidates() -> Iterator[str]:
    chosen = os.environ.get("COTERIE_LIBRARY")
    if chosen:
        yield chosen
        return
    package = Path(__file__).resolve().parent
    for directory in (package, package.parents[2] / "build" / "release" / "lib"):
        path = directory / "libcoterie.so"
        if path.exists():
            yield str(path)
    yield f"libcoterie.so.{_abi.VERSION[0]}"  # wherever the system's loader finds it
    yield "libcoterie.so"


def _check_version(version: Tuple[int, int, int], path: str) -> None:
    # While the major version is 0, a minor version may break the ABI; afterwards it only adds.
    wanted = _abi.VERSION
    fits = version[:2] == wanted[:2] if wanted[0] == 0 else version[0] == wanted[0] and version[1] >= wanted[1]
    if not fits:
        raise ImportError("{}: version {}.{}.{}, but this package needs {}.{}".format(path, *version, *wanted[:2]))


def _load() -> Tuple[ctypes.CDLL, str, Tuple[int, int, int]]:
    failures = []
    for path in _candidates():
        try:
            library = ctypes.CDLL(path)
            packed = library.coterie_version()
        except (OSError, AttributeError) as error:
            failures.append(f"{path}: {error}")
            continue
        version = (packed >> 16, packed >> 8 & 255, packed & 255)
        _check_version(version, path)
        for name, (result, arguments) in _abi.FUNCTIONS.items():
            function = getattr(library, name)
            function.restype = result
            function.argtypes = arguments
        return library, path, version
    raise ImportError("the shared library of Coterie was not found (COTERIE_LIBRARY names it):\n  " +
                      "\n  ".join(failures))


lib, library_path, library_version = _load()
