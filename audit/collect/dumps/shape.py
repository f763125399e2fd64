"""The names of the files of a dump -> which of them count: lists beside each other, or a tree of `oc adm inspect`."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from audit.collect.dumps.files import DumpFile
from audit.collect.dumps.names import is_archive, is_data, tree_place, tree_root
from audit.snapshot.objects import Kind

# The kind that a file in a tree holds, and its namespace.
Place = tuple[Kind, str]


@dataclass
class DumpShape:
    """Which files count. `places` are those of a tree, `namespaces` the names of its namespaces.

    `undecided` says why nobody can know which files are meant, "" when it is clear.
    """

    files: list[DumpFile] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)
    namespaces: set[str] = field(default_factory=set)
    tree: bool = False
    undecided: str = ""


def shape_of(files: Sequence[DumpFile], *, alone: bool) -> DumpShape:
    """Return which files count. `alone`: an archive or a file was given, and no folder."""
    roots: dict[str, list[DumpFile]] = {}
    loose: list[DumpFile] = []
    for file in files:
        root = tree_root(file.name)
        if root is not None:
            roots.setdefault(root, []).append(file)
        elif is_data(file.name) or is_archive(file.name) or (alone and "/" not in file.name):
            loose.append(file)
    trees = {root: members for root, members in roots.items() if any(tree_place(file.name) for file in members)}
    folders = {_folder(file) for file in loose}
    if trees:
        folders &= {root[:end] for root in trees for end in _ends(root)}
    elif "" not in folders and folders:
        depth = min(folder.count("/") for folder in folders)
        folders = {folder for folder in folders if folder.count("/") == depth}
    shape = DumpShape([file for file in loose if _folder(file) in folders])
    if len(trees) > 1:
        names = ", ".join(root.rstrip("/") or "." for root in sorted(trees))
        shape.undecided = f"several trees: keep one of {names}"
    elif not trees and len(folders) > 1:
        names = ", ".join(folder.rstrip("/") for folder in sorted(folders))
        shape.undecided = f"several folders: keep one of {names}"
    for members in trees.values():
        shape.tree = True
        _add_tree(shape, members)
    return shape


def _add_tree(shape: DumpShape, members: Sequence[DumpFile]) -> None:
    for file in members:
        place = tree_place(file.name)
        if place:
            shape.files.append(file)
            shape.places[file.name] = place[1:]
        top, _, inner = file.name.removeprefix(tree_root(file.name) or "").partition("/")
        namespace, _, inside = inner.partition("/")
        if top == "namespaces" and inside:
            shape.namespaces.add(namespace)


def _folder(file: DumpFile) -> str:
    return file.name[: file.name.rfind("/") + 1]


def _ends(root: str) -> list[int]:
    return [0, *(at + 1 for at, letter in enumerate(root) if letter == "/")]
