"""What several tests of runs need."""

import resource
import shutil
import subprocess

import pytest


@pytest.fixture
def full_disk(tmp_path):
    """A file system of 1 MiB, or where we may not mount one, a limit on the size of a file."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if shutil.which("mount") and subprocess.run(mounting, capture_output=True).returncode == 0:
        yield disk, "No space left on device"
        subprocess.run(["umount", "-l", str(disk)], check=True)
    else:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, before[1]))
        yield disk, "File too large"
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
