"""The pytest plugin of audit-suite; loads nothing heavy until `--audit` is given."""
