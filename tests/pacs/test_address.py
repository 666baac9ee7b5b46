"""Addresses of DICOMweb resources."""

import pytest

from omentum.access import is_loopback
from omentum.errors import UsageError
from omentum.pacs.address import is_address, parse_address
from omentum.pacs.options import TOKEN_VARIABLE
from omentum.pacs.peers import parse_destination
from omentum.pacs.uids import is_uid, name_of_series

STUDY, SERIES = "1.2.840.1", "1.2.840.1.5"


def test_parts():
    found = parse_address(f"dicomwebs://pacs.example:8443/a/b/studies/{STUDY}/series/{SERIES}/")
    assert (found.base, found.study, found.series) == ("https://pacs.example:8443/a/b", STUDY, SERIES)
    found = parse_address(f"dicomweb://[::1]:80/studies/{STUDY}")
    assert (found.base, found.series) == ("http://[::1]:80", None)
    assert STUDY not in found.shown


@pytest.mark.parametrize("zone", ["%25eth0", "%eth0"])
def test_the_zone_of_a_link_local_address_is_looked_up_as_it_is(zone):
    assert parse_address(f"dicomweb://[fe80::1{zone}]:80/studies/{STUDY}").base == "http://[fe80::1%eth0]:80"
    assert not is_loopback("[fe80::1%eth0]")
    assert parse_destination("PACS@[fe80::1%eth0]:104").host == "fe80::1%eth0"


@pytest.mark.parametrize(
    "text",
    [
        "dicomweb://host/studies/",
        "dicomweb://host/",
        "dicomweb:///studies/1.2",
        "dicomweb://host/studies/1.2/series/",
        "dicomweb://host/studies/../../etc",
        "dicomweb://host/studies/1.2/series/..%2f..",
        "dicomweb://[::1/studies/1.2",
        "dicomweb:/host/studies/1.2",
        "dicomweb:host/studies/1.2",
        "dicomweb://host/studies/1.2?token=secret",
        "dicomweb://host/studies/1.2#x",
        "dicomweb://host:99999/studies/1.2",
        f"dicomweb://host/studies/{'1' * 65}",
        "dicomweb://host/studies/1.2\r\nHost: x",
    ],
)
def test_what_is_no_address(text):
    assert is_address(text)
    with pytest.raises(UsageError) as fault:
        parse_address(text)
    assert "studies/1" not in str(fault.value)


def test_no_credentials_in_an_address():
    with pytest.raises(UsageError) as fault:
        parse_address(f"dicomweb://user:secret@host/studies/{STUDY}")
    assert "secret" not in str(fault.value)
    assert TOKEN_VARIABLE in str(fault.value)


def test_paths_are_no_addresses():
    assert not any(map(is_address, ("ct.nii.gz", "/a/b", "file:///etc/passwd", "http://host/a", "dicomweb:a")))


def test_uids():
    assert all(map(is_uid, ("1", "1.2.840.10008", "1.02")))
    assert not any(map(is_uid, ("", ".", "1..2", "1.2.", "../1", "1.2\n", "1.2/3", "a.b", "1" * 65, "\u0661.2")))
    assert SERIES not in name_of_series(SERIES)
