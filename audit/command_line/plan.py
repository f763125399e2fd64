"""Builds the plan of a run from the configuration and the options."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from audit.checks.settings import settings_of
from audit.command_line.options import CollectOptions, PseudonymOptions, RunOptions
from audit.command_line.overlay import config_with, runs_store
from audit.command_line.pseudonyms import EXCEPTIONS_DIGEST, Names, names_of
from audit.config.model import Config, config_digest
from audit.controls.model import ControlCatalog, Framework
from audit.errors import UsageError
from audit.extras import require
from audit.findings.exceptions import ExceptionSet, load_exceptions
from audit.findings.fail_on import Gate
from audit.findings.own_controls import load_controls
from audit.job.judging import Judgement
from audit.job.plan import RunPlan
from audit.job.sealing import Seal, reach_of, signer_of
from audit.regular_files import read_regular
from audit.snapshot.scope import Selects
from audit.storage.store import Store
from reports.audience import audience


@dataclass(frozen=True, slots=True)
class Request:
    """A request for a run: the configuration, overridden by options, and settings that only options have.

    `digest` is the digest of the configuration file, or empty.
    """

    config: Config
    options: RunOptions
    digest: str = ""
    names: Names | None = None
    verify: int = 0
    readers: Sequence[str] = ()

    @classmethod
    def of(
        cls,
        file: Config | None,
        options: RunOptions,
        collect: CollectOptions | None = None,
        pseudonyms: PseudonymOptions | None = None,
        readers: Sequence[str] = (),
        *,
        from_file: bool = True,
    ) -> Self:
        """Return the request for a configuration and the options of a command line. Raises UsageError.

        Without `from_file`, the configuration was not read from a file, and has no digest.
        """
        collect, pseudonyms = collect or CollectOptions(), pseudonyms or PseudonymOptions()
        config = config_with(
            file,
            out=options.out,
            formats=options.formats,
            frameworks=options.framework,
            exceptions=options.exceptions,
            fail_on=options.fail_on,
            fail_on_new=options.fail_on_new,
            sign_key=options.sign_key,
            expand=options.expand,
            usage=options.usage,
            replicas=options.replicas,
            scope=collect.scope,
            stale_days=collect.stale_days,
        )
        key = pseudonyms.pseudonyms or config.pseudonyms.key_file
        names = names_of(key, pseudonyms.pseudonym_map or config.pseudonyms.map_file, runs_store(config).where)
        return cls(config, options, config_digest(file) if file and from_file else "", names, collect.verify, readers)

    @property
    def store(self) -> Store:
        """Return the folder or bucket of runs."""
        return runs_store(self.config)

    def plan(self, *, stale_days: float = 0, every_zone: bool = False) -> RunPlan:
        """Return the plan of the run. Raises UsageError."""
        config, names = self.config, self.names
        if "xlsx" in config.output.formats:
            require("xlsx")
        judgement = Judgement(
            replace(settings_of(config), controls=load_controls(config.controls)),
            ExceptionSet(load_exceptions(config.exceptions) if config.exceptions else ()),
            Gate(config.fail_on, config.fail_on_new),
        )
        selects: Selects | None = None if config.namespaces.everything else config.namespaces.selects
        readers = [audience(reader) for reader in self.readers]
        options, digest = self._recorded(), self.digest
        if names:
            judgement = names.judgement(judgement)
            selects = selects and names.by.selects(selects)
            readers = [*map(names.reader, readers)]
            options, digest = names.options(options), names.by.digest(digest)
        return RunPlan(
            formats=config.output.formats,
            selects=selects,
            config_digest=digest,
            judgement=judgement,
            seal=Seal(reach_of(config, judgement.settings), options, signer_of(config), names.by if names else None),
            stale_days=stale_days,
            every_zone=every_zone,
            expand=config.output.expand_cluster_wide,
            reports_by=config.output.reports_by,
            reports_for=readers,
            frameworks=_frameworks(judgement.settings.controls, config.output.frameworks),
            csv=config.output.csv,
            pseudonymizer=names.pseudonymizer(config) if names else None,
            usage=config.usage,
        )

    def _recorded(self) -> dict[str, str]:
        """Return the options that affect the content of the run, for its manifest."""
        config = self.config
        exceptions = config.exceptions
        options = {
            "zones": ", ".join(self.options.only),
            "formats": ", ".join(config.output.formats),
            "frameworks": ", ".join(config.output.frameworks),
            "scope": config.collect.scope if self.digest else "",
            "verify": str(self.verify or ""),
            EXCEPTIONS_DIGEST: hashlib.sha256(read_regular(exceptions)).hexdigest() if exceptions else "",
            "fail_on": config.fail_on or "",
            "fail_on_new": "yes" if config.fail_on_new else "",
            "expand": "yes" if config.output.expand_cluster_wide else "",
            "usage": "yes" if config.usage.logs else "",
            "replicas": str(config.usage.replicas or ""),
        }
        return {name: text for name, text in options.items() if text}


def _frameworks(catalog: ControlCatalog, names: Sequence[str]) -> list[Framework]:
    """Return the frameworks with these ids or names, without duplicates. Raises UsageError for an unknown one."""
    found = {}
    for name in names:
        framework = catalog.framework(name)
        if framework is None:
            known = ", ".join(framework.id for framework in catalog.frameworks)
            raise UsageError(f"no such framework: {name}", fix=f"choose from {known}")
        found[framework.id] = framework
    return list(found.values())
