"""How Active Directory writes its values."""

from datetime import UTC, datetime

import pytest

from halo_agent.connectors.active_directory import values
from halo_agent.connectors.active_directory.values import Account
from halo_agent.directories.messages import Entry

GUID = "f1b73002-eca3-4d69-849d-7b0c258606a0"
EXTENDED = f"<GUID={GUID}>;<SID=S-1-5-21-1-2-3-1104>;CN=Sjöström\\, Åsa,OU=Sales\\2C Asia,DC=example,DC=test"


def test_the_identity_is_written_as_people_know_it() -> None:
    value = bytes.fromhex("0230b7f1a3ec694d849d7b0c258606a0")
    assert values.guid(Entry("", {"objectguid": [value]})) == GUID


def test_an_object_whose_identity_may_not_be_seen_has_none() -> None:
    assert values.guid(Entry("", {})) is None


def test_a_dn_comes_with_the_identity_of_its_object() -> None:
    assert values.guid_of_dn(EXTENDED) == GUID
    assert values.plain_dn(EXTENDED) == r"CN=Sjöström\, Åsa,OU=Sales\2C Asia,DC=example,DC=test"


def test_a_dn_without_one_is_left_as_it_is() -> None:
    assert values.guid_of_dn("CN=a,DC=b") is None
    assert values.plain_dn("CN=a,DC=b") == "CN=a,DC=b"


def test_names_with_commas_are_one_name() -> None:
    dn = values.plain_dn(EXTENDED)
    assert values.dn_parts(dn)[:2] == ("Sjöström, Åsa", "Sales, Asia")
    assert values.unit_names(dn) == ("Sales, Asia",)


@pytest.mark.parametrize("never", ["", "0", "9223372036854775807"])
def test_some_accounts_never_expire(never: str) -> None:
    assert values.file_time(never) is None


def test_times_count_from_1601() -> None:
    moment = datetime(2026, 11, 26, 1, 11, 3, tzinfo=UTC)
    assert values.file_time(str(values.as_file_time(moment))) == moment
    assert values.generalized("20261126011103.0Z") == moment


def test_a_time_beyond_every_calendar_is_never() -> None:
    assert values.file_time("9223372036854775806") is None


def test_flags_that_mean_nothing_here_are_left_out() -> None:
    entry = Entry("", {"useraccountcontrol": [b"66050"]})
    assert values.flags(entry, "userAccountControl") == Account.DISABLED | Account.PASSWORD_NEVER_EXPIRES


def test_a_fingerprint_knows_no_order() -> None:
    assert values.fingerprint([b"a", b"b"]) == values.fingerprint([b"b", b"a"]) != values.fingerprint([b"a"])
