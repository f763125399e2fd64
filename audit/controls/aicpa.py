"""SOC 2: the Trust Services Criteria of the AICPA. The summaries are ours."""

from typing import Final

from audit.controls.groups import (
    ACCOUNTS_THAT_PUSH,
    CHANGE,
    DORMANT,
    DORMANT_ACCOUNTS,
    FOREIGN,
    FOREIGN_PEOPLE,
    INEFFECTIVE,
    OPEN,
    SHARED,
    TOKENS,
    WIDE,
)
from audit.controls.model import Control, Framework
from audit.controls.reasons import CHANGES, JOINERS, NEED, OTHERS, USE

SOC_2: Final = Framework(
    id="soc2",
    name="SOC 2",
    edition="2017, points of focus of 2022",
    source="https://www.aicpa-cima.com/resources/download/2017-trust-services-criteria-with-revised-points-of-focus-2022",
    controls=(
        Control(
            id="CC6.1",
            asks="Access is restricted to authorised subjects.",
            checks=(*OPEN, *SHARED, *FOREIGN, "cluster-wide-pull", "catalog", *TOKENS, "no-organization"),
            tables=("access", "grants", "findings"),
            not_answered=OTHERS,
        ),
        Control(
            id="CC6.2",
            asks="Access is granted to known people, and removed when they leave.",
            checks=("user-gone", *FOREIGN_PEOPLE, "direct-user", "empty-group", "opaque-group", *DORMANT_ACCOUNTS),
            tables=("findings", "changes"),
            not_answered=JOINERS,
        ),
        Control(
            id="CC6.3",
            asks="Access follows duties, least privilege and separation of duties.",
            checks=(
                *WIDE,
                *ACCOUNTS_THAT_PUSH,
                *SHARED,
                *FOREIGN,
                *DORMANT,
                *INEFFECTIVE,
                "direct-user",
                "stale-repository",
                "refused-login",
            ),
            tables=("access", "findings"),
            not_answered=NEED,
        ),
        Control(
            id="CC6.8",
            asks="Unauthorised software is kept out.",
            checks=(*CHANGE, "sign"),
            tables=("access",),
            not_answered=CHANGES,
        ),
        Control(
            id="CC7.2",
            asks="Systems are monitored for anomalies.",
            checks=("denied-often",),
            tables=("usage",),
            not_answered=USE,
        ),
        Control(
            id="CC8.1",
            asks="Only authorised changes reach production.",
            checks=CHANGE,
            tables=("access",),
            not_answered=CHANGES,
        ),
    ),
)
