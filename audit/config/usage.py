"""The configuration of use: where logs are, and from when on what is not in them counts as not used."""

from typing import Annotated, Final

from pydantic import Field

from audit.config.zones import ConfigModel, StorePlace

ZONE: Final = "{zone}"  # stands for the id of a zone


class UsageConfig(ConfigModel):
    """Which access is used: docs/usage.md."""

    logs: tuple[StorePlace, ...] = Field(
        default=(),
        description="Logs of registries and API servers: files or folders, or URLs of folders (`s3://BUCKET/FOLDER`). "
        "`{zone}` stands for the id of each zone; without it, the logs are those of the only zone.",
    )
    replicas: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None,
        description="How many pods each registry has. Without it, nothing is known to be unused.",
    )
    threshold_days: int = Field(
        default=90, ge=1, le=3650, description="Access that was not used for this many days is `not used`."
    )
    gap_seconds: int = Field(
        default=0,
        ge=0,
        le=3600,
        description="Gaps in the logs that are no longer than this count as covered: for a moment, the rollout of a "
        "registry leaves fewer pods. A use in such a gap goes unnoticed.",
    )
    keep_days: int = Field(
        default=800, ge=1, le=36500, description="For how many days to keep what was used when, beside the runs."
    )
