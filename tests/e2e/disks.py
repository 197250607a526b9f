# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small disks of their own, to be filled up and made read-only. Mounting takes root."""

import contextlib
import errno
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

IMAGE_OPTIONS = ("-o", "loop,errors=remount-ro")


def cannot(reason):
    """A test that needs a mount is skipped where there is none to be had; on CI as root it must not be."""
    if os.environ.get("CI") and os.geteuid() == 0:
        raise AssertionError(f"CI is set and this is root, so this must not be skipped: {reason}")
    raise unittest.SkipTest(reason)


def _run(*command):
    tool = shutil.which(command[0], path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not tool:
        cannot(f"{command[0]} is not installed")
    return subprocess.run([tool, *command[1:]], capture_output=True, text=True, check=False)


def _must(*command):
    done = _run(*command)
    if done.returncode:
        raise AssertionError(done.stderr)


class Disk:
    """A mounted disk; `folder` is on it."""

    def __init__(self, folder, image=None):
        self.folder = folder
        self._image = image
        self._ballast = folder / "ballast"

    def fill(self):
        """Not one byte is left."""
        with open(self._ballast, "ab", buffering=0) as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(bytes(4096))

    def free(self):
        self._ballast.unlink()

    @contextlib.contextmanager
    def frozen(self, *names):
        """The files, and the folder itself, refuse every change, also through descriptors that are open already."""
        paths = [str(self.folder / name) for name in names]
        probe = self.folder / "probe"
        with open(probe, "wb", buffering=0) as file:
            try:
                for path in (probe, *paths):
                    frozen = _run("chattr", "+i", str(path))
                    if frozen.returncode:
                        cannot(f"chattr does not work here: {frozen.stderr}")
                with contextlib.suppress(PermissionError):
                    file.write(b"x")
                    cannot("this kernel lets open files be written that are immutable")
                yield
            finally:
                for path in reversed((probe, *paths)):
                    _run("chattr", "-i", str(path))

    def remount(self, mode):
        """"ro" or "rw"; nothing may be open for writing."""
        _must("mount", "-o", f"remount,{mode}", str(self.folder.parent))

    def fail(self):
        """An error on the disk: the kernel makes it read-only whatever is open, until repair()."""
        device = os.stat(self.folder).st_dev
        name = pathlib.Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve().name
        trigger = pathlib.Path("/sys/fs/ext4", name, "trigger_fs_error")
        if not os.access(trigger, os.W_OK):
            cannot("this kernel does not let errors be tried")
        trigger.write_text("1")

    def repair(self):
        """Nothing may be open."""
        _must("umount", str(self.folder.parent))
        repaired = _run("fsck.ext4", "-y", self._image)
        if repaired.returncode > 1:
            raise AssertionError(repaired.stdout + repaired.stderr)
        _must("mount", *IMAGE_OPTIONS, self._image, str(self.folder.parent))


@contextlib.contextmanager
def memory_disk(megabytes):
    with _mounted("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none") as disk:
        yield disk


@contextlib.contextmanager
def file_disk(megabytes):
    """On a loop device: what is not a disk in memory knows immutable files."""
    with tempfile.NamedTemporaryFile(prefix="ag-disk-") as image:
        image.truncate(megabytes * 1024 * 1024)
        made = _run("mkfs.ext4", "-q", image.name)
        if made.returncode:
            cannot(f"mkfs.ext4 does not work here: {made.stderr}")
        with _mounted("mount", *IMAGE_OPTIONS, image.name, image=image.name) as disk:
            yield disk


@contextlib.contextmanager
def _mounted(*command, image=None):
    place = pathlib.Path(tempfile.mkdtemp(prefix="ag-disk-"))
    try:
        mounted = _run(*command, str(place))
        if mounted.returncode:
            cannot(f"nothing can be mounted here: {mounted.stderr}")
        try:
            folder = place / "data"
            folder.mkdir(mode=0o700)
            yield Disk(folder, image)
        finally:
            _run("umount", str(place))
    finally:
        with contextlib.suppress(OSError) as still:
            place.rmdir()
        assert still is None or still.errno != errno.EBUSY
