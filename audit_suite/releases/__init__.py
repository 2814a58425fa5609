"""Releases: compare two records, count looks at a test set, and fix what decides beforehand."""
