"""The reviewers file, which assigns grants to reviewers (`review start --reviewers FILE`)."""

from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from audit.campaigns.campaign import EVERY, Reviewer
from audit.config.model_file import FileFormat, load_model

NonEmpty = Annotated[str, StringConstraints(min_length=1)]


class ReviewerEntry(BaseModel):
    """Reviewers, and the grants that they decide on."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    who: tuple[NonEmpty, ...] = Field(description="User names, as in the cluster.", min_length=1)
    zone: NonEmpty = Field(default=EVERY, description="Zones: an id or a glob.")
    organization: NonEmpty | None = Field(default=None, description="Namespaces of these organizations (a glob).")
    namespace: NonEmpty | None = Field(default=None, description="Namespaces of this name (a glob).")
    everywhere: bool = Field(default=False, description="Cluster-wide grants.")

    @model_validator(mode="after")
    def _has_scope(self) -> Self:
        if not self.organization and not self.namespace and not self.everywhere:
            raise ValueError("give one of: organization, namespace, everywhere: true")
        return self


class Reviewers(BaseModel):
    """The content of a reviewers file."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    reviewers: tuple[ReviewerEntry, ...] = Field(description="Who decides on what.", min_length=1)


def load_reviewers(path: Path) -> tuple[Reviewer, ...]:
    """Return the reviewers. Raises ConfigError with every mistake of the file."""
    return tuple(
        Reviewer(entry.who, entry.zone, entry.organization or "", entry.namespace or "", entry.everywhere)
        for entry in load_model(path, _FORM).reviewers
    )


_FORM: Final = FileFormat(
    Reviewers,
    "reviewers",
    "reviewers: [{who: [NAME], organization: NAME}]",
    "docs/campaigns.md has every key",
)
