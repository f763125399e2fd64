"""The reference documents, written from the code; a test compares the files under docs/ with these texts."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from pydantic import BaseModel

from audit.campaigns.evidence import COLUMNS
from audit.campaigns.reading import Answers
from audit.campaigns.reviewers import Reviewers
from audit.checks.check import Check
from audit.checks.rules.registry import CHECKS, GROUPS
from audit.config.model import Config
from audit.config.model_file import has_model, model_in
from audit.controls.catalog import BUILT_IN
from audit.controls.model import Control, Framework
from audit.exit_codes import EXIT_CODES
from audit.findings.exceptions import ExceptionFile
from audit.findings.own_controls import ControlsFile
from audit.snapshot.model import REASONS
from audit.tables.schemas import SCHEMAS, VERSION
from docs.build import about
from reports.metric_names import METRICS, PREFIX
from reports.terms import TERMS

_HOW_WRITTEN: Final = """\
# Tables and columns

Version {} of the tables. New columns come at the end; a change of meaning raises the version.

## How they are written

CSV as in RFC 4180: UTF-8 without a byte order mark, commas, CRLF, one header line, quotes where needed.

A spreadsheet must not take a cell for a formula. A text that could be one (it begins with `=`, `+`, `-`, `@`, their
full-width forms, a tab or a line break, also after spaces and invisible characters) has an apostrophe `'` before it; so
has a text that begins with an apostrophe. Taking one leading apostrophe away always gives the original. `output.csv` in
the configuration sets another delimiter, a byte order mark, or names as they are.

JSON Lines and Parquet are the authoritative forms: every name is exactly as it is, and a count that is not known is
null.

`answer` columns hold `yes`, `no` or `unknown`; `count` columns a number, -1 for one that is not known.

Whether a subject may do something in a namespace and repository is the best answer (yes, then unknown, then no) of the
rows of `access` for that place or `*`, and for the subject, the platform's groups that it is in (`system:authenticated`
and the like), `Any`, and for a person `AnyUser`. No row at all is a no, but for namespaces that the configuration
leaves out, and for those of which `coverage` says that they are not listed and their bindings were not seen.
"""

_CHECKS_HEAD: Final = """\
# Checks

The checks of each zone. `registry-audit checks` lists them; `checks` in the configuration sets a check's severity and
thresholds, or disables it. Access is decided by the rules of roles, never by their names.

Where a list that a check needs is missing, the check reports one *unknown* finding: it never says no about what it
could not see. An earlier finding that cannot be looked for now stays open; it is not reported as *gone*.

The platform's own subjects are expected to have access. A subject is the platform's own if the API server or an
OpenShift release creates it (by its exact name, or because the object that names it belongs to the release), or if
`platform` in the configuration names it. A name alone is not enough: accounts of `default` and `kube-system`, other
names that begin with `system:`, and operators in other `openshift-*` namespaces are judged like others.

Commands show placeholders in braces. In a finding, the names are filled in and quoted for a shell.
"""

_EXCEPTIONS_HEAD: Final = """\
# Exceptions

Accepted findings are listed in a file, best kept in Git: `--exceptions FILE`, or `exceptions` in the configuration.

```yaml
exceptions:
  - check: anonymous-pull
    namespace: docs-*
    why: Public images, meant for everybody.
    decided_by: Platform board
    ticket: SEC-1234
    until: 2027-03-31
```

A covered finding stays in every report with the state `accepted` and makes no run fail. On the day after `until`, it is
open again. Exceptions that expire within 30 days, have expired or match nothing are reported on stderr and in the table
`exceptions`. If several exceptions cover a finding, the one that is valid longest counts.

## Accept a cause

A cause ([causes.md](causes.md)) that is as intended is accepted by its id, which stays the same from run to run.
`limit` keeps growth visible: no more findings than that are accepted, those that were there first. What is beyond it is
reported as any other finding, so that a new one is `new`, and the exception is `exceeded`.

```yaml
exceptions:
  - cause: 5f0e3a1c2b9d47e8a611
    why: The build service pushes for all teams until they have their own accounts.
    decided_by: Platform board
    until: 2027-03-31
    count: 36   # findings when it was decided
    limit: 40   # room for a few more
```

With pseudonyms, take the id from the pseudonymous run. A limit counts over all zones that an exception covers.

## Keys
"""


def columns_reference() -> str:
    """Return the reference of all tables, and of how they stand in CSV, as Markdown."""
    parts = [_HOW_WRITTEN.format(VERSION)]
    for name, columns in SCHEMAS.items():
        parts.append(f"## {name}\n\n| column | type | meaning |\n|---|---|---|")
        parts.append("\n".join(f"| `{c.name}` | {c.type} | {c.meaning} |" for c in columns) + "\n")
    parts.append("## Why something was not seen\n\n| state | meaning |\n|---|---|")
    parts.append("\n".join(f"| `{reason}` | {meaning} |" for reason, meaning in REASONS.items()) + "\n")
    return "\n".join(parts)


_EXIT_CODES_HEAD: Final = """\
# Exit codes

The exit codes of every command; others are reserved.

Metrics and messages that cannot be delivered do not change the exit code: the log and the metrics report them. Neither
does output: a closed or full stdout or stderr, or a reader that has left (`| head`), leaves the exit code that of the
work. Only an answer that cannot be written (`can`, `who`, `query` and the like) is an error, with exit code 2.

"""


def exit_codes_reference() -> str:
    """Return the table of exit codes as Markdown."""
    rows = "\n".join(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items())
    return f"{_EXIT_CODES_HEAD}| code | meaning |\n|---|---|\n{rows}\n"


def config_reference() -> str:
    """Return the reference of all configuration keys as Markdown."""
    head = "# Configuration\n\nEvery key of the file. `registry-audit config check` says what is wrong with one.\n"
    return f"{head}\n{_table(Config)}\n"


def _table(model: type[BaseModel]) -> str:
    rows = [f"| `{key}` | {default} | {meaning} |" for key, default, meaning in _keys(model, "")]
    return "\n".join(["| key | default | meaning |", "|---|---|---|", *rows])


def _keys(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str]]:
    for name, field in model.model_fields.items():
        nested = has_model(field.annotation)
        default = "needed" if field.is_required() else "" if nested else _shown(field.default)
        yield f"{prefix}{name}", default, field.description or ""
        if nested:
            shape = str(field.annotation)
            many = "[]" if "tuple" in shape else ".<id>" if shape.startswith("dict") else ""
            yield from _keys(model_in(field.annotation), f"{prefix}{name}{many}.")


def _shown(value: object) -> str:
    """Return a default as it stands in YAML; nothing for an empty one."""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return ", ".join(f"`{one}`" for one in value)
    return f"`{value}`" if value or value == 0 else ""


def checks_reference() -> str:
    """Return the reference of all checks as Markdown."""
    return "\n".join([_CHECKS_HEAD, *(_check_group(group, checks) for group, checks in GROUPS.items())])


def _check_group(group: str, checks: Sequence[Check]) -> str:
    rows = "\n".join(f"| [`{one.id}`](#{one.id}) | {one.severity} | {one.title} |" for one in checks)
    return "\n".join([f"## {group}\n\n| check | severity | what |\n|---|---|---|\n{rows}\n", *map(_check, checks)])


def _check(check: Check) -> str:
    limits = [f"- `{name}`: {one.meaning} (default {one.default})" for name, one in check.thresholds.items()]
    remedy = "\n".join(check.remedy)
    return "\n".join(
        [
            f"### {check.id}\n\n**{check.title}.** {check.why}\n",
            f"Severity {check.severity}, confidence {check.confidence}. Looks at {', '.join(check.needs)}.\n",
            *(["Thresholds:\n", *limits, ""] if limits else []),
            f"```\n{remedy}\n```\n",
            f"Controls: {', '.join(check.controls)}.\n",
        ]
    )


def exceptions_reference() -> str:
    """Return the reference of the file of exceptions as Markdown."""
    return f"{_EXCEPTIONS_HEAD}\n{_table(ExceptionFile)}\n"


_CONTROLS_HEAD: Final = """\
# Controls

The controls of each framework that access to a registry touches, by edition: what each asks, in our own words, which
checks and tables help to answer it, and what this program cannot say. The table `controls` of every run has the same,
and the column `controls` of `findings` names what a finding touches. Nothing here quotes a standard, and no control is
answered fully by software: read the standard for what it asks.

A finding touches a control only if its subject fits: one about people is not touched by accounts of systems, nor the
other way round. CIS 5.1.1 is touched only by bindings to the role `cluster-admin`.

"""

_OWN_CONTROLS_HEAD: Final = """\
## Own controls

Controls of your own, such as a company's policy, are listed in a file: `controls` in the configuration. They come after
the built-in ones in every report, and findings name them too.

```yaml
frameworks:
  - id: platform-policy
    name: Platform policy 3
    edition: "3"
    controls:
      - id: P-7
        asks: Only pipelines push to production.
        checks: [cluster-wide-push, every-*-push]
        tables: [access]
        of: people
        not_answered: Which namespaces are for production.
```

"""


def controls_reference() -> str:
    """Return the reference of all controls, and of the file of own ones, as Markdown."""
    frameworks = "".join(map(_framework, BUILT_IN.frameworks))
    return f"{_CONTROLS_HEAD}{frameworks}{_OWN_CONTROLS_HEAD}{_table(ControlsFile)}\n"


def _framework(framework: Framework) -> str:
    rows = "".join(map(_control, framework.controls))
    head = (
        f"## {framework.name}\n\nEdition: {framework.edition}. Source: <{framework.source}>. `{framework.id}` on the "
    )
    columns = "| control | asks | answered | checks | tables | not answered |\n|---|---|---|---|---|---|"
    return f"{head}command line.\n\n{columns}\n{rows}\n"


def _control(control: Control) -> str:
    checks = ", ".join(f"[`{check}`](checks.md#{check})" for check in CHECKS if check in control.checks)
    narrowed = {"people": " (of people)", "accounts": " (of accounts)"}.get(control.of, "") if checks else ""
    role = f" (role `{control.role}`)" if control.role else ""
    tables = ", ".join(f"`{name}`" for name in control.tables)
    cells = (control.id, control.asks, control.answered, f"{checks}{narrowed}{role}", tables, control.not_answered)
    return f"| {' | '.join(cells)} |\n"


def campaigns_reference() -> str:
    """Return the description of reviews, with all keys and columns, as Markdown."""
    who, said = (f"{_table(model)}\n" for model in (Reviewers, Answers))
    columns = "".join(f"| `{name}` | {meaning} |\n" for name, meaning in COLUMNS.items())
    return f"{about.HEAD}{who}{about.ANSWERS}{said}{about.APPLY}{columns}"


_METRICS_HEAD: Final = """\
# Metrics

Each run writes `metrics.prom` to its folder. With `metrics.textfile`, `run` and `merge` also write a file for the
textfile collector of node_exporter, atomically; with `metrics.pushgateway`, they push to a Pushgateway: what the last
run left replaces the group of `metrics.job`, and the time of the last success is in a group of its own (label
`outlives`). Both happen however a run ends: stopped, failed, or unable to write its reports. Only an invalid
configuration leaves the metrics as they are, so an alert on the last success always fires.

All metrics are gauges of whole zones, without names of namespaces or people. There are no counts for a zone that could
not be read, and no changes for one without an earlier run: what is unknown is absent, not zero. A run that is not
complete does not change the time of the last success.

The alerts (`deploy/chart/files/monitoring/alerts.yaml`, a PrometheusRule) and the Grafana dashboard
(`deploy/chart/files/monitoring/dashboard.json`) use these metrics.

"""


def metrics_reference() -> str:
    """Return the reference of all metrics as Markdown."""
    rows = "\n".join(f"| `{PREFIX}{name}` | {text} |" for name, text in METRICS.items())
    return f"{_METRICS_HEAD}| metric | meaning |\n|---|---|\n{rows}\n"


_GLOSSARY_HEAD: Final = """\
# Glossary

The same terms are used on the page, in the tables, by the commands and in the documents.
"""


def glossary() -> str:
    """Return the glossary as Markdown."""
    return _GLOSSARY_HEAD + "".join(f"\n**{term}**: {definition}\n" for term, definition in TERMS.items())


# What `make docs` writes into docs/.
DOCUMENTS: Final[dict[str, Callable[[], str]]] = {
    "checks.md": checks_reference,
    "columns.md": columns_reference,
    "controls.md": controls_reference,
    "exceptions.md": exceptions_reference,
    "campaigns.md": campaigns_reference,
    "configuration.md": config_reference,
    "exit-codes.md": exit_codes_reference,
    "glossary.md": glossary,
    "metrics.md": metrics_reference,
}
