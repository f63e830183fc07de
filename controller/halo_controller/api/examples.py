"""Examples on the API's own page; each is a valid body, and a test says so."""

from typing import Any, Final

Example = dict[str, Any]  # Any: as FastAPI declares them

TENANT: Final[Example] = {
    "hosted": {
        "summary": "A Halo instance in Halo's cloud",
        "value": {
            "name": "acme",
            "title": "Acme Ltd",
            "halo": {
                "url": "https://acme.haloitsm.com",
                "client_id": "1f0c0d8e-7d0f-4f6e-9a34-3f4e3b6f1c55",
                "client_secret": "secret://halo-acme",
            },
        },
    },
}

GROUP: Final[Example] = {
    "local": {
        "summary": "The agents of one office",
        "value": {"name": "acme-london", "title": "Acme, London"},
    },
}

ENABLING: Final[Example] = {
    "entra-id": {
        "summary": "People and devices from Microsoft Entra ID",
        "value": {
            "entities": ["users", "assets"],
            "settings": {
                "directories": [
                    {
                        "tenant": "acme.onmicrosoft.com",
                        "client_id": "6f1c0d8e-7d0f-4f6e-9a34-3f4e3b6f1c55",
                        "client_secret": "secret://entra",
                        "place": {"client": "Acme Ltd", "site": "Head Office"},
                    }
                ]
            },
        },
    },
}

OVERRIDE: Final[Example] = {
    "at night": {
        "summary": "Every night at three",
        "value": {"cron": "0 3 * * *", "reason": "their backup loads the tool until two"},
    },
}

CLASSES: Final[Example] = {
    "as it comes": {
        "summary": "Small ones each half hour; large is longer than ten minutes or more than 20,000 records",
        "value": {"every": "30m", "long": "10m", "many": 20000, "runs_at_once": 2},
    },
}

AGENT: Final[Example] = {
    "local": {
        "summary": "An agent on a customer's network",
        "value": {"name": "london-1", "group": "acme-london"},
    },
}

PERSON: Final[Example] = {
    "administrator": {
        "summary": "Someone of a tenant, by e-mail and in Slack, left alone at night",
        "value": {
            "name": "jane",
            "title": "Jane Doe",
            "channels": [
                {"kind": "email", "address": "jane@acme.example"},
                {"kind": "slack", "url": "secret://slack-acme"},
            ],
            "incoming": {"pace": "immediately", "level": "error", "after_failures": 2},
            "outgoing": {"pace": "daily"},
            "zone": "Europe/London",
            "quiet": {"from": "22:00", "to": "07:00"},
        },
    },
}

MONITOR: Final[Example] = {
    "dashboard": {
        "summary": "A dashboard that hears what goes wrong at one tenant",
        "value": {"name": "grafana", "tenant": "acme", "level": "warning"},
    },
}

ONE_RECORD: Final[Example] = {
    "person": {"summary": "One person, by address", "value": {"key": "jane@acme.example"}},
}

LIMITS: Final[Example] = {
    "leavers": {
        "summary": "A department leaves",
        "value": {"entities": {"users": {"retire": {"count": 800, "percent": 30}}}},
    },
}

SILENCE: Final[Example] = {
    "maintenance": {
        "summary": "The directory is moved on Saturday night",
        "value": {
            "tenant": "acme",
            "starts_at": "2036-01-05T22:00:00Z",
            "lasts": "4h",
            "reason": "The directory is moved",
        },
    },
}

INTEGRATION: Final[Example] = {
    "people": {
        "summary": "Users from a directory, every quarter of an hour",
        "value": {
            "name": "people",
            "title": "People from the directory",
            "connector": "ldap",
            "group": "acme-london",
            "entities": ["users"],
            "settings": {"url": "ldaps://dc1.acme.local", "base": "ou=people,dc=acme,dc=local"},
            "mapping": {
                "users": {
                    "identity": "other5",
                    "match": ["emailaddress"],
                    "place": {"client": "Acme Ltd"},
                    "fields": {
                        "name": "displayName",
                        "emailaddress": "mail",
                        "phonenumber": {"from": "telephoneNumber", "when": "empty"},
                    },
                }
            },
            "schedule": {"every": "15m"},
        },
    },
}

TOKEN: Final[Example] = {
    "reader": {
        "summary": "A dashboard that looks at one tenant for three months",
        "value": {"name": "acme-dashboard", "role": "reader", "tenants": ["acme"], "lasts": "90d"},
    },
}
