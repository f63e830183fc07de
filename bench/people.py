"""Rows that look like people: any number, the same every time, made without anything that must be freed."""


def person(number: int) -> dict[str, str]:
    """The attributes of one person, as an export or a directory has them."""
    return {
        "uid": f"u{number:07d}",
        "cn": f"Given{number % 977} Müller-Family{number}",
        "givenName": f"Given{number % 977}",
        "sn": f"Müller-Family{number}",
        "mail": f"given{number % 977}.family{number}@example.org",
        "telephoneNumber": f"+44 20 7946 {number:07d}",
        "mobile": f"+44 7700 {number:07d}",
        "title": f"Systems Engineer {number % 53}",
        "departmentNumber": f"Research & Development {number % 31}",
        "employeeNumber": f"{number:08d}",
    }
