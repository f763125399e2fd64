"""The roles that the program asks for: all that it needs, and nothing that it does not."""

from pathlib import Path

import pytest
import yaml

from audit.cli import run_command
from audit.collect.required_access import OPTIONAL, READER, REQUIRED_ROLES, UNKNOWN_WITHOUT
from audit.collect.self_check import CHECKED_RIGHTS
from tests.commands.test_commands import configuration, live
from tests.simulator.answers import Request
from tests.simulator.rights import Right, covered, granted, right_of, rights_of
from tests.simulator.server import SimulatedZone
from tests.worlds.random_zones import world_of

OPTIONAL_LISTS = ("tokens", "pods", "builds")


def printed(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert run_command(["zones", "--required-access", *options]) == 0
    return capsys.readouterr().out


def test_nothing_in_the_roles_is_unused(tmp_path: Path) -> None:
    """Whole commands with every option ask for each right once at least; no request goes beyond (see `Zone.handle`)."""
    used: set[Right] = set()
    with (
        SimulatedZone(world_of(1), tmp_path / "a") as new,
        SimulatedZone(world_of(2), tmp_path / "b", absent={"selfsubjectreviews"}) as old,
        SimulatedZone({"zones": [], "organizationmembers": [], "teams": []}, tmp_path / "c") as control,
    ):
        zones = [live(new, tmp_path, "new"), live(old, tmp_path, "old")]
        listed = {"control_api": {"credentials": live(control, tmp_path, "control")["credentials"]}}
        config = configuration(
            tmp_path, zones, zones_from=listed, collect={"tokens": True, "pods": True, "builds": True}
        )
        assert run_command(["run", "-c", config, "-o", str(tmp_path / "out"), "--verify", "9"]) == 0
        assert run_command(["verify", "-c", config, "-n", "9", "--subjects", "2"]) == 0
        assert run_command(["zones", "-c", config]) == 0
        for server in (new, old, control):
            used |= {right for request in server.requests for right in rights_of(request)}
    assert used == granted()


@pytest.mark.parametrize(
    ("method", "target", "right", "held"),
    [
        ("GET", "/version", Right("get", "", "", path="/version"), True),
        ("GET", "/api/v1/namespaces?limit=1", Right("list", "", "namespaces"), True),
        ("GET", "/api/v1/namespaces/ns-1", Right("get", "", "namespaces", "ns-1"), False),
        ("GET", "/api/v1/namespaces/ns-1/serviceaccounts", Right("list", "", "serviceaccounts"), True),
        ("GET", "/api/v1/namespaces/ns-1/secrets/s", Right("get", "", "secrets", "s"), False),
        ("GET", "/apis/user.openshift.io/v1/users/~", Right("get", "user.openshift.io", "users", "~"), True),
        ("GET", "/apis/project.openshift.io/v1/projects", Right("list", "project.openshift.io", "projects"), True),
        ("DELETE", "/api/v1/namespaces/ns-1/serviceaccounts/x", Right("delete", "", "serviceaccounts", "x"), False),
        ("GET", "/healthz", Right("get", "", "", path="/healthz"), False),
    ],
)
def test_a_request_beyond_the_roles_is_noticed(method: str, target: str, right: Right, held: bool) -> None:
    """The check that all tests of whole commands run under can fail."""
    assert right_of(Request(method, target, {})) == right
    assert covered(right) is held


def test_a_zone_fails_when_the_program_asks_for_more(tmp_path: Path) -> None:
    """The simulator raises when it closes: no test passes that would need another role."""
    server = SimulatedZone(world_of(1), tmp_path)
    with pytest.raises(AssertionError, match="no role that the program asks for"), server:
        server.handle(Request("GET", "/api/v1/configmaps", {"user-agent": "registry-audit"}))


def test_what_costs_more_is_left_out_unless_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Secrets and reviews are roles of their own, each with its cost beside it."""
    plain = printed(capsys)
    assert [role["metadata"]["name"] for role in yaml.safe_load_all(plain)] == [READER.role]
    assert "secrets" not in str(yaml.safe_load(plain))
    assert all(f"add it using --with {name}" in plain for name in REQUIRED_ROLES)
    both = printed(capsys, "--with", "tokens,verify", "--with", "verify")
    names = [role["metadata"]["name"] for role in yaml.safe_load_all(both)]
    assert names == [READER.role, OPTIONAL["tokens"].role, OPTIONAL["verify"].role]
    assert "can read every secret of the cluster" in both
    assert all("The cost: " in "\n".join(part.remarks) for part in REQUIRED_ROLES.values())


def test_every_right_says_what_is_not_known_without_it() -> None:
    """`zones` has a sentence for each answer that it asks for."""
    assert set(UNKNOWN_WITHOUT) == set(CHECKED_RIGHTS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--required-access", "--with", "wings"], "no such part: wings (choose from tokens, pods, builds, verify"),
        (["--with", "tokens"], "--with needs --required-access"),
    ],
)
def test_a_part_that_is_not_there(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    """One message, exit code 2."""
    assert run_command(["zones", *arguments]) == 2
    assert said in capsys.readouterr().err
