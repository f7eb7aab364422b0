"""The provenance of a run: commit, versions, machine."""

import json
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from psccnet.training.processor import chosen_precision
from psccnet.training.recipe import Recipe

PACKAGES = ("psccnet", "torch", "pytorch-lightning", "numpy", "opencv-contrib-python-headless")


def git_commit() -> str:
    """The commit of the source tree, with "+" if there are changes; "unknown" outside a checkout."""
    here = Path(__file__).parent
    try:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=True)
        changes = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"], cwd=here, capture_output=True, text=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit.stdout.strip() + ("+" if changes.stdout.strip() else "")


def package_versions(packages: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """The installed versions of packages that results depend on."""
    versions = {}
    for package in packages:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def machine() -> str:
    """The processor's name, how many cores this process may use, and the GPU where there is one."""
    name = platform.processor() or platform.machine()
    facts = Path("/proc/cpuinfo")
    if facts.is_file():
        lines = facts.read_text(errors="replace").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{name}, {cores} cores{gpu}"


def provenance(recipe: Recipe) -> str:
    """JSON of the commit, the package versions, the processor and the seed."""
    facts = {
        "commit": git_commit(),
        "packages": package_versions(),
        "python": platform.python_version(),
        "processor": platform.machine(),
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "precision": chosen_precision(recipe.precision),
        "seed": recipe.seed,
    }
    return json.dumps(facts, indent=2)
