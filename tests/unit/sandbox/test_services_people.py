"""People for the directory: believable, repeatable, awkward."""

import base64

from halo_sandbox.services import ldif
from halo_sandbox.services.people import people

COMPANY = people(2_000)


def test_the_same_people_every_time_and_a_longer_list_begins_like_a_shorter_one() -> None:
    assert people(100) == COMPANY[:100]


def test_nobody_shares_a_login_or_an_employee_number() -> None:
    assert len({person.uid for person in COMPANY}) == 2_000
    assert len({person.employee_number for person in COMPANY}) == 2_000
    assert all(person.uid.isascii() for person in COMPANY)


def test_some_people_share_a_name() -> None:
    assert len({person.cn for person in COMPANY}) < 2_000


def test_everyone_but_the_director_has_a_manager_who_came_before() -> None:
    known: set[str] = set()
    for person in COMPANY:
        assert person.manager in known or (person.manager is None and not known)
        known.add(person.uid)


def test_people_work_in_their_managers_department_below_the_heads() -> None:
    by_uid = {person.uid: person for person in COMPANY}
    for person in COMPANY[9:]:
        assert person.manager
        assert person.department == by_uid[person.manager].department


def test_one_in_37_has_no_mail_and_one_in_11_is_disabled() -> None:
    assert sum(person.mail is None for person in COMPANY) == 2_000 // 37
    assert sum(person.disabled for person in COMPANY) == 2_000 // 11


def test_names_hold_what_breaks_naive_parsers() -> None:
    names = [person.cn for person in people(200)]
    for awkward in (",", '"', "'", "ö", "Ł", "山", "张"):
        assert any(awkward in name for name in names), awkward


def test_ldif_keeps_ascii_readable_and_the_rest_in_base64() -> None:
    text = ldif.entry("uid=x", [("cn", "Zoë"), ("sn", " padded"), ("title", None), ("ou", "a: b")])
    assert text.splitlines() == [
        "dn: uid=x",
        f"cn:: {base64.b64encode('Zoë'.encode()).decode()}",
        f"sn:: {base64.b64encode(b' padded').decode()}",
        "ou: a: b",
    ]


def test_a_comma_in_a_group_name_does_not_split_its_dn() -> None:
    assert ldif.group_dn("Sales, Europe") == r"cn=Sales\2C Europe,ou=groups,dc=example,dc=org"


def test_a_disabled_account_is_told_apart() -> None:
    text = ldif.directory_ldif(people(11), "secret")
    assert text.count("employeeType: disabled") == 1
    assert text.count("employeeType: active") == 10
