"""Files from npm packages for tests, kept in a directory of the build. Without npm or network a test is skipped."""

import os
import shutil
import subprocess
import sys
import tarfile

SKIPPED = 77  # exit code that CTest counts as skipped


def skip(reason):
    print(f"skipped: {reason}", flush=True)
    sys.exit(SKIPPED)


def _run(directory, *arguments):
    if shutil.which("npm") is None:
        skip("npm is not installed")
    os.makedirs(directory, exist_ok=True)
    # npm is a script on some systems and reads its settings from the nearest package.json.
    result = subprocess.run(["npm", *arguments], cwd=directory, capture_output=True, text=True, timeout=600)
    if result.returncode != 0:
        skip(f"npm {' '.join(arguments)}: {result.stderr.strip().splitlines()[-1:]}")
    return result.stdout.strip().splitlines()


def pack(directory, package):
    """The open archive of a package, "name@version"; downloaded once."""
    name, version = package.rsplit("@", 1)
    path = os.path.join(directory, f"{name.lstrip('@').replace('/', '-')}-{version}.tgz")
    if not os.path.exists(path):
        _run(directory, "pack", "--silent", package)
    return tarfile.open(path)


def install(directory, package):
    """Installs a package with what it needs below directory/node_modules, once."""
    name, version = package.rsplit("@", 1)
    if os.path.exists(os.path.join(directory, "node_modules", name, "package.json")):
        return
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "package.json"), "w", encoding="utf-8") as file:
        file.write('{"private": true}\n')
    _run(directory, "install", "--silent", "--no-audit", "--no-fund", f"{name}@{version}")
