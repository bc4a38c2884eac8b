"""A stand-in of npm that packs small packages out of a folder, as `npm pack` does."""

import hashlib
import io
import os
import pathlib
import tarfile


def write_tarball(folder: pathlib.Path, name: str, files: dict[str, bytes]) -> str:
    """Write a package of some files, and return its SHA-256."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name.replace('/', '-').removeprefix('@')}.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for member, content in files.items():
            info = tarfile.TarInfo(f"package/{member}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def install(folder: pathlib.Path, monkeypatch) -> None:
    """Make `npm pack NAME@VERSION` copy NAME.tgz of a folder into the current one."""
    binaries = folder / "bin"
    binaries.mkdir(parents=True)
    script = (
        "#!/bin/sh\n"
        'name=$(echo "$2" | sed "s/@[0-9.]*$//; s/^@//; s#/#-#")\n'
        f'cp "{folder}/$name.tgz" . || {{ echo "E404 no such package" >&2; exit 1; }}\n'
    )
    (binaries / "npm").write_text(script)
    (binaries / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{binaries}:{os.environ['PATH']}")
