"""The audit itself, without pytest: plan, resolve, judge, gate, and the record put together."""
