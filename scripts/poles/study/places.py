"""Names of files that archives, manifests and descriptions bring along, which must stay in their folder."""

from pathlib import Path, PurePosixPath, PureWindowsPath


def leads_out(name: str) -> bool:
    """Whether a name leads out of the folder that it is relative to, on this system or on another one.

    Parameters
    ----------
    name : str
        As an archive or a description has it: it may be absolute, have a drive, or go up.
    """
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    is_absolute = posix.is_absolute() or bool(windows.drive or windows.root)
    return is_absolute or ".." in {*posix.parts, *windows.parts} or "\0" in name


def is_link_out(path: Path, folder: Path) -> bool:
    """Whether a path below a folder is, by links on the way, that of a file outside the folder.

    Parameters
    ----------
    path, folder : Path
        The folder itself may be a link.
    """
    return not path.resolve().is_relative_to(folder.resolve())
