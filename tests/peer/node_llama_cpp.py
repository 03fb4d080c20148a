"""llama.cpp as the npm package node-llama-cpp, installed outside the source tree. Its version is pinned in package.json."""

import json
import os
import platform
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
BINARIES = {("Linux", "x86_64"): "linux-x64", ("Linux", "aarch64"): "linux-arm64"}
# With AMX, quantised deepseek2 models abort in ggml-backend.cpp; without this library the next best one is loaded.
BROKEN_LIBRARY = "libggml-cpu-sapphirerapids.so"


class Unavailable(Exception):
    pass


def install(work):
    """Returns the directory of the package; installs it below work where it is missing. Raises Unavailable."""
    package = os.path.join(work, "node_modules", "node-llama-cpp")
    binaries = BINARIES.get((platform.system(), platform.machine()))
    if binaries is None:
        raise Unavailable(f"no prebuilt llama.cpp for {platform.system()} {platform.machine()}")
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise Unavailable(f"{program} is not installed")
    scope = os.path.join(work, "node_modules", "@node-llama-cpp", binaries)
    os.makedirs(work, exist_ok=True)
    with open(os.path.join(HERE, "package.json"), encoding="utf-8") as file:
        version = json.load(file)["dependencies"]["node-llama-cpp"]
    if installed_version(package) != version or not os.path.isdir(scope):
        shutil.copy(os.path.join(HERE, "package.json"), work)
        # The package's optional dependencies are the binaries of every platform; one is enough.
        command = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional",
                   "--fetch-retries=1", f"node-llama-cpp@{version}", f"@node-llama-cpp/{binaries}@{version}"]
        try:
            subprocess.run(command, cwd=work, check=True, capture_output=True, text=True, timeout=600)
        except subprocess.CalledProcessError as error:
            lines = error.stderr.strip().splitlines() or ["no message"]
            line = next((line for line in lines if "error" in line), lines[-1])
            raise Unavailable(f"npm install failed: {line}") from error
        except subprocess.TimeoutExpired as error:
            raise Unavailable("npm install took too long") from error
    broken = os.path.join(scope, "bins", binaries, BROKEN_LIBRARY)
    if os.path.exists(broken):
        os.remove(broken)
    return package


def installed_version(package):
    try:
        with open(os.path.join(package, "package.json"), encoding="utf-8") as file:
            return json.load(file)["version"]
    except OSError:
        return None
