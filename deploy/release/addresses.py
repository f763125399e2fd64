"""Write where the project is into a checkout that is released: python addresses.py URL TAG, in its folder.

A package index needs addresses, and relative links of the README lead nowhere there. The repository itself names none,
because it does not know where it is published.
"""

import re
import sys
from pathlib import Path

_PICTURES = (".png", ".svg")


def with_addresses(project: str, url: str, tag: str) -> str:
    """Return pyproject.toml with the addresses of the project."""
    pages = {
        "Homepage": url,
        "Documentation": f"{url}/tree/{tag}/docs",
        "Changelog": f"{url}/blob/{tag}/CHANGELOG.md",
        "Issues": f"{url}/issues",
    }
    return f"{project}\n[project.urls]\n" + "".join(f'{name} = "{page}"\n' for name, page in pages.items())


def with_absolute_links(readme: str, url: str, tag: str) -> str:
    """Return the README with links and pictures that work outside of the repository."""

    def absolute(link: re.Match[str]) -> str:
        kind = "raw" if link[1].endswith(_PICTURES) else "blob"
        return f"]({url}/{kind}/{tag}/{link[1]})"

    return re.sub(r"\]\((?!https?:|#)([^)\s]+)\)", absolute, readme)


def main(url: str, tag: str) -> None:
    """Write both files of the current folder again."""
    if not re.fullmatch(r"https://[\w./-]+", url) or not re.fullmatch(r"[\w.-]+", tag):
        sys.exit(f"not the address of a repository and a tag: {url} {tag}")
    for name, change in (("pyproject.toml", with_addresses), ("README.md", with_absolute_links)):
        path = Path(name)
        path.write_text(change(path.read_text(), url, tag))


if __name__ == "__main__":
    main(*sys.argv[1:3])
