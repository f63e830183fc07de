"""Every shape of error body becomes a sentence that an operator understands."""

import json

import pytest

from halo_agent.targets.halo.bodies import explain


def dotnet(message: str) -> str:
    return json.dumps(
        {"ClassName": "System.Exception", "Message": message, "Data": None, "HResult": -2146233088}
    )


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("", ""),
        ("null", ""),
        ("[]", ""),
        (dotnet("Asset tag must be unique."), "Asset tag must be unique"),
        (
            dotnet(
                "A database error occurred (515) - Cannot insert the value NULL into column 'uusername', table "
                "'D_Acme.dbo.USERS'; column does not allow nulls. INSERT fails.\r\nThe statement has been terminated."
            ),
            "its database needs a value in column 'uusername' of table 'USERS': map a field that fills it",
        ),
        (
            dotnet(
                "A database error occurred (2628) - String or binary data would be truncated in table "
                "'D_Acme.dbo.USERS', column 'uactsql'. Truncated value: 'abc'."
            ),
            "the value for column 'uactsql' of table 'USERS' is too long: shorten it at its source",
        ),
        (
            dotnet("A database error occurred (8152) - String or binary data would be truncated."),
            "one of the values is too long for its column: shorten it at its source",
        ),
        (
            dotnet(
                "(2627) - Violation of UNIQUE KEY constraint 'U_DID'. Cannot insert duplicate key in object."
            ),
            "another record holds the same value where values must be unique",
        ),
        (
            dotnet(
                'The INSERT statement conflicted with the FOREIGN KEY constraint "FK". The conflict occurred in '
                'database "D", table "dbo.SITE", column \'Ssitenum\'.'
            ),
            "the record that column 'Ssitenum' points at does not exist",
        ),
        (dotnet("A database error occurred (207) - Invalid column name 'nope'."), "it has no column 'nope'"),
        ('"Invalid advanced search parameter"', "Invalid advanced search parameter"),
        (
            '{"[0].outcome_id":["Could not convert string to integer: soon. Path \'[0].outcome_id\', line 1."]}',
            "field 'outcome_id': Could not convert string to integer: soon",
        ),
        (
            '{"[0].site_id":["Not a number."],"[0].inactive":["Not a boolean."]}',
            "field 'site_id': Not a number; field 'inactive': Not a boolean",
        ),
        ('{"":["Unexpected character"]}', "Unexpected character"),
        ('{"resultCode":7,"errorMessage":"Licence exceeded"}', "Licence exceeded"),
        ('{"error":"invalid_client"}', "invalid_client"),
        ('{"error":"x","error_description":"The secret is old."}', "The secret is old"),
        ('{"error":{"ClassName":"System.Exception","Message":"Row 2 is bad"}}', "Row 2 is bad"),
        (
            "<html><head><title>502 Bad Gateway</title></head></html>",
            "a web page ('502 Bad Gateway') came instead of data, perhaps from a proxy or a sign-in page in front of Halo",
        ),
        (
            "  <!doctype html><p>no title",
            "a web page came instead of data, perhaps from a proxy or a sign-in page in front of Halo",
        ),
        (
            "Rate Limit Reached - 300 Requests per rolling 5 minute window",
            "Rate Limit Reached - 300 Requests per rolling 5 minute window",
        ),
    ],
)
def test_a_body_is_explained(body: str, sentence: str) -> None:
    assert explain(body) == sentence
