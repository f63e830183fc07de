"""LDAP as Active Directory speaks it: read-only, asynchronous, and heard of no connector."""
