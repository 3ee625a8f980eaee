# SPDX-License-Identifier: Apache-2.0
# The list of stages. A stage is a function that builds one fault and proves it; importing the
# modules below fills the list, in the order of the table in docs/doctor.md.
"""@fault("strip_challenges", "challenge_stripped", rows=(2,)) def stage(s): "what is wrong" …"""

from dataclasses import dataclass, field

from lab.faults.place import DomainPlace, SmallPlace


@dataclass
class Fault:
    """name: of the stage. expects: id of the finding that has to come first; "" where nothing is
    wrong. rows: of rows.py, those it stands for. place: settings of its SmallPlace; None: a
    DomainPlace. build: makes and proves it."""

    name: str
    expects: str
    rows: tuple
    build: object
    place: dict | None = field(default_factory=dict)
    note: bool = False  # the finding is a note: it has to be there, and nothing may be heavier
    slow: bool = False  # the doctor is given --slow, and takes minutes of waiting

    @property
    def what(self):
        """The fault in words."""
        return " ".join((self.build.__doc__ or self.name).split())

    def make_place(self, base):
        if self.place is None:
            return DomainPlace(base)
        settings = {key: value(base) if callable(value) else value
                    for key, value in self.place.items()}
        return SmallPlace(base, **settings)


FAULTS = []


def fault(name, expects, rows=(), domain=False, note=False, slow=False, **place):
    """`domain`: in a Samba domain. `place`: settings of SmallPlace."""
    def keep(build):
        if any(other.name == name for other in FAULTS):
            raise ValueError(f"two stages {name}")
        FAULTS.append(Fault(name, expects, rows, build, None if domain else place, note, slow))
        return build
    return keep


def healthy(name, domain=False, **place):
    return fault(name, "", domain=domain, **place)


def load():
    """All stages."""
    # pylint: disable=import-outside-toplevel, unused-import
    from lab.faults import (challenges, connections, directory, kerberos, names, nothing_wrong,
                            protection, transport)
    return FAULTS
