"""Clones of files: on XFS, Btrfs and others, two files share their blocks until one of them is written.

A clone takes milliseconds and no space, regardless of the size of the file. The file system makes it at one moment.
Other file systems refuse, and so does a target on another one.
"""

import fcntl
import sys
from fcntl import ioctl
from typing import BinaryIO

FICLONE: int = getattr(fcntl, "FICLONE", 0x40049409)
"""Python has a name for it since 3.14."""


def clone(source: BinaryIO, target: BinaryIO) -> bool:
    """Let an empty file share all blocks of another one; False if that is not possible here for any reason."""
    if sys.platform != "linux":
        return False
    try:
        ioctl(target.fileno(), FICLONE, source.fileno())
    except OSError:
        return False
    return True
