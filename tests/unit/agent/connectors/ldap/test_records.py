"""What becomes of one entry."""

from typing import Any

from halo_agent.connectors.ldap.client import Entry
from halo_agent.connectors.ldap.records import attributes_of, record
from halo_agent.connectors.ldap.settings import LdapSettings
from halo_agent.engine.records import SourceRecord, UnreadableRecord

DN = "uid=ann,ou=people,dc=example,dc=com"


def settings(**changes: Any) -> LdapSettings:
    needed = {
        "url": "ldaps://ldap.example.com",
        "bind_dn": "cn=halo-reader,dc=example,dc=com",
        "password": "secret://directory",
        "base": "dc=example,dc=com",
    }
    return LdapSettings.model_validate(needed | changes)


def entry(**values: bytes | tuple[bytes, ...]) -> Entry:
    """An entry with an id and a name; attribute names are in lower case, as the client gives them."""
    given = {"entryuuid": b"1-2-3", "cn": b"Ann"} | values
    return Entry(DN, {name: value if isinstance(value, tuple) else (value,) for name, value in given.items()})


def user(found: Entry, of: LdapSettings) -> SourceRecord:
    made = record(found, of)
    assert isinstance(made, SourceRecord)
    return made


def reason(found: Entry, of: LdapSettings) -> str:
    made = record(found, of)
    assert isinstance(made, UnreadableRecord)
    assert made.place == DN
    return made.reason


def test_a_value_stands_alone_and_several_keep_their_order() -> None:
    attributes = user(entry(mail=(b"b@x", b"a@x"), title=b"Buyer"), settings()).attributes

    assert attributes == {
        "entryUUID": "1-2-3",
        "cn": "Ann",
        "mail": ("b@x", "a@x"),
        "title": "Buyer",
        "dn": DN,
    }


def test_names_are_spelt_as_in_the_settings() -> None:
    spelt = settings(attributes=["Mail"], id_attribute="ENTRYUUID")

    assert set(user(entry(mail=b"a@x"), spelt).attributes) == {"dn", "ENTRYUUID", "cn", "Mail"}


def test_what_is_not_text_is_left_out() -> None:
    of = settings(attributes=["jpegPhoto", "description", "title"])
    found = entry(jpegphoto=b"\xff\xd8\xff", description=(b"\xff\xfe", b"kept"), title=b"  ")

    assert set(user(found, of).attributes) == {"dn", "entryUUID", "cn", "description"}
    assert user(found, of).attributes["description"] == "kept"


def test_a_user_without_a_name_is_called_by_the_dn() -> None:
    assert user(entry(cn=b" "), settings()).name == DN


def test_without_an_id_it_says_what_to_set() -> None:
    assert "set 'id_attribute'" in reason(entry(entryuuid=()), settings())
    assert "set 'id_attribute'" in reason(entry(entryuuid=b"\xff\x00"), settings())
    assert "has 2 values of entryUUID" in reason(entry(entryuuid=(b"1", b"2")), settings())


def test_an_account_is_out_of_use_when_it_carries_the_mark() -> None:
    of = settings(disabled={"attribute": "employeeType", "values": ["disabled", "left"]})

    assert user(entry(employeetype=b"active"), of).active
    assert user(entry(), of).active
    assert not user(entry(employeetype=b"Left"), of).active
    assert not user(entry(employeetype=(b"active", b"DISABLED")), of).active


def test_only_a_lock_that_an_administrator_set_counts() -> None:
    assert not user(entry(pwdaccountlockedtime=b"000001010000Z"), settings()).active
    assert user(entry(pwdaccountlockedtime=b"20260101120000Z"), settings()).active


def test_every_attribute_is_asked_for_once() -> None:
    of = settings(
        attributes=["mail", "CN", "dn"], disabled={"attribute": "employeeType", "values": ["disabled"]}
    )

    assert sorted(map(str.lower, attributes_of(of))) == [
        "cn",
        "employeetype",
        "entryuuid",
        "mail",
        "pwdaccountlockedtime",
    ]
